"""Who only looks at a journal needs no right to write, leaves no file, and sees a consistent one while others write."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.events import Event, Progressed
from drp.errors import NotReadable, Tampered
from drp.journal import SqlJournal
from tests.support.fixtures_journal import PostgresServer

READER = 64030


def event(number: int) -> Event:
    return Progressed(recovery="ehr", phase="restore", done_bytes=number)


def write(path: Path, number: int = 10) -> SqlJournal:
    journal = SqlJournal(path, SystemClock())
    for count in range(number):
        journal.append("ab"[count % 2], event(count))
    return journal


@contextmanager
def reading(path: Path) -> Iterator[SqlJournal]:
    journal = SqlJournal(path, SystemClock(), reads_only=True)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def somebody_else() -> Iterator[None]:
    os.seteuid(READER)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A state directory that others may look into, and nothing more."""
    with tempfile.TemporaryDirectory(prefix="drp-state-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def opened_to_readers(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o644)


def closed(folder: Path) -> None:
    write(folder / "journal.sqlite").close()


def copied(folder: Path, *without: str) -> None:
    """As a crash leaves it, and a copy that leaves something out."""
    journal = write(folder / "there.sqlite")
    for suffix in ("", "-wal", "-shm"):
        if suffix not in without:
            shutil.copy(folder / f"there.sqlite{suffix}", folder / f"journal.sqlite{suffix}")
    journal.close()
    (folder / "there.sqlite").unlink()


STATES: dict[str, Callable[[Path], None]] = {"closed": closed, "left by a crash": copied}


@pytest.mark.parametrize("state", STATES)
def test_reading_needs_no_right_to_write_and_leaves_nothing(state: str, folder: Path) -> None:
    STATES[state](folder)
    opened_to_readers(folder)
    before = sorted(folder.iterdir())
    for who in (somebody_else, contextlib.nullcontext):
        with who(), reading(folder / "journal.sqlite") as journal:
            assert journal.drills() == ("a", "b")
            assert journal.verify() == 10
            assert [entry.event for entry in journal.entries("b")] == [event(number) for number in (1, 3, 5, 7, 9)]
            assert journal.head().position == 9
        assert sorted(folder.iterdir()) == before


def test_a_reader_sees_what_is_written_meanwhile(folder: Path) -> None:
    writer = write(folder / "journal.sqlite")
    opened_to_readers(folder)
    with somebody_else(), reading(folder / "journal.sqlite") as journal:
        assert journal.verify() == 10
        os.seteuid(0)
        writer.append("c", event(10))
        os.seteuid(READER)
        assert journal.drills() == ("a", "b", "c")
        os.seteuid(0)
        writer.close()  # takes its log away
        os.seteuid(READER)
        assert journal.verify() == 11
    assert [path.name for path in folder.iterdir()] == ["journal.sqlite"]


def _come_and_go(path: Path, rounds: int) -> None:
    for number in range(rounds):
        journal = SqlJournal(path, SystemClock())
        for count in range(3):
            journal.append(f"drill-{number}", event(count))
        journal.close()


def test_a_reader_is_never_misled_by_writers_that_come_and_go(folder: Path) -> None:
    """Each comes with a log and takes it into the file when it goes: nothing of that may look like damage."""
    path = folder / "journal.sqlite"
    write(path).close()
    writer = multiprocessing.get_context("spawn").Process(target=_come_and_go, args=(path, 20))
    writer.start()
    try:
        with reading(path) as journal:
            seen = [10]
            while writer.is_alive():
                seen.append(journal.verify())
                assert seen[-1] >= seen[-2]
            assert journal.verify() == 70
    finally:
        writer.join()
    assert writer.exitcode == 0


def test_a_file_that_changed_while_it_was_read_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed(folder)
    with reading(folder / "journal.sqlite") as journal:
        looked = iter([1, 2, 3, 3])  # another file after the first reading, the same after the second
        monkeypatch.setattr(journal._database, "still", lambda: next(looked))
        assert journal.drills() == ("a", "b")
        assert next(looked, None) is None


def test_what_tells_whether_a_file_is_the_same(folder: Path) -> None:
    closed(folder)
    path = folder / "journal.sqlite"
    with reading(path) as journal:
        look = journal._database.still
        assert look is not None
        before = look()
        assert before == look()
        writer = write(path, 1)
        assert look() is None, "SQLite's locks see to it"
        writer.close()
        assert look() not in {None, before}


def test_an_absent_journal_is_an_empty_one(folder: Path) -> None:
    with somebody_else(), reading(folder / "journal.sqlite") as journal:
        assert (journal.drills(), journal.verify(), journal.head().position) == ((), 0, -1)
    (folder / "empty.sqlite").touch()
    with reading(folder / "empty.sqlite") as journal:
        assert journal.drills() == ()
    assert [path.name for path in folder.iterdir()] == ["empty.sqlite"]
    gone = Tampered("gone")
    with pytest.raises(Tampered, match="gone"):
        SqlJournal(folder / "journal.sqlite", SystemClock(), absent=lambda: gone, reads_only=True)


@pytest.mark.parametrize("closed_to_us", ["file", "folder", "log"])
def test_a_journal_that_is_closed_to_us_is_said_to_be_so(closed_to_us: str, folder: Path) -> None:
    writer = write(folder / "journal.sqlite")
    opened_to_readers(folder)
    name = {"file": "journal.sqlite", "folder": "", "log": "journal.sqlite-wal"}[closed_to_us]
    (folder / name).chmod(0o700)
    with somebody_else(), pytest.raises(NotReadable) as caught:
        SqlJournal(folder / "journal.sqlite", SystemClock(), reads_only=True)
    assert "cannot be read" in caught.value.message
    assert "run drp as the user who keeps the journal" in (caught.value.hint or "")
    assert "free space" not in str(caught.value)
    writer.close()


def test_damage_is_damage_to_a_reader_too(folder: Path) -> None:
    closed(folder)
    content = (folder / "journal.sqlite").read_bytes()
    (folder / "journal.sqlite").write_bytes(content.replace(b'"done_bytes":3', b'"done_bytes":4'))
    with reading(folder / "journal.sqlite") as journal, pytest.raises(Tampered):
        journal.verify()


@pytest.mark.real
def test_a_reader_of_a_server_needs_no_more_than_select(postgres_server: PostgresServer) -> None:
    database = postgres_server.new_database()
    url, password = postgres_server.url(database), postgres_server.password
    journal = SqlJournal(url, SystemClock(), password=password, reads_only=True)
    assert journal.drills() == ()
    journal.close()
    with contextlib.closing(postgres_server.connect(database)) as owner:
        assert owner.run("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'drp%'") == [[0]], "it makes nothing"
        writer = SqlJournal(url, SystemClock(), password=password)
        writer.append("a", event(1))
        owner.run("DROP ROLE IF EXISTS looker")
        owner.run("CREATE ROLE looker LOGIN PASSWORD 'looker'")
        owner.run("REVOKE ALL ON SCHEMA public FROM public")
        owner.run("GRANT USAGE ON SCHEMA public TO looker")
        theirs = url.replace("drp@", "looker@")
        with pytest.raises(NotReadable, match="permission denied"):
            SqlJournal(theirs, SystemClock(), password="looker", reads_only=True)
        owner.run("GRANT SELECT ON drp_journal, drp_journal_head TO looker")
        journal = SqlJournal(theirs, SystemClock(), password="looker", reads_only=True)
        assert journal.verify() == 1
        writer.append("b", event(2))
        assert journal.drills() == ("a", "b")
        journal.close()
        writer.close()
        owner.run("DROP OWNED BY looker")
        owner.run("DROP ROLE looker")
    with pytest.raises(NotReadable) as caught:
        SqlJournal("postgresql+pg8000://drp@127.0.0.1:1/none", SystemClock(), password="x", reads_only=True)
    assert "database server runs" in (caught.value.hint or "")
