"""Sealed records and the journal: neither may know of a drill that the other does not."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.events import EvidenceSealed, Resumed
from drp.domain.fold import fold
from drp.drill.declare import states
from drp.errors import EvidenceError, NotFound, NotReadable, Tampered
from drp.evidence.deposits import Deposits, gone, require_known, require_sealed
from drp.evidence.record import RECORD_NAME, make_record, record_bytes
from drp.journal import SqlJournal
from drp.sinks import DirectorySink
from tests.simulators.world import World
from tests.unit.test_drill_control_flow import run

TOOLS = {"restic": "1"}


class Kept:
    """A journal and a directory of evidence, as drills leave them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sink = DirectorySink(folder / "evidence")
        self.deposits = Deposits([self.sink, DirectorySink(folder / "copy")])
        self.reopen("journal")

    def reopen(self, name: str) -> None:
        self.journal = SqlJournal(self.folder / name / "journal.sqlite", SystemClock())

    def hold(self, drill: str, *, upto: int | None = None, sealed: bool = True, deposited: bool = True) -> None:
        """Journal a simulated drill, deposit its record, and seal it."""
        world = World()
        run(world)
        (held,) = world.journal.drills()
        told = [entry.event for entry in world.journal.entries(held) if not isinstance(entry.event, EvidenceSealed)]
        for event in told[:upto]:
            self.journal.append(drill, event)
        if not deposited:
            return
        record = record_bytes(make_record(self.journal.entries(drill), TOOLS))
        receipt = self.sink.put(drill, RECORD_NAME, record)
        if sealed:
            self.journal.append(drill, EvidenceSealed(record_digest=receipt.digest, location=receipt.location))

    def check(self) -> tuple[str, ...]:
        require_known(self.deposits.records(), self.journal)
        return require_sealed(self.deposits, states(self.journal), self.journal)


@pytest.fixture
def kept(tmp_path):
    made = Kept(tmp_path)
    made.hold("a-1")
    made.hold("a-2")
    return made


def test_what_belongs_together_is_left_in_peace(kept):
    assert kept.check() == ()
    kept.hold("a-3", upto=5, deposited=False)
    assert kept.check() == (), "a drill that is under way has no record yet"


def test_a_drill_that_was_killed_between_deposit_and_seal_is_no_tampering(kept):
    kept.hold("a-3", sealed=False)
    assert kept.check() == ()
    kept.journal.append("a-3", Resumed(reason="drp was cut off", downtime_ms=5, lost_sandboxes=()))
    assert kept.check() == ()


def test_a_journal_that_was_emptied_is_seen(kept):
    kept.reopen("another")
    with pytest.raises(Tampered, match="does not know the sealed record of drill a-1, a-2"):
        kept.check()


def test_a_journal_that_was_rolled_back_is_seen(kept):
    kept.reopen("older")
    kept.hold("a-1b")
    kept.sink = DirectorySink(kept.folder / "elsewhere")
    kept.hold("a-1")
    with pytest.raises(Tampered):
        kept.check()


def test_a_journal_that_lost_the_end_of_a_drill_is_seen(kept):
    """The record was made of more entries than the journal has of the drill, or of others."""
    kept.reopen("shorter")
    kept.hold("a-1", upto=8, deposited=False)
    kept.hold("a-2", upto=8, deposited=False)
    with pytest.raises(Tampered, match="not the one that its record was made of"):
        kept.check()


def test_a_journal_that_tells_the_same_drill_otherwise_is_seen(kept):
    kept.reopen("other")
    kept.hold("a-1", deposited=False)
    kept.hold("a-2", deposited=False)
    with pytest.raises(Tampered, match="not the one that its record was made of"):
        kept.check()


@pytest.mark.parametrize("content", [b"{}", b"", b"\xff"])
def test_a_record_that_is_none_of_an_unsealed_drill_is_seen(kept, content):
    kept.hold("a-3", upto=5, deposited=False)
    (kept.folder / "evidence" / "a-3").mkdir()
    (kept.folder / "evidence" / "a-3" / RECORD_NAME).write_bytes(content)
    with pytest.raises(Tampered, match="cannot be believed"):
        kept.check()


