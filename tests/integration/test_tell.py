"""A site tells whom it should: once, in time, again after trouble, and never at a drill's expense."""

from __future__ import annotations

import fcntl
import json
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drp.domain.sandbox import Residue
from drp.domain.schedule.due import Due
from drp.service.told import recall
from tests.simulators.world import Script
from tests.support.monitored import MonitoredSite, monitored
from tests.support.receivers import Receiver, receiver

FAILED = Script(checks=("failed",))


def bodies(web: Receiver) -> list[str]:
    return [each.json["message"] for each in web.taken if each.method == "POST"]


def forget_waits(site: MonitoredSite) -> None:
    """Let the wait of every target be over."""
    said = json.loads(site.memory.read_text())
    for listener in said["listeners"].values():
        listener["next_at"] = None
    site.memory.write_text(json.dumps(said))


def test_who_wants_nothing_hears_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    site = monitored(tmp_path, {})
    site.hold(FAILED)
    assert site.tell().told == ()
    assert not site.memory.exists()


def test_a_failure_is_told_once_and_that_it_is_over(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(name="documents")
        site.hold()
        assert site.tell().told == ()
        failed = site.hold(FAILED)
        assert site.tell(failed).told == ("oncall",)
        assert site.tell().told == ()
        site.hold(FAILED)  # again: it is the same thing that is wrong
        assert site.tell().told == ()
        site.hold()
        assert site.tell().told == ("oncall",)
        assert site.tell().told == ()
        first, second = bodies(web)
    assert first.startswith(f"CRITICAL: ehr, level full: drill {failed} failed")
    assert second.startswith("Over:\nCRITICAL: ehr, level full: drill")


def test_trying_again_without_a_result_makes_no_failure_over(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        failed = site.hold(FAILED)
        site.tell()
        site.hold(Script(manifest=False))
        site.hold(level="hash")  # it passes, and starts nothing
        site.tell()
        assert all("Over" not in body for body in bodies(web))
        assert failed in bodies(web)[0]
        assert "is inconclusive" in bodies(web)[1]


def test_inconclusive_overdue_missed_and_a_dead_scheduler_are_told_like_failures(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(Script(manifest=False))
        dues = (
            Due(application="ehr", level="full", state="overdue"),
            Due(application="ehr", level="hash", state="never"),
            Due(application="documents", level="full", state="proven", missed=1, waits="feed-unreadable"),
        )
        site.tell(dues=dues, silent_since=site.wiring().clock.now().wall)
        (body,) = bodies(web)
        (title,) = [each.json["title"] for each in web.taken]
    assert [line.split(":")[0] for line in body.splitlines()][:6] == ["CRITICAL"] * 4 + ["WARNING"] * 2
    assert title == "[test-site] drp: 4 critical, 2 warnings"
    for word in ("inconclusive", "overdue", "never proven", "scheduler", "not held", "calendar"):
        assert word in body


@pytest.mark.parametrize(
    ("signal", "by", "expected"),
    [(15, "", True), (2, "", False), (15, "ada: wrong plan", False)],
    ids=["the system", "a person here", "a person elsewhere"],
)
def test_a_drill_that_the_system_stopped_is_told(tmp_path: Path, signal: int, by: str, expected: bool) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(name="documents")
        site.hold(signal=signal, by=by)
        site.tell()
        assert ["stopped before its end" in body for body in bodies(web)] == [True] * expected
        site.hold()
        site.tell()
        assert len(bodies(web)) == 2 * expected


@pytest.mark.parametrize(("signal", "by"), [(2, ""), (15, "ada: wrong plan")])
def test_restored_data_that_a_drill_left_is_told_though_a_person_stopped_it(
    tmp_path: Path, signal: int, by: str
) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(Script(residue=Residue(processes=0, paths=("/run/drp/left",))), signal=signal, by=by)
        assert site.tell().told == ("oncall",)
        (body,) = bodies(web)
    assert "CRITICAL" in body


def test_many_drills_of_others_do_not_make_it_over(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(signal=15)
        site.tell()
        for _ in range(55):
            site.hold(name="documents")
        assert site.tell().told == ()
        site.hold()
        site.tell()
        assert bodies(web)[1].startswith("Over:\nWARNING: ehr: drill")


def test_restored_data_that_was_left_is_told(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(Script(residue=Residue(processes=0, paths=("/run/drp/left <b>Dupont</b>",))))
        site.tell()
        (body,) = bodies(web)
    assert "was left behind" in body
    assert "Dupont" not in body, "what lay there stays there"


def test_evidence_that_does_not_verify_is_told_and_ends_nothing_else(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(FAILED)
        site.tell()
        database = tmp_path / "state" / "journal.sqlite"
        kept = database.read_bytes()
        with sqlite3.connect(database) as raw:
            for (name,) in raw.execute("select name from sqlite_master where type = 'trigger'").fetchall():
                raw.execute(f'drop trigger "{name}"')
        raw.close()
        assert site.tell().told == ("oncall",)
        assert "does not verify" in bodies(web)[1]
        assert "Over" not in bodies(web)[1]
        assert site.tell().told == ()
        database.write_bytes(kept)
        assert site.tell().told == ("oncall",)
        assert bodies(web)[2].startswith("Over:\nCRITICAL: the evidence does not verify")


def test_a_target_that_takes_nothing_is_tried_later_and_hears_all_in_the_end(tmp_path: Path) -> None:
    with receiver() as web, receiver() as deaf:
        deaf.refuses = True
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook", "deaf": f"json://{deaf.address}/hook"})
        site.hold(FAILED)
        told = site.tell()
        assert told.told == ("oncall",)
        assert "500" in told.untold["deaf"]
        assert any(line.startswith("deaf could not be told") for line in told.notices)
        assert site.tell().untold == {}, "its wait is not over"
        for _ in range(2):
            forget_waits(site)
            again = site.tell()
            assert set(again.untold) == {"deaf"}
            assert again.notices == (), "it was said when it began"
        assert recall(tmp_path / "state").listeners["deaf"].deaf
        site.hold()
        forget_waits(site)
        deaf.refuses = False
        site.tell()
        assert bodies(deaf)[-1].startswith("Over:\nCRITICAL: ehr, level full")
        assert not recall(tmp_path / "state").listeners["deaf"].tries


def test_lost_and_damaged_memory_tells_again(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(FAILED)
        site.tell()
        kept = site.memory.read_bytes()
        for damage in (None, b"", b"{}", kept[:-20], b"[1, 2]", kept.replace(b'"version":1', b'"version":2')):
            if damage is None:
                site.memory.unlink()
            else:
                site.memory.write_bytes(damage)
            assert site.tell().told == ("oncall",), damage
        assert len(set(bodies(web))) == 1
        site.memory.write_bytes(kept)
        assert site.tell().told == ()


def test_the_memory_holds_no_secret(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://user:hunter22@{web.address}/bad/tokentoken"})
        site.hold(FAILED)
        told = site.tell()
        kept = site.memory.read_text() + repr(told)
    assert "hunter22" not in kept
    assert "tokentoken" not in kept


def test_a_secret_that_is_not_there_is_told_and_stops_nobody(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook", "gone": "json://x"})
        (tmp_path / "secrets" / "gone").unlink()
        site.hold(FAILED)
        told = site.tell()
    assert told.told == ("oncall",)
    assert "cannot be read" in told.untold["gone"]


def test_targets_hear_what_they_asked_for_in_their_language(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(
            tmp_path,
            {name: f"json://{web.address}/{name}" for name in ("french", "documents", "grave")},
            options={
                "french": ", language: fr",
                "documents": ", applications: [documents]",
                "grave": ", from_level: critical",
            },
        )
        site.hold(signal=15)
        assert set(site.tell().told) == {"french"}
        assert "arrêté avant sa fin" in bodies(web)[0]
        site.hold(FAILED, name="documents")
        assert set(site.tell().told) == {"french", "documents", "grave"}


def test_two_at_once_tell_once(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(FAILED)
        site.memory.parent.mkdir()
        with (site.memory.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert site.tell().told == ()
        assert site.tell().told == ("oncall",)
        assert len(web.taken) == 1


@contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_neither_silences_nor_repeats(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(FAILED)
        with no_room():
            first, second = site.tell(), site.tell()
        assert first.told == ("oncall",)
        assert "cannot write" in first.trouble
        assert second.told == ()
        assert not site.memory.exists()
        site.hold()
        assert site.tell().trouble == ""
        assert len(web.taken) == 2
        assert recall(tmp_path / "state").listeners["oncall"].heard == {}
        assert site.memory.exists()


def test_who_may_not_write_there_is_told_so(tmp_path: Path) -> None:
    site = monitored(tmp_path, {"oncall": "json://127.0.0.1:1/x"})
    site.hold(FAILED)
    site.memory.parent.write_text("no folder")
    told = site.tell()
    assert told.told == ()
    assert told.trouble
    assert told.notices
