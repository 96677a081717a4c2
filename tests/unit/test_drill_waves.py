"""Applications that others need go first, and what did not come up holds back what needs it, whatever kept it down."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drp.domain.events import DrillConcluded, PhaseStarted
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.errors import RunbookError, SandboxError, Unreachable
from tests.simulators.world import EPOCH, Script, World, events_of
from tests.support.findings import told


def run(world: World) -> tuple[str, set[str], set[str]]:
    """Return the verdict, the applications of which something was begun, and those that were not attempted."""
    ports = world.ports()
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False), ports)
    events = events_of(world)
    (verdict,) = [event.verdict for event in events if isinstance(event, DrillConcluded)]
    begun = {event.recovery for event in events if isinstance(event, PhaseStarted)}
    return verdict, begun, {finding.subject for finding in told(events) if finding.code == "DRP-X004"}


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        (Script(start_ok=False), "failed"),
        (Script(restore_ok=False), "failed"),
        (Script(points=0), "failed"),
        (Script(checks=("passed", "failed")), "failed"),
        (Script(checks=("passed", "undetermined")), "inconclusive"),
        (Script(checks=()), "inconclusive"),
        (Script(proof_allowed=1), "inconclusive"),
        (Script(faults={"preflight": Unreachable("no answer")}), "inconclusive"),
        (Script(faults={"open": SandboxError("no user namespaces")}), "inconclusive"),
        (Script(faults={"runbook.start": RunbookError("unreachable")}), "inconclusive"),
    ],
)
def test_a_wave_that_failed_or_was_inconclusive_holds_back_all_that_need_it(script: Script, verdict: str) -> None:
    world = World(script, names=("directory", "ehr", "portal"))
    assert run(world) == (verdict, {"directory"}, {"ehr", "portal"})
    assert not world.alive


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        (Script(), "passed"),
        (Script(manifest=False), "inconclusive"),
        (Script(watermark=EPOCH - timedelta(hours=2)), "inconclusive"),
    ],
)
def test_what_came_up_holds_back_nothing_although_its_own_verdict_lacks_evidence(script: Script, verdict: str) -> None:
    world = World(script, names=("directory", "ehr", "portal"))
    assert run(world) == (verdict, {"directory", "ehr", "portal"}, set())