def test_a_changed_record_is_seen_and_a_missing_one_told(kept):
    record = kept.folder / "evidence" / "a-1" / RECORD_NAME
    content = record.read_bytes()
    record.unlink()
    assert kept.check() == ("a-1",)
    record.write_bytes(content.replace(b"passed", b"failed"))
    with pytest.raises(Tampered, match="not the one that the journal sealed"):
        kept.check()


def test_a_copy_elsewhere_stands_in_for_a_record_that_is_gone(kept):
    record = kept.folder / "evidence" / "a-1" / RECORD_NAME
    DirectorySink(kept.folder / "copy").put("a-1", RECORD_NAME, record.read_bytes())
    record.unlink()
    assert kept.check() == ()
    assert kept.deposits.record("a-1")


def test_no_copy_speaks_for_another(kept):
    record = kept.folder / "evidence" / "a-1" / RECORD_NAME
    DirectorySink(kept.folder / "copy").put("a-1", RECORD_NAME, record.read_bytes().replace(b"passed", b"failed"))
    with pytest.raises(Tampered, match="not the one that the journal sealed"):
        kept.check()


def test_a_record_that_was_sealed_where_the_site_looks_no_more_is_not_called_lost(tmp_path):
    made = Kept(tmp_path)
    made.sink = DirectorySink(tmp_path / "archive")
    made.hold("a-1")
    assert made.check() == ()
    (state,) = states(made.journal)
    assert made.deposits.condition(state) == "elsewhere"


def test_what_is_no_record_does_not_count(kept):
    (kept.folder / "evidence" / "notes").mkdir()
    (kept.folder / "evidence" / "notes" / "readme.txt").write_text("ours")
    (kept.folder / "evidence" / ".hidden").mkdir()
    (kept.folder / "evidence" / "loose.json").write_text("{}")
    assert kept.check() == ()


def test_there_must_be_a_journal_where_there_are_records(tmp_path):
    place = tmp_path / "state" / "journal.sqlite"
    with pytest.raises(Tampered, match="gone or empty"):
        SqlJournal(place, SystemClock(), absent=lambda: gone(["a-1"]))
    assert not place.exists(), "no new one is made in its place"
    place.parent.mkdir()
    place.touch()
    with pytest.raises(Tampered, match="gone or empty"):
        SqlJournal(place, SystemClock(), absent=lambda: gone(["a-1"]))
    assert place.stat().st_size == 0


def test_a_directory_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    def closed(self):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "evidence").mkdir()
    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(NotReadable, match="cannot read evidence"):
        Deposits([DirectorySink(tmp_path / "evidence")]).records()


def test_a_record_that_is_nowhere_is_not_found(kept):
    with pytest.raises(NotFound):
        kept.deposits.record("a-9")
    assert replace(fold(kept.journal.entries("a-1"))).sealed is not None


@pytest.mark.parametrize("there", [True, False])
def test_a_lost_record_is_missed_by_whichever_name_the_site_is_reached(kept, tmp_path, there):
    """Sealed through a link, or by a relative name, and looked at by another."""
    other = tmp_path.parent / f"{tmp_path.name}-link"
    other.symlink_to(tmp_path)
    if not there:
        (kept.sink.root / "a-2" / RECORD_NAME).unlink()
    (state,) = [state for state in states(kept.journal) if state.drill == "a-2"]
    seen = Deposits([DirectorySink(other / "evidence"), DirectorySink(other / "copy")])
    assert seen.condition(state) == ("intact" if there else "missing")
    elsewhere = Deposits([DirectorySink(tmp_path / "moved")])
    assert elsewhere.condition(state) == "elsewhere"


@pytest.mark.timeout(10)
def test_a_pipe_in_place_of_a_record_is_not_waited_for(kept):
    place = kept.sink.root / "a-2" / RECORD_NAME
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(NotReadable, match="is no file"):
        kept.check()
    with pytest.raises(EvidenceError, match="already holds other evidence"):
        kept.sink.put("a-2", RECORD_NAME, b"{}")
