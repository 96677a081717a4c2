"""What a drill makes of its point's locks: held against what the application asks, and nothing where nothing is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.events import PhaseCompleted
from drp.domain.phase import Selected
from drp.domain.phrase import NOTHING, Phrase, fact
from drp.domain.recovery_point import RecoveryPoint, Selection
from drp.domain.worm.attestation import Attestation, BucketFacts, LockDemand
from drp.domain.worm.judging import SeenObject, needed_until, weighed
from drp.domain.worm.lock_findings import lock_findings
from drp.domain.worm.objects import ObjectLock
from drp.errors import Unreachable
from tests.simulators.world import EPOCH, Script, World, events_of
from tests.unit.test_drill_control_flow import codes, run

DAY = timedelta(days=1)
BUCKET = BucketFacts(object_lock=True, versioning="Enabled")


class LockedWorld(World):
    """A world whose repository attests one object, locked for so many days."""

    def __init__(
        self, days: float, *, mode: str = "compliance", keeps: timedelta | None = None, unknown: Phrase = NOTHING
    ) -> None:
        super().__init__(Script(immutability="none"))
        self.days, self.mode, self.unknown = days, mode, unknown
        (recovery,) = self.plan.recoveries
        job = replace(recovery.application.backup_job, immutable_for=keeps)
        application = replace(recovery.application, backup_job=job)
        self.plan = replace(self.plan, recoveries=(replace(recovery, application=application),))

    def attest(self, points: Sequence[RecoveryPoint], demand: LockDemand) -> Attestation:
        (point,) = points
        held = ObjectLock(mode=self.mode, until=EPOCH + self.days * DAY, legal_hold=False)
        seen = [SeenObject(key="data/a", lock=held, required=needed_until(demand, (point.id,), EPOCH))]
        blank = Attestation(at=EPOCH, needed=1, asked=0, bucket=BUCKET, demanded="compliance", unknown=self.unknown)
        found = blank if self.unknown else weighed(seen, blank)
        return replace(found, findings=lock_findings(point.short_id, seen, found, demand))


def selected(world: World) -> Selected:
    (output,) = [
        event.output
        for event in events_of(world)
        if isinstance(event, PhaseCompleted) and isinstance(event.output, Selected)
    ]
    return output


def test_locks_that_hold_for_as_long_as_is_asked_pass() -> None:
    world = LockedWorld(31, keeps=30 * DAY)
    assert run(world).verdict == "passed"
    assert codes(world) == set()
    seen = selected(world)
    assert seen.immutability is not None
    assert seen.immutability.mode == "compliance", "it follows from the attestation, and from nothing else"
    assert seen.locks is not None
    assert (seen.locks.modes, seen.locks.findings) == ({"compliance": 1}, ())
    assert seen.point is not None
    assert seen.locks.required_until == seen.point.consistent_at + 30 * DAY


@pytest.mark.parametrize(
    ("world", "verdict", "found"),
    [
        (LockedWorld(29, keeps=30 * DAY), "failed", {"DRP-L003"}),
        (LockedWorld(-1, keeps=30 * DAY), "failed", {"DRP-L003", "DRP-W001"}),
        (LockedWorld(99, keeps=30 * DAY, mode="governance"), "failed", {"DRP-L002", "DRP-W001"}),
        (LockedWorld(99, keeps=30 * DAY, mode="worm"), "failed", {"DRP-L004", "DRP-W001"}),
        (
            LockedWorld(99, keeps=30 * DAY, unknown=fact("no-right", "no right")),
            "inconclusive",
            {"DRP-L010", "DRP-W001"},
        ),
        (LockedWorld(99, unknown=fact("no-right", "no right")), "passed", {"DRP-W001"}),
        (LockedWorld(-1), "passed", {"DRP-W001"}),
        (LockedWorld(1), "passed", set()),
    ],
)
def test_what_falls_short_decides_where_it_is_asked(world: LockedWorld, verdict: str, found: set[str]) -> None:
    assert (run(world).verdict, codes(world)) == (verdict, found)


def test_silence_about_locks_stops_a_drill_only_where_they_decide() -> None:
    silent = {"immutability": Unreachable("503")}
    world = World(Script(faults=silent))
    assert (run(world).verdict, codes(world)) == ("passed", {"DRP-W001"})
    chosen = World(Script(faults=silent))
    (recovery,) = chosen.plan.recoveries
    recovery = replace(recovery, selection=Selection(policy="newest-immutable"))
    chosen.plan = replace(chosen.plan, recoveries=(recovery,))
    assert (run(chosen).verdict, codes(chosen)) == ("inconclusive", {"DRP-M002"})
