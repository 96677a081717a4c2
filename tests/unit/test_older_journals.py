"""A drill that drp 0.1 was cut off in, where it had journalled what happened and not yet what follows from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.events import PhaseFailed, Reconciled, SandboxDestroyed, SandboxKept, SignedOff, TrafficSeen
from drp.domain.sandbox import EgressAttempt, Residue
from drp.domain.sign_off import SignOffPolicy, StepResult
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.errors import Unreachable
from tests.simulators.traffic import Traffic
from tests.simulators.world import EPOCH, Script, World
from tests.support.sign_offs import CHECKLIST, STEPS, answering
from tests.unit.test_drill_control_flow import codes, concluded
from tests.unit.test_drill_cut_off import taken_up
from tests.unit.test_drill_reconciliation import AT, HEALTHY, declared

SENT = EgressAttempt(at=EPOCH, protocol="tcp", destination="10.1.2.3", port=2575)
LOST_ORDER = [(AT + 5, ("13",)), (AT + 9, ("14",))]


@pytest.mark.parametrize(
    ("event", "script", "code", "verdict"),
    [
        (SandboxDestroyed, {"residue": Residue(processes=1)}, "DRP-D001", "failed"),
        (SandboxKept, {}, "DRP-D002", "passed"),
        (Reconciled, {"records": {**HEALTHY, "results": LOST_ORDER}}, "DRP-A001", "failed"),
        (SignedOff, {}, "DRP-B001", "failed"),
        (TrafficSeen, {"start_ok": False, "traffic": Traffic(egress=(SENT,))}, "DRP-I002", "failed"),
        (PhaseFailed, {"faults": {"preflight": Unreachable("no answer")}}, "DRP-M002", "inconclusive"),
    ],
)
def test_what_an_older_drp_had_not_said_yet_is_said_before_the_drill_goes_on(event, script, code, verdict):
    world = World(Script(**{"records": HEALTHY, **script}), names=("ehr", "lis"))
    world.plan = replace(world.plan, reconciliation=declared(), keep_sandbox=event is SandboxKept)
    if event is SignedOff:
        ehr, lis = world.plan.recoveries
        asked = replace(ehr, application=replace(ehr.application, sign_off=CHECKLIST))
        policy = SignOffPolicy(deadline=timedelta(seconds=10))
        world.plan = replace(world.plan, recoveries=(asked, lis), sign_off=policy)
        answering(world, results=tuple(StepResult(id=step.id, outcome="failed") for step in STEPS))
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False), world.ports())
    entries = world.journal.stored[world.journal.drills()[0]]
    after = [type(entry.event) for entry in entries].index(event) + 1
    del entries[after:]
    assert code not in codes(world)
    world.alive.clear()
    world.script.faults.clear()
    world.script.residue, world.script.records, world.script.traffic = Residue(processes=0), HEALTHY, Traffic()
    taken_up(world)
    assert code in codes(world)
    assert concluded(world).verdict == verdict
