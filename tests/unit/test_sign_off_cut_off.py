"""Drills that are stopped or killed while they wait for a sign-off, or in the middle of taking an answer."""

from __future__ import annotations

import pytest

from drp.domain.fold import fold
from drp.domain.sign_off import StepResult
from drp.drill.declare import reopen, unfinished
from drp.drill.resume import take_up
from drp.errors import Interrupted
from tests.simulators.desk import SimDesk
from tests.simulators.world import dying
from tests.support.sign_offs import STEPS, answer, answering, codes, concluded, run, world_with


def test_stopping_while_it_waits_destroys_and_seals():
    world = world_with()

    def visit(desk: SimDesk, drill: str, application: str) -> None:
        world.stop = desk.looks >= 3

    world.desk.visit = visit
    with pytest.raises(Interrupted):
        run(world)
    assert concluded(world).verdict == "aborted"
    assert not world.alive
    assert not world.desk.waiting


@pytest.mark.parametrize("policy", ["resume", "conclude"])
def test_killed_while_it_waits_it_asks_anew_or_concludes(policy):
    world = world_with()
    seen: list[str] = []
    answering(world, after_looks=6)
    then = world.desk.visit

    def visit(desk: SimDesk, drill: str, application: str) -> None:
        asked = fold(world.journal.entries(drill)).recoveries[application].asked
        assert asked is not None
        seen.append(asked.challenge)
        if desk.looks == 3:
            world.journal.kill_at = (world.journal.appends + 1, "before")
            desk.hand_in(answer(world, drill, application))
        else:
            then(desk, drill, application)

    world.desk.visit = visit
    with dying():
        run(world)
    world.journal.kill_at = None
    (drill,) = unfinished(world.journal)
    old = answer(world, drill)
    world.alive.clear()
    world.stop = False
    if policy == "resume":
        replayed: list[bool] = []

        def replay(desk: SimDesk, drill: str, application: str) -> None:
            if not replayed:
                replayed.append(True)
                desk.hand_in(old)
            visit(desk, drill, application)

        world.desk.visit = replay
    take_up(reopen(drill, world.journal, world), world.ports(), policy=policy)
    if policy == "conclude":
        assert concluded(world).verdict == "inconclusive"
        assert "DRP-X001" in codes(world)
        assert not world.desk.waiting
        return
    assert concluded(world).verdict == "passed"
    assert len(set(seen)) == 2, "another question after the restart"
    assert any("earlier question" in refusal for _, refusal in world.desk.replies)
    assert not world.alive


@pytest.mark.parametrize("moment", range(1, 9))
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_moment_of_the_sign_off_it_comes_to_the_same_end(moment, when):
    """Of a refusal: no restart may make it unsaid."""
    world = world_with()
    results = tuple(StepResult(id=step.id, outcome="failed", comment="no") for step in STEPS)
    answering(world, after_looks=4, results=results)

    def armed(name: str) -> None:
        if name == "egress" and world.journal.kill_at is None and not world.stop:
            world.journal.kill_at = (world.journal.appends + moment, when)

    world.script.on_call = armed
    with dying():
        run(world)
    world.script.on_call = lambda name: None
    world.journal.kill_at = None
    world.alive.clear()
    for drill in unfinished(world.journal):
        take_up(reopen(drill, world.journal, world), world.ports(), policy="resume")
    assert concluded(world).verdict == "failed"
    assert codes(world).count("DRP-B001") >= 2
