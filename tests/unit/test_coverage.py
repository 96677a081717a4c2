"""Which applications nobody drills, and who waits for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.application import Application, Objectives
from drp.domain.coverage import cover, needed_by
from drp.domain.events import FindingRaised
from drp.domain.findings.catalogue import CHECK_FAILED
from drp.domain.fold import DrillState, fold
from drp.domain.standing import Standing, standings, worst
from tests.simulators.world import EPOCH, Script, World
from tests.unit.test_drill_control_flow import run

DAY = timedelta(days=1)


def hospital(**needs: tuple[str, ...]) -> dict[str, Application]:
    return {
        name: Application(
            name=name, title=name, tier=tier, objectives=Objectives(rto=DAY, rpo=DAY), repositories=(), runbook=None,
            depends_on=depends_on,
        )
        for tier, (name, depends_on) in enumerate(needs.items())
    }  # fmt: skip


CHAIN = hospital(directory=(), ehr=("directory",), pharmacy=("ehr",), labels=("pharmacy", "directory"), kiosk=())


def test_what_others_wait_for_is_found_through_others():
    assert needed_by(CHAIN, "directory") == ("ehr", "pharmacy", "labels")
    assert needed_by(CHAIN, "kiosk") == ()
    found = cover(CHAIN, {"ehr"})
    assert found.drilled == ("ehr",)
    assert found.total == 5
    assert found.urgent == ("directory",)
    assert [(point.application, point.needed_by) for point in found.single_points] == [
        ("directory", ("ehr", "pharmacy", "labels")),
        ("pharmacy", ("labels",)),
    ]


def test_what_is_drilled_is_no_single_point_and_what_nobody_needs_is_none():
    assert cover(CHAIN, set(CHAIN)).single_points == ()
    assert "kiosk" not in {point.application for point in cover(CHAIN, ()).single_points}


def test_a_circle_ends_and_nobody_waits_for_himself():
    circle = hospital(a=("b",), b=("a",))
    assert needed_by(circle, "a") == ("b",)


def held(script: Script | None = None, *, names: tuple[str, ...] = ("ehr",)) -> tuple[World, DrillState]:
    world = World(script, names=names)
    run(world)
    return world, fold(world.journal.entries(world.journal.drills()[0]))


def stand(world: World, *states: DrillState, days: float = 0, **changes: object) -> Standing:
    application = replace(world.plan.recoveries[0].application, **changes)
    (found,) = standings({application.name: application}, states, EPOCH + days * DAY + timedelta(minutes=5))
    return found


def test_a_passed_drill_is_ok_until_it_is_too_old():
    world, state = held()
    assert (stand(world, state).level, stand(world, state).reasons) == ("ok", ())
    every = 30 * DAY
    assert stand(world, state, days=29, drill_every=every).level == "ok"
    assert stand(world, state, days=31, drill_every=every).level == "warning"
    late = stand(world, state, days=61, drill_every=every)
    assert (late.level, late.reasons) == ("critical", ("last passed drill is 61 days old, one is due every 30 days",))
    assert stand(world, state, days=4000).level == "ok", "nobody said how often"


def test_a_failed_drill_is_critical_although_an_older_one_passed():
    world, passed = held()
    _, failed = held(Script(checks=("failed",)))
    found = stand(world, passed, failed)
    assert found.level == "critical"
    assert found.last_passed_at is not None
    assert stand(world, failed, passed).level == "ok"
    _, doubtful = held(Script(watermark=None))
    assert stand(world, passed, doubtful).level == "warning"


def test_a_drill_that_decides_nothing_takes_no_failure_back():
    world, passed = held()
    _, failed = held(Script(checks=("failed",)))
    _, doubtful = held(Script(watermark=None))
    found = stand(world, passed, failed, doubtful, doubtful)
    assert found.level == "critical"
    assert "failed, and none has passed since" in found.reasons[0]
    assert stand(world, failed, doubtful, passed, doubtful).level == "warning"
    assert stand(world, failed, doubtful, passed).level == "ok"


def test_what_was_never_shown_is_never_ok():
    world, state = held()
    assert stand(world).level == "warning"
    assert stand(world, drill_every=30 * DAY).level == "critical"
    assert stand(world, repositories=()).level == "warning"
    assert stand(world, repositories=(), tier=2).level == "none"
    assert worst([]) == "none"
    unfinished = fold(list(world.journal.entries(state.drill))[:-2])
    assert stand(world, unfinished).last is None


def test_an_aborted_drill_says_nothing():
    world, passed = held()
    aborted = fold([])
    aborted.declared, aborted.declared_at = passed.declared, passed.declared_at
    aborted.recoveries = passed.recoveries
    assert passed.concluded is not None
    aborted.concluded = replace(passed.concluded, verdict="aborted")
    assert stand(world, passed, aborted).last == stand(world, passed).last


@pytest.mark.parametrize(("broken", "levels"), [("ehr", ("critical", "ok")), ("lis", ("ok", "critical"))])
def test_the_failure_of_one_application_is_not_the_failure_of_another(broken, levels):
    world, state = held(names=("ehr", "lis"))
    finding = CHECK_FAILED.finding(subject="s", observed="o", expected="e")
    state.recoveries[broken].findings.append(FindingRaised(recovery=broken, finding=finding).finding)
    assert state.concluded is not None
    state.concluded = replace(state.concluded, verdict="failed")
    applications = {recovery.name: recovery.application for recovery in world.plan.recoveries}
    assert tuple(found.level for found in standings(applications, (state,), EPOCH)) == levels
