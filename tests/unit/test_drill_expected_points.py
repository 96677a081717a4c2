"""A drill tells which recovery points are not there any more, and writes down those that are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drp.domain.worm.points import NotedPoint
from drp.errors import StorageFull
from tests.simulators.ledger import SimLedger
from tests.simulators.world import Script, World
from tests.unit.test_drill_control_flow import run
from tests.unit.test_findings_stay import recorded


@pytest.fixture
def world() -> World:
    world = World(Script(points=3))
    world.ledger = SimLedger(clock=world.clock)
    return world


def again(world: World) -> World:
    """Return the next drill of the same repository, by the same ledger."""
    later = World(world.script)
    later.ledger = world.ledger
    return later


def told(world: World) -> dict[str, str]:
    return {each.code: each.severity for each in recorded(world).findings if each.code.startswith("DRP-L06")}


def remember_more(world: World) -> None:
    """Let the ledger know a point that is newer than all that are listed."""
    assert world.ledger is not None
    gone = NotedPoint(
        application="ehr", point="f" * 64, consistent_at=world.script.consistent_at + timedelta(minutes=1)
    )
    world.ledger.note("vault", (gone,), ())


def test_the_first_drill_notes_the_points_and_says_that_it_is_the_first(world: World) -> None:
    assert run(world).verdict == "passed"
    assert told(world) == {"DRP-L064": "note"}
    assert len(world.ledger.repositories["vault"].expected) == 3
    second = again(world)
    assert run(second).verdict == "passed"
    assert told(second) == {}


def test_a_drill_fails_while_a_point_is_missed_and_passes_once_somebody_accepted_it(world: World) -> None:
    run(world)
    remember_more(world)
    for _ in range(2):
        drilled = again(world)
        assert run(drilled).verdict == "failed"
        assert told(drilled) == {"DRP-L060": "critical"}
    world.ledger.accept("vault", "ehr", "f" * 64)
    drilled = again(world)
    assert run(drilled).verdict == "passed"
    assert told(drilled) == {}


@pytest.mark.parametrize("method", ["known", "note"])
def test_a_ledger_that_fails_is_told_and_stops_no_drill(world: World, method: str) -> None:
    world.ledger.faults[method] = StorageFull("no room left")
    assert run(world).verdict == "inconclusive"
    assert told(world)["DRP-L067"] == "inconclusive"
    assert recorded(world).restore is not None


def test_what_is_known_is_read_before_the_points_are_listed(world: World) -> None:
    order: list[str] = []
    world.script.on_call = order.append
    known = world.ledger.known
    world.ledger.known = lambda repository: (order.append("known"), known(repository))[1]  # type: ignore[method-assign]
    run(world)
    assert order.index("known") < order.index("points")


def test_nobody_keeps_a_ledger_and_nothing_is_told() -> None:
    world = World(Script(points=3))
    assert run(world).verdict == "passed"
    assert told(world) == {}
