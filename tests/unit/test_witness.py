"""Who says so: where a check ran decides, nothing restored passes where it is not trusted, and reading comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.events import DrillConcluded, PhaseCompleted
from drp.domain.phase import Hashed, Verified
from drp.domain.witness import stamped, witness_of_code
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.errors import Unreachable
from tests.simulators.world import EPOCH, Script, World, events_of
from tests.support.findings import told


def run(world: World) -> DrillConcluded:
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False), world.ports())
    (event,) = [event for event in events_of(world) if isinstance(event, DrillConcluded)]
    return event


def trusting(world: World, trust: str) -> World:
    world.plan = replace(world.plan, recoveries=tuple(replace(one, trust=trust) for one in world.plan.recoveries))
    return world


def found(world: World, code: str) -> list[str]:
    raised = told(events_of(world))
    return [finding.subject for finding in raised if finding.code == code]


def output(world: World, kind: type):
    return next(
        event.output
        for event in events_of(world)
        if isinstance(event, PhaseCompleted) and isinstance(event.output, kind)
    )


@pytest.mark.parametrize("claimed", ["drp", "restored", "outside"])
def test_where_a_check_ran_decides_and_not_what_it_claims(claimed):
    assert stamped("reader", claimed) == "drp"
    assert stamped("beside", claimed) == "restored"
    assert stamped("caller", claimed) == ("outside" if claimed == "outside" else "restored")


def test_findings_say_who_says_so():
    assert witness_of_code("DRP-H001") == witness_of_code("DRP-S001") == "drp"
    assert witness_of_code("DRP-I002") == "outside"
    assert witness_of_code("DRP-C001") == witness_of_code("DRP-A001") == witness_of_code("DRP-U001") == "restored"
    world = World(Script(checks=("failed",), places=("reader",)))
    assert run(world).verdict == "failed"
    (failed,) = [one for one in told(events_of(world)) if one.code == "DRP-C001"]
    assert failed.said_by == "drp"


@pytest.mark.parametrize(("place", "witness"), [("reader", "drp"), ("caller", "restored")])
def test_the_reasons_of_a_verdict_say_who_says_so(place, witness):
    concluded = run(World(Script(checks=("failed",), places=(place,))))
    told = dict(zip(concluded.reasons, concluded.reason_witnesses, strict=True))
    assert {told[reason] for reason in told if "DRP-C001" in reason} == {witness}


def test_what_is_about_the_drills_own_course_is_nobodys_word():
    concluded = run(World(Script(faults={"points": Unreachable("no answer")})))
    told = dict(zip(concluded.reasons, concluded.reason_witnesses, strict=True))
    assert {told[reason] for reason in told if "did not complete" in reason} == {None}


def test_a_verifier_cannot_call_itself_drp():
    world = World(Script(witness="drp"))
    assert run(world).verdict == "passed"
    assert {check.witness for check in output(world, Verified).checks} == {"restored"}


def test_what_is_read_is_read_before_anything_restored_runs_each_in_a_cell_of_its_own():
    world = World(Script(places=("reader",)))
    assert run(world).verdict == "passed"
    calls = [call for call in world.calls if call in {"reader-cell", "read", "runbook.start", "check", "caller-cell"}]
    assert calls == ["reader-cell", "read", "runbook.start"]
    assert [check.witness for check in output(world, Hashed).checks] == ["drp"]
    assert output(world, Verified).checks == output(world, Hashed).checks
    assert not world.alive


def test_a_check_may_read_and_then_ask():
    world = World(Script(places=("reader", "caller")))
    assert run(world).verdict == "passed"
    calls = [call for call in world.calls if call in {"reader-cell", "read", "runbook.start", "check", "caller-cell"}]
    assert calls == ["reader-cell", "read", "runbook.start", "caller-cell", "check"]
    assert [check.witness for check in output(world, Verified).checks] == ["drp", "restored"]


def test_a_restore_that_is_not_whole_is_not_read():
    world = World(Script(places=("reader",), unrestored=("pack 0a",)))
    assert run(world).verdict == "failed"
    assert "reader-cell" not in world.calls


@pytest.mark.parametrize("witness", ["restored", "outside", "drp"])
def test_without_trust_the_restored_system_passes_nothing(witness):
    world = trusting(World(Script(witness=witness)), "none")
    concluded = run(world)
    assert concluded.verdict == "inconclusive"
    assert found(world, "DRP-C012") == ["checks", "RPO"]
    assert concluded.measurements[0].rpa_upper_ms is None


def test_without_trust_what_drp_read_passes_and_what_the_system_says_can_still_fail_it():
    world = trusting(World(Script(places=("reader",))), "none")
    assert run(world).verdict == "passed"
    world = trusting(World(Script(places=("reader", "caller"), checks=("failed",))), "none")
    assert run(world).verdict == "failed"


def test_without_trust_a_manifest_is_compared_whatever_else_the_plan_says():
    world = trusting(World(Script(places=("reader",), manifest=False, manifest_named=False)), "none")
    world.plan = replace(
        world.plan, recoveries=tuple(replace(one, require_manifest=False) for one in world.plan.recoveries)
    )
    assert run(world).verdict == "inconclusive"
    assert (
        run(trusting(World(Script(places=("reader",), watermark=EPOCH - timedelta(hours=2))), "none")).verdict
        != "passed"
    )
