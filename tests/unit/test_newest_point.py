"""How old the newest recovery point is now, and what of a site's standing rests on clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.application import Application, Objectives
from drp.domain.fold import fold
from drp.domain.newest_point import NewestPoint, judge_newest, newest_of
from drp.domain.plan import Scenario
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.standing import standings
from drp.drill.declare import declare
from drp.errors import ConfigError, Unreachable
from tests.simulators.world import EPOCH, Script, World
from tests.unit.test_drill_control_flow import codes, run

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OBJECTIVES = Objectives(rto=HOUR, rpo=HOUR)


def point(at: datetime, number: int = 0) -> RecoveryPoint:
    return RecoveryPoint(id=f"{number:064x}", repository="vault", application="ehr", consistent_at=at, size_bytes=None)


def application(**more: object) -> Application:
    made = Application(name="ehr", title="EHR", tier=0, objectives=OBJECTIVES, repositories=("vault",), runbook=None)
    return replace(made, **more)


def state_of(world: World):
    (drill,) = world.journal.drills()
    return fold(world.journal.entries(drill))


def standing(world: World, now: datetime, newest: NewestPoint | None = None, **more: object):
    found = {"ehr": newest} if newest is not None else {}
    (result,) = standings({"ehr": application(**more)}, [state_of(world)], now, found)
    return result


@pytest.mark.parametrize(
    ("newest", "level"),
    [
        (NewestPoint(at=NOW - HOUR, looked=True), None),
        (NewestPoint(at=NOW, looked=True), None),
        (NewestPoint(at=NOW - HOUR - timedelta(seconds=1), looked=True), "critical"),
        (NewestPoint(at=NOW - 100 * 24 * HOUR, looked=True), "critical"),
        (NewestPoint(looked=True), "critical"),
        (NewestPoint(looked=True, unknown=("shelf: not attached",)), "warning"),
        (NewestPoint(at=NOW, looked=True, unknown=("shelf: not attached",)), None),
        (NewestPoint(unknown=("vault: does not answer",)), None),
        (NewestPoint(at=NOW, looked=True, future=("0a",)), "critical"),
        (NewestPoint(at=NOW, looked=True, unreadable=1), "critical"),
    ],
)
def test_the_newest_point_is_judged_against_now(newest, level):
    assert [found for found, _ in judge_newest(newest, OBJECTIVES, NOW)] == ([level] if level else [])


def test_a_point_from_the_future_hides_nothing():
    old, future = point(NOW - 5 * HOUR, 1), point(NOW + HOUR, 2)
    newest, odd = newest_of([future, old], NOW)
    assert newest is old
    assert odd == (future.short_id,)
    assert newest_of([point(NOW + timedelta(seconds=30))], NOW)[1] == ()


def frozen(age: timedelta) -> World:
    """Return a world whose plan names a day on which the backup, dead since, was young enough."""
    world = World(Script(consistent_at=EPOCH - age, watermark=EPOCH - age))
    scenario = Scenario(title="Ransomware", disaster_at=EPOCH - age + timedelta(minutes=5))
    world.plan = replace(world.plan, scenario=scenario)
    return world


def test_a_fixed_disaster_does_not_keep_a_dead_backup_green():
    world = frozen(timedelta(days=100))
    assert run(world).verdict == "passed"
    assert codes(world) == {"DRP-S004"}
    then = standing(world, EPOCH + HOUR)
    assert then.level == "critical"
    assert "100 d old when drill" in then.reasons[0]
    looked = standing(world, EPOCH + HOUR, NewestPoint(at=EPOCH - timedelta(days=100), looked=True))
    assert (looked.level, looked.reasons) == ("critical", ("newest recovery point is 100 d 1 h old, RPO 1 h",))
    mended = standing(world, EPOCH + HOUR, NewestPoint(at=EPOCH, looked=True))
    assert mended.level == "ok"


def test_a_drill_that_saw_no_point_does_not_make_an_old_one_young():
    world, blind = frozen(timedelta(days=100)), World(Script(faults={"points": Unreachable("no answer")}))
    run(world)
    run(blind)
    (found,) = standings({"ehr": application()}, [state_of(world), state_of(blind)], EPOCH + HOUR)
    assert any("100 d old when drill" in reason for reason in found.reasons)


def test_a_fixed_disaster_with_a_live_backup_is_no_matter():
    world = frozen(timedelta(minutes=20))
    assert run(world).verdict == "passed"
    assert codes(world) == set()
    assert standing(world, EPOCH + HOUR).level == "ok"


def test_a_disaster_that_is_yet_to_come_is_not_drilled():
    world = World()
    world.plan = replace(world.plan, scenario=Scenario(title="Later", disaster_at=EPOCH + timedelta(days=1)))
    with pytest.raises(ConfigError, match="in the future"):
        declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False)
    assert not world.journal.drills()


@pytest.mark.parametrize("every", [None, timedelta(days=30)])
def test_a_pass_from_the_future_proves_nothing(every):
    world = World()
    run(world)
    before = standing(world, EPOCH - timedelta(days=300), drill_every=every)
    assert before.level == "critical"
    assert any("in the future" in reason for reason in before.reasons)
    assert standing(world, EPOCH, drill_every=every).level == "ok"
