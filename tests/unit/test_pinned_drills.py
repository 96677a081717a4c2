"""Drills that are bound to object versions: what they say of the repository, and of what the store could not give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from drp.domain.events import DrillConcluded, PhaseCompleted, PhaseFailed
from drp.domain.findings.finding import Finding
from drp.domain.phase import Restored, Selected
from drp.domain.phrase import NOTHING, say
from drp.domain.ports import Report
from drp.domain.recovery_point import Selection
from drp.domain.runbook import RunbookOrder, RunbookResult
from drp.domain.worm.pinned import MOST_READ, Below, Pinned, ReadVersion, Served
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.drill.phases import restore_watch
from drp.errors import AccessDenied, DrpError, Interrupted, Unreachable
from tests.simulators.clock import EPOCH
from tests.simulators.world import Script, World, events_of
from tests.support.findings import told

PACK = ReadVersion(key="data/ab/abcd", version="v7", size=100, digest="abcd")


@dataclass
class SimView:
    """A view of a simulated repository, which it serves itself."""

    repository: World
    pinned: Pinned
    unsteady: tuple[str, ...] = ()
    newest: datetime | None = None
    given: Served = field(default_factory=lambda: Served(read=(PACK,)))
    why: DrpError | None = None

    def served(self, door: str) -> Served:
        return self.given

    def trouble(self) -> DrpError | None:
        return self.why


class PinnedWorld(World):
    """A world whose repository keeps versions."""

    def __init__(self, script: Script | None = None, **changes: object) -> None:
        super().__init__(script)
        self.view: SimView | None = SimView(self, Pinned(at=EPOCH, objects=4, digest="d" * 64))
        for name, value in changes.items():
            setattr(self.view, name, value)
        self.asked: list[datetime | None] = []

    def pinned(self, drill: str, at: datetime | None = None) -> SimView | None:
        self.call("pinned")
        self.asked.append(at)
        return self.view

    def drill(self, as_of: datetime | None = None) -> DrillConcluded:
        (recovery,) = self.plan.recoveries
        chosen = replace(recovery, selection=replace(Selection(), as_of=as_of))
        self.plan = replace(self.plan, recoveries=(chosen,))
        conduct(declare(self.plan, self.journal, self, self.clock, requested_by="t", ad_hoc=False), self.ports())
        return next(event for event in events_of(self) if isinstance(event, DrillConcluded))

    def found(self) -> dict[str, Finding]:
        return {finding.code: finding for finding in told(events_of(self))}


def outputs(world: World) -> tuple[Selected, Restored | None]:
    given = [event.output for event in events_of(world) if isinstance(event, PhaseCompleted)]
    restored = [output for output in given if isinstance(output, Restored)]
    return next(output for output in given if isinstance(output, Selected)), restored[0] if restored else None


def test_what_a_drill_is_bound_to_and_what_it_read_are_evidence() -> None:
    world = PinnedWorld()
    assert world.drill().verdict == "passed"
    selected, restored = outputs(world)
    assert world.view is not None
    assert selected.pinned == world.view.pinned
    assert restored is not None
    assert restored.read == (PACK,)
    assert world.asked == [None, EPOCH]


def test_many_versions_are_named_up_to_a_bound_and_all_are_under_the_digest() -> None:
    read = tuple(replace(PACK, key=f"data/{number:06}") for number in range(MOST_READ + 7))
    world = PinnedWorld(given=Served(read=read))
    world.drill()
    _, restored = outputs(world)
    assert restored is not None
    assert (len(restored.read), restored.read_total, restored.versions_read) == (
        MOST_READ,
        MOST_READ + 7,
        MOST_READ + 7,
    )
    lines = "".join(f"{each.key}\0{each.version}\0{each.digest}\n" for each in read)
    assert restored.read_digest == hashlib.sha256(lines.encode()).hexdigest()


def test_a_repository_that_keeps_no_versions_is_drilled_as_it_is() -> None:
    world = PinnedWorld()
    world.view = None
    assert world.drill().verdict == "passed"
    selected, restored = outputs(world)
    assert selected.pinned is None
    assert restored is not None
    assert restored.read == ()


def test_an_attack_fails_the_drill_that_brings_everything_back_and_is_measured() -> None:
    tampering = say("emptied behind delete markers")
    world = PinnedWorld(pinned=Pinned(at=EPOCH, why="before-tampering", tampering=tampering, digest="d" * 64))
    concluded = world.drill()
    assert concluded.verdict == "failed"
    assert concluded.measurements[0].rta_ms is not None
    found = world.found()
    assert (found["DRP-L050"].severity, found["DRP-L050"].observed) == ("critical", tampering)
    assert "DRP-L056" not in found


def test_what_was_possibly_overwritten_is_a_warning() -> None:
    world = PinnedWorld(pinned=Pinned(at=EPOCH, tampering=say("possibly overwritten"), digest="d" * 64))
    assert world.drill().verdict == "passed"
    assert world.found()["DRP-L056"].severity == "warning"


def test_a_version_that_is_gone_is_not_told_as_damage() -> None:
    script = Script(restore_ok=False, unrestored=("file",))
    world = PinnedWorld(script, given=Served(gone=(PACK,)))
    assert world.drill().verdict == "failed"
    found = world.found()
    assert "v7" in found["DRP-L051"].observed
    assert found["DRP-L051"].subject == PACK.key
    assert not {"DRP-R001", "DRP-R002"} & found.keys()


def test_other_bytes_are_told_with_what_the_tool_could_not_read() -> None:
    script = Script(restore_ok=False, unrestored=("file",))
    world = PinnedWorld(script, given=Served(read=(PACK,), altered=(replace(PACK, digest="ffff"),)))
    assert world.drill().verdict == "failed"
    assert "ffff" in world.found()["DRP-L055"].observed
    assert "DRP-R001" in world.found()


def test_what_was_read_from_below_is_critical_though_all_came_back() -> None:
    world = PinnedWorld(given=Served(read=(PACK,), below=(Below(read=PACK, over="v8", marker=True),)))
    assert world.drill().verdict == "failed"
    assert "v8" in world.found()["DRP-L057"].observed


def test_a_store_that_refuses_midway_makes_the_drill_inconclusive() -> None:
    world = PinnedWorld(Script(restore_ok=False, unrestored=("file",)), why=AccessDenied(say("expired")))
    assert world.drill().verdict == "inconclusive"
    assert not {"DRP-R001", "DRP-R002", "DRP-L051"} & world.found().keys()
    assert not world.alive


def test_trouble_that_the_restore_got_over_is_no_finding() -> None:
    assert PinnedWorld(why=AccessDenied(say("once"))).drill().verdict == "passed"


def test_a_key_that_may_not_list_versions_is_told_and_the_drill_goes_on() -> None:
    world = PinnedWorld(Script(faults={"pinned": AccessDenied(say("no right"))}))
    assert world.drill().verdict == "passed"
    assert "no right" in world.found()["DRP-L052"].observed
    assert outputs(world)[0].pinned is None


def test_listings_that_differ_are_inconclusive() -> None:
    world = PinnedWorld(unsteady=tuple(f"keys/{number}" for number in range(8)))
    assert world.drill().verdict == "inconclusive"
    assert "DRP-L053" in world.found()


def test_a_store_that_dates_ahead_of_its_clock_is_told() -> None:
    world = PinnedWorld(newest=EPOCH + timedelta(hours=1))
    assert world.drill().verdict == "passed"
    assert "DRP-L054" in world.found()
    assert "DRP-L054" not in _found(PinnedWorld(newest=EPOCH + timedelta(seconds=9)))


def _found(world: PinnedWorld) -> dict[str, Finding]:
    world.drill()
    return world.found()


def test_a_view_that_is_not_the_same_any_more_is_not_restored_from() -> None:
    world = PinnedWorld()
    first = world.view
    assert first is not None

    def change(name: str) -> None:
        if name == "open":
            world.view = replace(first, pinned=replace(first.pinned, digest="e" * 64))

    world.script.on_call = change
    assert world.drill().verdict == "inconclusive"
    assert "DRP-M002" in world.found()
    assert outputs(world)[1] is None


def test_an_instant_that_is_asked_for_needs_versions() -> None:
    world = PinnedWorld()
    asked = EPOCH - timedelta(days=1)
    assert world.drill(as_of=asked).verdict == "passed"
    assert world.asked[0] == asked
    without = PinnedWorld()
    without.view = None
    assert without.drill(as_of=asked).verdict == "inconclusive"
    plain = PinnedWorld(Script(faults={"pinned": AccessDenied(NOTHING)}))
    assert plain.drill(as_of=asked).verdict == "inconclusive"


class Asking:
    """Runbooks that ask, as the real ones do, whether they are to stop."""

    def __init__(self, world: PinnedWorld) -> None:
        self.usual = world.ports().runbooks

    def run(self, order: RunbookOrder, report: Report, cancelled: Callable[[], bool]) -> RunbookResult:
        if cancelled():
            message = "stopped"
            raise Interrupted(message)
        return self.usual.run(order, report, cancelled)


def test_a_restore_is_stopped_once_its_view_gives_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_watch, "_ASKED_SECONDS", -1.0)
    world = PinnedWorld(why=Unreachable(say("silent")))
    ports = replace(world.ports(), runbooks=Asking(world))
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False), ports)
    failed = [event for event in events_of(world) if isinstance(event, PhaseFailed)]
    assert [(event.phase, str(event.message)) for event in failed] == [("restore", "silent")]
    assert next(event for event in events_of(world) if isinstance(event, DrillConcluded)).verdict == "inconclusive"
    assert not world.alive
