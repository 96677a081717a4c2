"""What every Journal must do: in memory, in a SQLite file, in a PostgreSQL database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.events import Event, Interrupted, PhaseCompleted, Progressed
from drp.domain.journal import Journal
from drp.domain.phase import Started
from drp.domain.runbook import RunbookResult, TaskResult
from drp.journal import SqlJournal
from tests.simulators.journal import MemoryJournal
from tests.support.fixtures_journal import PostgresServer

Open = Callable[[], Journal]


def _memory(request: pytest.FixtureRequest) -> Open:
    journal = MemoryJournal(SystemClock())
    return lambda: journal


def _sqlite(request: pytest.FixtureRequest) -> Open:
    path: Path = request.getfixturevalue("tmp_path") / "journal.sqlite"
    return lambda: _closing(request, SqlJournal(path, SystemClock()))


def _postgresql(request: pytest.FixtureRequest) -> Open:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.url(server.new_database())
    return lambda: _closing(request, SqlJournal(url, SystemClock(), password=server.password))


def _closing(request: pytest.FixtureRequest, journal: SqlJournal) -> SqlJournal:
    request.addfinalizer(journal.close)
    return journal


@pytest.fixture(
    params=[_memory, _sqlite, pytest.param(_postgresql, marks=pytest.mark.real)], ids=["memory", "sqlite", "postgresql"]
)
def open_journal(request: pytest.FixtureRequest) -> Open:
    return request.param(request)


def sign(number: int) -> Progressed:
    return Progressed(recovery="ehr", phase="restore", done_bytes=number)


def progress(number: int) -> Event:
    return Progressed(recovery="ehr", phase="restore", message=f"n° {number}", done_bytes=number)


def test_an_empty_journal_has_no_drills_and_verifies(open_journal: Open) -> None:
    journal = open_journal()
    assert journal.drills() == ()
    assert list(journal.entries("nothing")) == []
    assert journal.verify() == 0


def test_what_was_appended_is_read_back_in_order_and_chained(open_journal: Open) -> None:
    journal = open_journal()
    appended = [*journal.append("d", *map(progress, range(3))), *journal.append("d", *map(progress, range(3, 5)))]
    assert list(journal.entries("d")) == appended
    assert [entry.sequence for entry in appended] == [0, 1, 2, 3, 4]
    assert appended[0].previous == "0" * 64
    assert [entry.previous for entry in appended[1:]] == [entry.hash for entry in appended[:-1]]
    assert journal.verify() == 5


def test_another_reader_sees_what_was_appended(open_journal: Open) -> None:
    writer, reader = open_journal(), open_journal()
    (entry,) = writer.append("d", progress(1))
    assert list(reader.entries("d")) == [entry]


def test_entries_begin_after_the_one_that_is_known(open_journal: Open) -> None:
    journal = open_journal()
    appended = [*journal.append("d", *map(progress, range(3))), *journal.append("d", *map(progress, range(3, 5)))]
    assert list(journal.entries("d", after=2)) == appended[3:]
    assert list(journal.entries("d", after=4)) == []
    assert list(journal.entries("d", after=9)) == []


def test_drills_are_listed_oldest_first_and_each_has_its_own_chain(open_journal: Open) -> None:
    journal = open_journal()
    for number in range(4):
        journal.append("younger" if number % 2 else "older", progress(number))
    assert journal.drills() == ("older", "younger")
    assert [entry.sequence for entry in journal.entries("younger")] == [0, 1]
    assert journal.verify() == 4


def test_more_entries_than_one_batch(open_journal: Open) -> None:
    journal = open_journal()
    for number in range(1100):
        journal.append("d", progress(number))
    assert [entry.sequence for entry in journal.entries("d")] == list(range(1100))
    assert journal.verify() == 1100


def test_two_writers_share_one_chain(open_journal: Open) -> None:
    journals = [open_journal(), open_journal()]

    def write(journal: Journal, drill: str) -> None:
        for number in range(40):
            journal.append(drill, progress(number))
            journal.append("shared", progress(number))

    threads = [
        threading.Thread(target=write, args=(journal, f"d{number}")) for number, journal in enumerate(journals * 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journals[0].verify() == 320
    assert len(list(journals[1].entries("shared"))) == 160


def test_hostile_text_is_kept_as_text(open_journal: Open) -> None:
    journal = open_journal()
    wild = "\x00\x1b[31m \u202e ' \" \\ \n </script> %s {0} é 病 🏥"
    journal.append("d", Interrupted(signal_number=2, reason=wild))
    assert [entry.event for entry in journal.entries("d")] == [Interrupted(signal_number=2, reason=wild)]


def test_what_is_no_unicode_or_no_json_number_does_not_stop_a_drill(open_journal: Open) -> None:
    journal = open_journal()
    result = RunbookResult(
        step="start",
        ok=True,
        tasks=(TaskResult(name="\udcff", outcome="ok", duration_ms=1),),
        outputs={"ratio": float("nan"), "deep": ["\ud800"]},
    )
    (returned,) = journal.append("d", PhaseCompleted(recovery="ehr", phase="start", output=Started(runbook=result)))
    assert list(journal.entries("d")) == [returned]
    assert isinstance(returned.event, PhaseCompleted)
    assert isinstance(returned.event.output, Started)
    assert returned.event.output.runbook.tasks[0].name == "\\udcff"
    assert returned.event.output.runbook.outputs == {"ratio": None, "deep": ["\\ud800"]}
    assert journal.verify() == 1


def test_signs_of_life_are_beside_the_chain_and_thinned_as_they_age(open_journal: Open) -> None:
    journal = open_journal()
    journal.append("d", progress(0))
    noted = [journal.note("d", sign(number)) for number in range(200)]
    assert [one.event.done_bytes for one in noted] == list(range(200))
    assert [one.number for one in noted] == list(range(200))
    assert journal.verify() == len(list(journal.entries("d"))) == 1
    kept = journal.signs("d")
    assert set(kept) <= set(noted)
    assert kept[-32:] == tuple(noted[-32:]), "the newest are all there"
    assert kept[0] == noted[0], "and the first"
    assert list(journal.signs("another")) == []


def test_a_sign_of_life_may_say_anything(open_journal: Open) -> None:
    journal = open_journal()
    noted = journal.note("d", Progressed(recovery="ehr", phase="restore", message="\x00\x1b[31m \ud800 é"))
    assert journal.signs("d") == (noted,)
    assert journal.drills() == ()
