"""Reconciliation in the control flow: once, when all are up; what cannot be compared never passes; killed and resumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.cli.reconciliation_views import result_lines
from drp.codec import from_data, to_data
from drp.domain.events import Reconciled, ReconciliationStarted, SandboxDestroyed
from drp.domain.plan import DrillPlan
from drp.domain.reconciliation.collected import microseconds
from drp.domain.reconciliation.declaration import FieldOf, Identifier, Reconciliation, RecordSource, Reference
from drp.drill.declare import reopen, unfinished
from drp.drill.resume import take_up
from drp.errors import Interrupted, SandboxError
from tests.simulators.world import EPOCH, Script, World, dying, events_of
from tests.support.findings import by_recovery
from tests.unit.test_drill_control_flow import codes, concluded, run

AT = microseconds(EPOCH - timedelta(minutes=20))
HEALTHY = {"orders": [(AT, ("13",))], "results": [(AT + 5, ("13",))], "sequence": [(None, ("14",))]}


def declared() -> Reconciliation:
    names = {"orders": "ehr", "results": "lis", "sequence": "ehr"}
    return Reconciliation(
        records=tuple(RecordSource(name=name, application=app, reader="sim") for name, app in names.items()),
        references=(
            Reference(
                name="result has its order",
                source=FieldOf(records="results", field="order"),
                target=FieldOf(records="orders", field="number"),
            ),
        ),
        identifiers=(
            Identifier(
                name="order numbers",
                issued_by=FieldOf(records="sequence", field="next"),
                used_in=(FieldOf(records="results", field="order"),),
                bump="setval({next})",
            ),
        ),
    )


def hospital(*, on_interrupt: str = "conclude", **sets: object) -> World:
    world = World(Script(records={**HEALTHY, **sets}), names=("ehr", "lis"), on_interrupt=on_interrupt)
    world.plan = replace(world.plan, reconciliation=declared())
    return world


def findings(world: World) -> set[tuple[str, str]]:
    return {(recovery, finding.code) for recovery, finding in by_recovery(events_of(world))}


def test_applications_that_agree_pass_and_are_compared_before_anything_is_destroyed():
    world = hospital()
    assert run(world).verdict == "passed"
    kinds = [type(event) for event in events_of(world)]
    assert kinds.count(Reconciled) == 1
    assert kinds.index(ReconciliationStarted) < kinds.index(Reconciled) < kinds.index(SandboxDestroyed)
    assert codes(world) == set()


def test_how_many_records_were_read_and_count_is_kept():
    world = hospital()
    world.script = replace(world.script, passed_over=3)
    assert run(world).verdict == "passed"
    (found,) = [event.result for event in events_of(world) if isinstance(event, Reconciled)]
    assert [(each.name, each.application, each.read, each.counted) for each in found.sets] == [
        ("orders", "ehr", 4, 1),
        ("results", "lis", 4, 1),
        ("sequence", "ehr", 4, 1),
    ]
    assert "  orders: 1 of 4 records of ehr count" in list(result_lines(found))


def test_a_drill_of_healthy_applications_fails_when_the_hospital_does_not_fit_together():
    world = hospital(results=[(AT + 5, ("13",)), (AT + 9, ("14",))])
    assert run(world).verdict == "failed"
    assert findings(world) >= {("ehr", "DRP-A001"), ("ehr", "DRP-A004"), ("lis", "DRP-A006")}


@pytest.mark.parametrize("script", [{"start_ok": False}, {"checks": ("failed",)}, {"points": 0}])
def test_an_application_that_is_not_up_leaves_its_references_not_judged(script):
    world = hospital()
    world.script = replace(world.script, **script)
    assert run(world).verdict == "failed"
    assert ("lis", "DRP-A005") in findings(world)


@pytest.mark.parametrize("trouble", ["the query gave no column order", ""])
def test_records_that_cannot_be_read_make_it_inconclusive(trouble):
    world = hospital(results=trouble or [])
    assert run(world).verdict == "inconclusive"
    assert ("lis", "DRP-A005") in findings(world)


@pytest.mark.parametrize("error", [SandboxError("gone"), RuntimeError("a bug")])
def test_an_error_while_reading_is_inconclusive_and_leaves_nothing(error):
    world = hospital()
    world.script.faults["records.results"] = error
    assert run(world).verdict == "inconclusive"
    assert not world.alive
    assert world.records


def test_an_interruption_while_reading_aborts_destroyed_and_sealed():
    world = hospital()
    world.script.faults["records.results"] = Interrupted("stop")
    with pytest.raises(Interrupted):
        run(world)
    assert concluded(world).verdict == "aborted"
    assert any("not compared" in reason for reason in concluded(world).reasons)
    assert not world.alive


@pytest.mark.parametrize("results", [HEALTHY["results"], [(AT + 9, ("99",))]])
@pytest.mark.parametrize("on_interrupt", ["conclude", "resume"])
def test_killed_at_every_append_it_is_compared_or_said_that_it_was_not(on_interrupt, results):
    reference = hospital(results=results)
    expected = run(reference).verdict
    for number in range(2, reference.journal.appends + 1):
        for moment in ("before", "after"):
            world = hospital(on_interrupt=on_interrupt, results=results)
            world.journal.kill_at = (number, moment)
            with dying():
                run(world)
            world.journal.kill_at = None
            world.alive.clear()
            (drill,) = world.journal.drills()
            take_up(reopen(drill, world.journal, world), world.ports())
            assert unfinished(world.journal) == ()
            event = concluded(world)
            raised = findings(world)
            if on_interrupt == "resume" or any(isinstance(item, Reconciled) for item in events_of(world)):
                assert event.verdict == expected, (number, moment, event.reasons)
                assert (("ehr", "DRP-A001") in raised) == (expected == "failed")
            else:
                assert event.verdict == "inconclusive", (number, moment, event.reasons)


def test_a_plan_with_reconciliation_is_the_same_after_the_journal():
    plan = hospital().plan
    assert from_data(DrillPlan, to_data(plan)) == plan
