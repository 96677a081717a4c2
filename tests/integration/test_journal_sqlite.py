"""The journal in a SQLite file: its guards, what a clumsy or a sly hand changes, and who may read while one writes."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.events import Event, Interrupted, Progressed
from drp.errors import ConfigError, Tampered
from drp.journal import SqlJournal
from drp.journal.chain import forge, link


def event(number: int) -> Event:
    return Progressed(recovery="ehr", phase="restore", done_bytes=number)


def fill(path: Path) -> None:
    """Three drills: a at positions 0, 1, 3, 6; b at 2, 4, 5; c at 7, 8, 9."""
    journal = SqlJournal(path, SystemClock())
    for number, drill in enumerate("aababbaccc"):
        journal.append(drill, event(number))
    journal.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    fill(tmp_path / "journal.sqlite")
    return tmp_path / "journal.sqlite"


def verify(path: Path) -> int:
    journal = SqlJournal(path, SystemClock())
    try:
        return journal.verify()
    finally:
        journal.close()


STATEMENTS = {
    "update": "UPDATE drp_journal SET body = 'x' WHERE position = 3",
    "update of nothing that matters": "UPDATE drp_journal SET body = body",
    "delete": "DELETE FROM drp_journal WHERE position = 9",
    "delete all": "DELETE FROM drp_journal",
    "replace by position": "INSERT OR REPLACE INTO drp_journal SELECT * FROM drp_journal WHERE position = 9",
    "replace by sequence": "INSERT OR REPLACE INTO drp_journal SELECT 10, drill, sequence, body, hash, link FROM drp_journal WHERE position = 3",
    "upsert": "INSERT INTO drp_journal SELECT * FROM drp_journal WHERE position = 9 ON CONFLICT DO UPDATE SET body = 'x'",
    "a gap": "INSERT INTO drp_journal SELECT 12, 'z', 0, body, hash, link FROM drp_journal WHERE position = 9",
    "the past": "INSERT INTO drp_journal SELECT 3, 'z', 0, body, hash, link FROM drp_journal WHERE position = 9",
    "head back": "UPDATE drp_journal_head SET position = 8",
    "head on": "UPDATE drp_journal_head SET position = 10",
    "head elsewhere": "UPDATE drp_journal_head SET link = 'x'",
    "head gone": "DELETE FROM drp_journal_head",
    "a second head": "INSERT INTO drp_journal_head VALUES (2, 1, -1, 'x')",
    "another type": "INSERT INTO drp_journal VALUES ('ten', 'z', 0, 'b', 'h', 'l')",
}  # fmt: skip


@pytest.mark.parametrize("case", STATEMENTS)
def test_drp_cannot_change_what_was_written(path: Path, case: str) -> None:
    journal = SqlJournal(path, SystemClock())
    with (
        pytest.raises(Exception, match=r"append-only|next position|constraint|datatype"),
        journal._database.writer.begin() as connection,
    ):
        connection.exec_driver_sql(STATEMENTS[case])
    assert journal.verify() == 10
    journal.close()


def test_every_connection_is_careful(path: Path) -> None:
    journal = SqlJournal(path, SystemClock())
    for engine in (journal._database.engine, journal._database.writer):
        with engine.begin() as connection:
            told = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "recursive_triggers", "busy_timeout", "trusted_schema")
            }
        assert told == {"journal_mode": "wal", "synchronous": 2, "recursive_triggers": 1, "busy_timeout": 10000, "trusted_schema": 0}  # fmt: skip
    journal.close()


def tamper(path: Path, *statements: str) -> None:
    """Change the file as its owner can: guards off, change, guards on again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in guards:
            connection.execute(sql)


