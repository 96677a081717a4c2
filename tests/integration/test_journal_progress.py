"""Signs of life beside the chain: how many are kept, what becomes of them when somebody changes or cannot keep them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.events import Interrupted, Progressed
from drp.journal import SqlJournal, progress
from tests.support.fixtures_journal import PostgresServer

FOUR_HOURS = 4 * 3600


def sign(number: int) -> Progressed:
    return Progressed(recovery="ehr", phase="restore", done_bytes=number)


def test_four_hours_of_them_keep_a_few_hundred() -> None:
    kept: set[int] = set()
    for number in range(FOUR_HOURS):
        kept.add(number)
        kept.difference_update(progress._aged(number))
    assert len(kept) < 250
    assert {0, *range(FOUR_HOURS - 32, FOUR_HOURS)} <= kept
    gaps = [after - before for before, after in zip(sorted(kept), sorted(kept)[1:], strict=False)]
    assert gaps == sorted(gaps, reverse=True), "the older, the fewer"


def test_changed_ones_are_passed_over_and_nothing_rests_on_them(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqlJournal(path, SystemClock())
    journal.append("d", Interrupted(signal_number=2, reason="x"))
    for number in range(4):
        journal.note("d", sign(number))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE drp_journal_progress SET body = 'x' WHERE number = 1")
        connection.execute("UPDATE drp_journal_progress SET body = replace(body, '\"d\"', '\"e\"') WHERE number = 2")
        connection.execute("DELETE FROM drp_journal_progress WHERE number = 3")
    assert [one.number for one in journal.signs("d")] == [0]
    assert journal.verify() == 1
    assert journal.note("d", sign(9)).number == 3
    journal.close()


def test_a_journal_of_an_older_drp_gets_room_for_them_when_it_is_written_and_not_when_it_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqlJournal(path, SystemClock())
    journal.append("d", sign(1))
    journal.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE drp_journal_progress")
    before = path.read_bytes()
    reader = SqlJournal(path, SystemClock(), reads_only=True)
    assert (reader.verify(), reader.signs("d"), path.read_bytes() == before) == (1, (), True)
    reader.close()
    writer = SqlJournal(path, SystemClock())
    noted = writer.note("d", sign(2))
    assert (writer.signs("d"), writer.verify()) == ((noted,), 1)
    writer.close()


@pytest.mark.real
def test_a_writer_that_may_not_keep_them_shows_them_all_the_same(postgres_server: PostgresServer) -> None:
    database = postgres_server.new_database()
    with closing(postgres_server.connect(database)) as owner:
        journal = SqlJournal(postgres_server.url(database), SystemClock(), password=postgres_server.password)
        owner.run("DROP TABLE drp_journal_progress")
        noted = journal.note("d", sign(1))
        assert (noted.number, noted.event, journal.signs("d")) == (-1, sign(1), ())
        assert journal.append("d", sign(2))[0].sequence == 0
        journal.close()
