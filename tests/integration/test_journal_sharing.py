"""The journal in SQLite with several readers, writers and processes."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.errors import Busy, StorageFull
from drp.journal import SqlJournal, engines
from drp.journal.chain import GENESIS
from tests.integration.test_journal_sqlite import event, fill, path, verify  # noqa: F401 - a fixture


def test_readers_do_not_wait_for_a_writer(path: Path) -> None:
    reader = SqlJournal(path, SystemClock(), reads_only=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(list(reader.entries("a"))) == 4
        assert reader.verify() == 10
        other.execute("ROLLBACK")
    reader.close()


def test_what_cannot_be_noted_meanwhile_is_verified_all_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_WAIT_SECONDS", 1)
    with closing(SqlJournal(path, SystemClock())) as journal:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert journal.verify() == 10
            other.execute("ROLLBACK")
        assert journal.history.verified() is None
        assert journal.verify() == 10
        assert journal.history.verified() is not None


def test_a_reader_that_pauses_sees_what_came_meanwhile_and_holds_nobody_up(path: Path) -> None:
    writer, reader = SqlJournal(path, SystemClock()), SqlJournal(path, SystemClock())
    for number in range(600):
        writer.append("long", event(number))
    entries = reader.entries("long")
    first = next(entries)
    writer.append("long", event(600))
    assert [first.sequence, *(entry.sequence for entry in entries)] == list(range(601))
    for journal in (writer, reader):
        journal.close()


def test_a_writer_that_never_ends_is_busy_after_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_WAIT_SECONDS", 1)
    journal = SqlJournal(path, SystemClock())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy, match="is busy: database is locked"):
            journal.append("d", event(1))
        other.execute("ROLLBACK")
    assert journal.append("d", event(1))[0].sequence == 0
    journal.close()


def test_a_failed_append_leaves_nothing_and_the_next_one_goes_on(path: Path) -> None:
    class BrokenClock(SystemClock):
        broken = True

        def now(self) -> object:  # type: ignore[override]
            if self.broken:
                raise StorageFull("no time left")
            return super().now()

    clock = BrokenClock()
    journal = SqlJournal(path, clock)
    with pytest.raises(StorageFull):
        journal.append("a", event(1))
    clock.broken = False
    assert journal.append("a", event(1))[0].sequence == 4
    assert journal.verify() == 11
    journal.close()


def _append_many(path: Path, drill: str, count: int) -> None:
    journal = SqlJournal(path, SystemClock())
    for number in range(count):
        journal.append(drill, event(number))
        journal.append("shared", event(number))
    journal.close()


def test_several_processes_share_one_chain(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append_many, args=(path, f"p{number}", 50)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert verify(path) == 10 + 300


def test_several_processes_make_one_journal(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "new.sqlite"
    processes = [context.Process(target=_append_many, args=(path, f"p{number}", 5)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert verify(path) == 30


def test_the_head_covers_everything(path: Path) -> None:
    journal = SqlJournal(path, SystemClock())
    before = journal.head()
    journal.append("a", event(1))
    after = journal.head()
    assert (before.position, after.position) == (9, 10)
    assert after.link != before.link
    journal.close()


def test_an_empty_journal_ends_before_its_beginning(tmp_path: Path) -> None:
    journal = SqlJournal(tmp_path / "j", SystemClock())
    assert (journal.head().position, journal.head().link) == (-1, GENESIS)
    journal.close()