MATRIX = {
    "edit an event": (
        ["UPDATE drp_journal SET body = replace(body, '\"done_bytes\":3', '\"done_bytes\":4') WHERE position = 3"],
        "drill a, entry 2: its content does not fit its hash",
    ),
    "edit an instant": (
        ["UPDATE drp_journal SET body = replace(body, '\"wall\":\"2', '\"wall\":\"3') WHERE position = 0"],
        "drill a, entry 0: its content does not fit its hash",
    ),
    "edit a hash": (
        ["UPDATE drp_journal SET hash = '" + "0" * 64 + "' WHERE position = 3"],
        "drill a, entry 2: its content does not fit its hash",
    ),
    "edit a link": (
        ["UPDATE drp_journal SET link = '" + "0" * 64 + "' WHERE position = 3"],
        "drill a, entry 2: its place in the journal was changed",
    ),
    "move to another drill": (
        ["UPDATE drp_journal SET drill = 'z', sequence = 0 WHERE position = 9"],
        "drill z, entry 0: its content belongs to drill c, entry 2",
    ),
    "swap two entries": (
        ["CREATE TEMP TABLE kept AS SELECT body, hash FROM drp_journal WHERE position = 1",
         "UPDATE drp_journal SET (body, hash) = (SELECT body, hash FROM drp_journal WHERE position = 3) WHERE position = 1",
         "UPDATE drp_journal SET (body, hash) = (SELECT body, hash FROM kept) WHERE position = 3"],
        "drill a, entry 1: its content belongs to drill a, entry 2",
    ),
    "swap two positions": (
        ["UPDATE drp_journal SET position = 100 WHERE position = 7", "UPDATE drp_journal SET position = 7 WHERE position = 4",
         "UPDATE drp_journal SET position = 4 WHERE position = 100"],
        "drill c, entry 0: its place in the journal was changed",
    ),
    "delete the first": (["DELETE FROM drp_journal WHERE position = 0"], "drill a, entry 0: it is missing"),
    "delete in the middle": (["DELETE FROM drp_journal WHERE position = 3"], "drill a, entry 2: it is missing"),
    "delete a drill's end": (
        ["DELETE FROM drp_journal WHERE position = 6"],
        "drill c, entry 0: 1 entry is missing from the journal before it, after drill b, entry 2",
    ),
    "delete a whole drill": (
        ["DELETE FROM drp_journal WHERE drill = 'b'"],
        "drill a, entry 2: 1 entry is missing from the journal before it, after drill a, entry 1",
    ),
    "delete the last drill": (
        ["DELETE FROM drp_journal WHERE drill = 'c'"],
        "its recorded head does not fit its last entry",
    ),
    "delete the end": (["DELETE FROM drp_journal WHERE position = 9"], "its recorded head does not fit its last entry"),
    "delete everything": (["DELETE FROM drp_journal"], "its recorded head does not fit its last entry"),
    "delete the end and set the head back": (
        ["DELETE FROM drp_journal WHERE position = 9", "UPDATE drp_journal_head SET position = 8"],
        "its recorded head does not fit its last entry",
    ),
    "delete the head": (["DELETE FROM drp_journal_head"], "its head is gone"),
    "add a copy": (
        ["INSERT INTO drp_journal SELECT 10, drill, 3, body, hash, link FROM drp_journal WHERE position = 9"],
        "its recorded head does not fit its last entry",
    ),
    "add a copy and move the head": (
        ["INSERT INTO drp_journal SELECT 10, drill, 3, body, hash, link FROM drp_journal WHERE position = 9",
         "UPDATE drp_journal_head SET position = 10"],
        "drill c, entry 3: its content belongs to drill c, entry 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MATRIX)
def test_what_a_hand_with_the_file_changes_is_seen_and_named(path: Path, case: str) -> None:
    statements, expected = MATRIX[case]
    tamper(path, *statements)
    with pytest.raises(Tampered) as caught:
        verify(path)
    assert expected in caught.value.message
    assert caught.value.exit_status == 14


READ = {"edit an event": "a", "edit a hash": "a", "move to another drill": "z", "swap two entries": "a", "delete the first": "a", "delete in the middle": "a"}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_reading_a_drill_sees_it_too(path: Path, case: str) -> None:
    journal = SqlJournal(path, SystemClock())
    tamper(path, *MATRIX[case][0])
    with pytest.raises(Tampered, match=f"drill {READ[case]}, entry"):
        list(journal.entries(READ[case]))
    journal.close()


def test_a_forged_entry_that_was_chained_by_hand_but_bypassed_the_head_is_seen(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        previous, chained = connection.execute("SELECT hash, link FROM drp_journal WHERE position = 9").fetchone()
    body, entry = forge("c", 3, SystemClock().now(), Interrupted(signal_number=2, reason="never happened"), previous)
    row = f"(10, 'c', 3, '{body}', '{entry.hash}', '{link(10, entry.hash, chained)}')"
    tamper(path, f"INSERT INTO drp_journal VALUES {row}")
    with pytest.raises(Tampered, match="its recorded head does not fit its last entry"):
        verify(path)


def test_guards_that_are_gone_are_missed(path: Path) -> None:
    journal = SqlJournal(path, SystemClock())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER drp_journal_no_update")
    with pytest.raises(Tampered, match="guards were removed: drp_journal_no_update"):
        journal.verify()
    journal.close()
    with pytest.raises(Tampered, match="guards were removed: drp_journal_no_update"):
        SqlJournal(path, SystemClock())


def test_a_guard_that_was_made_harmless_is_missed(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER drp_journal_no_delete")
        connection.execute("CREATE TRIGGER drp_journal_no_delete BEFORE DELETE ON drp_journal BEGIN SELECT 1; END")
    with pytest.raises(Tampered, match="drp_journal_no_delete"):
        SqlJournal(path, SystemClock())


def test_damaged_pages_are_called_damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for offset in range(4096, len(content), 64):
        content[offset] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(Tampered):
        verify(path)


def test_a_file_that_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"this is a text file, and long enough to be no database header at all" * 9)
    with pytest.raises(Tampered, match="is damaged: file is not a database"):
        SqlJournal(tmp_path / "x", SystemClock())


def test_a_journal_from_a_newer_drp_is_left_alone(path: Path) -> None:
    tamper(path, "UPDATE drp_journal_head SET schema_version = 2")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"written by a newer drp \(schema 2; this one knows 1\)") as caught:
        SqlJournal(path, SystemClock())
    assert caught.value.hint == "use the newer drp; this one changes nothing in it"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("nonsense", "is not a database url"),
        ("mysql://u@h/d", "cannot be kept in mysql"),
        ("postgresql+pg8000://h/d", "names no user"),
        ("postgresql://u@h/d", "cannot be kept in postgresql"),
    ],
)
def test_a_url_that_leads_nowhere(location: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SqlJournal(location, SystemClock())


def test_the_file_is_not_for_everybody(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        journal = SqlJournal(tmp_path / "deep" / "er" / "journal.sqlite", SystemClock())
        journal.append("d", event(1))
        for file in (tmp_path / "deep/er").iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o640, file
        assert stat.S_IMODE((tmp_path / "deep/er").stat().st_mode) & 0o007 == 0
        journal.close()
    finally:
        os.umask(old)


def test_a_path_with_anything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%20é" / "journal.sqlite"
    journal = SqlJournal(path, SystemClock())
    journal.append("d", event(1))
    journal.close()
    assert verify(path) == 1
