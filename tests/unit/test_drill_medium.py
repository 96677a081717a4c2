"""What the storage of the host refuses makes a drill inconclusive, whatever the restore itself came to."""

from __future__ import annotations

import errno
from dataclasses import replace
from types import SimpleNamespace

import pytest

from drp.domain.manifest import Deviation, encode_path
from drp.domain.phase import Restored
from drp.domain.ports import Ports
from drp.domain.progress import Cancelled, Progress, Report
from drp.domain.runbook import RunbookOrder, RunbookResult
from drp.domain.volume import VolumeMade, VolumeRoom
from drp.drill.phases import restore
from drp.errors import Interrupted, MediumFailed
from tests.simulators.world import Script, World, events_of
from tests.unit.test_drill_control_flow import codes, run


@pytest.mark.parametrize("restored", [True, False])
def test_storage_of_the_host_that_fails_is_never_the_backups_fault(restored):
    world = World(Script(restore_ok=restored))
    world.script.faults["settle"] = MediumFailed("input/output error")
    assert run(world).verdict == "inconclusive"
    assert codes(world) == {"DRP-R003"}
    assert not world.alive


def hashed(number: int) -> World:
    """A drill in which one restored file could not be read."""
    world = World(Script(difference={"unreadable": 1}))
    compare = world.compare

    def unreadable(*given: object, **named: object) -> object:
        found = compare(*given, **named)
        told = Deviation(kind="unreadable", path="/a", path_b64="L2E=", observed="it says", errno=number)
        return replace(found, deviations=(told,))

    world.compare = unreadable
    return world


def test_what_the_storage_cannot_read_back_is_never_the_backups_fault():
    world = hashed(errno.EIO)
    assert run(world).verdict == "inconclusive"
    assert "settle" in world.calls


def test_what_else_cannot_be_read_is_what_the_backup_gave():
    assert run(hashed(errno.EACCES)).verdict == "failed"


def on_volume(at: str, *unexpected: str) -> World:
    """A drill with a volume for a part of the tree, after which these paths are not in the manifest."""
    world = World(Script(difference={"unexpected": len(unexpected)} if unexpected else {}))
    opened, compare = world.open, world.compare
    made = VolumeMade(at=at, backing="disk", size_bytes=1, erased_by="overwrite")

    def open_with(*given: object) -> object:
        return replace(opened(*given), volumes=(made,))

    def compared(*given: object, **named: object) -> object:
        told = (Deviation(kind="unexpected", path=each, path_b64=encode_path(each.encode())) for each in unexpected)
        return replace(compare(*given, **named), deviations=tuple(told))

    world.open, world.compare = open_with, compared
    return world


@pytest.mark.parametrize("unexpected", ["images/ct", "images"])
def test_a_volume_at_a_folder_that_was_not_backed_up_is_the_profiles_fault(unexpected):
    assert run(on_volume("/srv/app/images/ct", unexpected)).verdict == "inconclusive"


def test_what_is_unexpected_elsewhere_is_what_the_backup_gave():
    assert run(on_volume("/srv/app/images/ct", "images/mr")).verdict == "failed"
    assert run(on_volume("/srv/app/images/ct")).verdict == "passed"


FULL = (VolumeRoom(size_bytes=1 << 30, free_bytes=1 << 20),)
ROOMY = (VolumeRoom(size_bytes=1 << 30, free_bytes=1 << 29),)


@pytest.mark.parametrize("script", [{"start_ok": False}, {"checks": ("failed",)}])
def test_what_fails_on_a_full_volume_is_not_the_backups_fault(script):
    assert run(World(Script(**script, rooms=FULL))).verdict == "inconclusive"
    assert run(World(Script(**script, rooms=ROOMY))).verdict == "failed"


def test_what_passes_on_a_full_volume_has_passed():
    assert run(World(Script(rooms=FULL))).verdict == "passed"


@pytest.mark.parametrize(("size", "free", "full"), [(1 << 40, 32 << 20, False), (1 << 40, 31 << 20, True),
                                                   (16 << 20, 2 << 20, False), (16 << 20, (2 << 20) - 1, True)])  # fmt: skip
def test_a_volume_is_full_when_not_even_a_log_would_fit(size, free, full):
    assert VolumeRoom(size_bytes=size, free_bytes=free).full is full


class Telling(World):
    """A world whose restore tells of its progress, and asks whether it is to stop."""

    def __init__(self, script: Script, done: int, total: int) -> None:
        super().__init__(script)
        self.done, self.total = done, total

    def ports(self) -> Ports:
        ports = super().ports()
        run_it = ports.runbooks.run

        def run(order: RunbookOrder, report: Report, cancelled: Cancelled) -> RunbookResult:
            if order.step == "restore":
                report(Progress(done_bytes=self.done, total_bytes=self.total))
                if cancelled():
                    raise Interrupted("stopped")
            return run_it(order, report, cancelled)

        return replace(ports, runbooks=SimpleNamespace(run=run))


@pytest.mark.parametrize(
    ("done", "total", "known", "verdict"),
    [
        (1 << 30, 20 << 30, True, "inconclusive"),
        (19 << 30, 20 << 30, True, "passed"),
        (1 << 20, 20 << 30, True, "passed"),
        (1 << 30, 20 << 30, False, "passed"),
    ],
)
def test_a_restore_that_cannot_fit_is_stopped_and_is_not_the_backups_fault(done, total, known, verdict):
    """Where a tool counts holes as bytes nobody knows what is left to write."""
    world = Telling(Script(holes_known=known), done, total)
    free = iter([7 << 30])
    world.rooms = lambda _: (VolumeRoom(size_bytes=8 << 30, free_bytes=next(free, 6 << 30)),)
    assert run(world).verdict == verdict
    assert (codes(world) & {"DRP-R003"} != set()) == (verdict == "inconclusive")
    assert not world.alive


def test_what_it_takes_to_reach_the_medium_is_the_harness_s_and_not_the_recovery_s(monkeypatch):
    monkeypatch.setattr(restore, "time", SimpleNamespace(monotonic=iter([100.0, 107.5]).__next__))
    world = World(Script())
    run(world)
    outputs = [getattr(event, "output", None) for event in events_of(world)]
    (done,) = [output for output in outputs if isinstance(output, Restored)]
    assert done.runbook.harness_ms == 5 + 7500
