"""Rolling an application to an instant: which point is taken, what the runbook hears, how much is said to be lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.events import DrillConcluded, DrillDeclared, PhaseCompleted
from drp.domain.phase import Selected
from drp.domain.recovery_point import Selection
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from tests.simulators.world import EPOCH, Script, World, events_of
from tests.support.findings import told

HOUR = timedelta(hours=1)


def rolled(script: Script, before: timedelta) -> World:
    """Return a world whose drill rolled the application to an instant before the disaster."""
    world = World(script)
    (recovery,) = world.plan.recoveries
    chosen = replace(recovery, selection=Selection(recover_to=EPOCH - before))
    objectives = replace(recovery.application.objectives, rpo=timedelta(days=30))
    chosen = replace(chosen, application=replace(recovery.application, objectives=objectives))
    world.plan = replace(world.plan, recoveries=(chosen,))
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False), world.ports())
    return world


def concluded(world: World) -> DrillConcluded:
    (event,) = (event for event in events_of(world) if isinstance(event, DrillConcluded))
    return event


def test_the_runbook_hears_the_instant_and_the_loss_begins_there():
    world = rolled(Script(points=3, watermark=EPOCH - 3 * HOUR), before=2 * HOUR)
    assert world.inputs["start"]["recovery_target_time"] == (EPOCH - 2 * HOUR).isoformat()
    assert "recovery_target_time" not in world.inputs["restore"]
    assert concluded(world).verdict == "passed"
    measurement = concluded(world).measurements[0]
    assert (measurement.rpa_lower_ms, measurement.rpa_upper_ms) == (2 * 3_600_000, 3 * 3_600_000)


def test_the_first_point_that_reaches_the_instant_is_taken():
    world = rolled(Script(points=4, watermark=EPOCH - timedelta(days=3)), before=timedelta(days=2))
    outputs = [event.output for event in events_of(world) if isinstance(event, PhaseCompleted)]
    (selected,) = (output for output in outputs if isinstance(output, Selected))
    assert selected.point is not None
    assert selected.point.consistent_at == EPOCH - timedelta(days=1, minutes=10)
    assert any("before" in refused.reason and "recover to" in refused.reason for refused in selected.refused)


def test_an_instant_that_no_point_reaches_fails():
    world = rolled(Script(points=3), before=timedelta(minutes=5))
    assert concluded(world).verdict == "failed"
    assert any(finding.code == "DRP-S001" for finding in told(events_of(world)))


def test_a_datum_younger_than_the_instant_shows_that_it_was_not_rolled():
    world = rolled(Script(points=1, watermark=EPOCH - HOUR), before=2 * HOUR)
    assert concluded(world).verdict == "inconclusive"
    found = told(events_of(world))
    assert any("after the instant to recover to" in finding.observed for finding in found)


def test_a_plan_without_an_instant_is_what_it_was():
    world = World()
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False), world.ports())
    assert "recovery_target_time" not in world.inputs["start"]
    declared = next(event for event in events_of(world) if isinstance(event, DrillDeclared))
    assert declared.plan.recoveries[0].selection.recover_to is None
    assert concluded(world).measurements[0].rpa_lower_ms == pytest.approx(600_000)
