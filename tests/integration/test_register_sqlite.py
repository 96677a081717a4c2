"""The register in a SQLite file: its guards, what a clumsy or a sly hand changes, and what drills say of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.schedule.events import SlotEnded, SlotExpected
from drp.domain.schedule.fold import fold_register
from drp.domain.schedule.slot import Slot
from drp.errors import Tampered
from drp.journal import SqlJournal
from drp.journal.register import SqlRegister
from drp.journal.register_tables import METADATA

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
MANY = 400
"""So many slots that the state is noted in short."""


def slot(number: int) -> Slot:
    return Slot(application="ehr", level="full", at=AT + timedelta(days=number))


@contextmanager
def register_at(path: Path, *, reads_only: bool = False) -> Iterator[SqlRegister]:
    with closing(SqlJournal(path, SystemClock(), reads_only=reads_only)) as journal:
        yield journal.register


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.sqlite"
    with register_at(path) as register:
        for number in range(MANY):
            register.append(
                SlotExpected(slot=slot(number)),
                *([SlotEnded(slot=slot(number), ending="missed", reason="too-late", values={})] if number else []),
            )
        assert list(register.state().open) == [slot(0).id]
    return path


def forced(path: Path, *statements: str) -> None:
    """Change the file as one does who switches the guards off, and on again."""
    with closing(sqlite3.connect(path)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        mine = [(name, sql) for name, sql in guards if name.startswith("drp_register")]
        for name, _ in mine:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in mine:
            connection.execute(sql)
        connection.commit()


def test_the_state_is_noted_in_short_and_read_by_who_only_reads(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM drp_register_state").fetchone() == (1,)
    with register_at(path, reads_only=True) as register:
        assert register.state() == fold_register(register.entries())
        assert register.verify() == 2 * MANY - 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE drp_register SET body = replace(body, 'missed', 'paused') WHERE position = 2",
        "DELETE FROM drp_register WHERE position = 798",
        "INSERT INTO drp_register SELECT position + 1, NULL, NULL, body, link FROM drp_register WHERE position = 797",
        "DELETE FROM drp_register_head",
        "UPDATE drp_register_head SET position = 3",
        "INSERT OR REPLACE INTO drp_register SELECT * FROM drp_register WHERE position = 3",
    ],
)
def test_honest_software_cannot_change_it(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA recursive_triggers=ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
        (number,) = connection.execute("SELECT count(*) FROM drp_register").fetchone()
        assert number == 2 * MANY - 1


def test_an_end_without_a_slot_is_refused_by_the_database_itself(path: Path) -> None:
    row = "SELECT position + 1, NULL, 'ehr/full@20990101T000000Z', body, link FROM drp_register WHERE position = 798"
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="never expected"):
        connection.execute(f"INSERT INTO drp_register {row}")


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE drp_register SET body = replace(body, 'missed', 'paused') WHERE position = 2"],
        ["UPDATE drp_register SET ended = NULL WHERE position = 2"],
        ["DELETE FROM drp_register WHERE position = 5"],
        ["DELETE FROM drp_register WHERE position = 798"],
        [
            "DELETE FROM drp_register WHERE position > 796",
            "UPDATE drp_register_head SET position = 796",
        ],
        ["UPDATE drp_register_head SET position = 5000"],
        ["DELETE FROM drp_register_head"],
    ],
    ids=["edited", "moved", "taken out", "cut off", "rolled back", "head ahead", "no head"],
)
def test_what_a_sly_hand_changed_is_found(path: Path, statements: list[str]) -> None:
    forced(path, *statements)
    with register_at(path, reads_only=True) as register, pytest.raises(Tampered):
        register.verify()


def test_removed_guards_are_seen_before_anything_is_read(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER drp_register_no_delete")
    with register_at(path) as register, pytest.raises(Tampered, match="drp_register_no_delete"):
        register.state()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE drp_register_state SET state = replace(state, 'missed', 'paused')",
        "UPDATE drp_register_state SET position = 3",
        "UPDATE drp_register_state SET link = replace(link, substr(link, 1, 1), 'x')",
        "UPDATE drp_register_state SET state = 'nonsense'",
        "DELETE FROM drp_register_state",
    ],
)
def test_notes_that_do_not_fit_are_passed_over_and_made_again(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    with register_at(path) as register:
        assert register.state() == fold_register(register.entries())
    with register_at(path, reads_only=True) as register:
        assert register.verify() == 2 * MANY - 1
        assert register.state() == fold_register(register.entries())


def test_notes_that_were_forged_with_their_digest_are_found_when_all_is_verified(path: Path) -> None:
    from drp.journal.register_rows import snapshot_digest

    with closing(sqlite3.connect(path)) as connection:
        position, link, state = connection.execute("SELECT position, link, state FROM drp_register_state").fetchone()
        forged = state.replace('"missed":399', '"missed":1')
        assert forged != state
        row = (forged, snapshot_digest(position, link, forged))
        connection.execute("UPDATE drp_register_state SET state = ?, digest = ?", row)
        connection.commit()
    with register_at(path) as register:
        with pytest.raises(Tampered, match="does not follow"):
            register.verify()
        assert register.state() == fold_register(register.entries())
        assert register.verify() == 2 * MANY - 1


def test_a_journal_without_a_register_gets_none_by_being_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    SqlJournal(path, SystemClock()).close()
    before = path.read_bytes()
    with register_at(path, reads_only=True) as register:
        assert register.state() == fold_register(())
        assert register.beats() == {}
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert not names & set(METADATA.tables)
