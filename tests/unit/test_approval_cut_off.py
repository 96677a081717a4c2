"""Drills that are stopped or killed while they wait to be approved, and clocks that jump meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.clock import Stamp
from drp.domain.fold import fold
from drp.drill.conduct import conduct
from drp.drill.declare import declare, reopen, unfinished
from drp.drill.resume import take_up
from drp.errors import Interrupted
from tests.simulators.approvals import SimApprovals
from tests.simulators.world import World, dying, events_of
from tests.support.approvals import answer, answering, concluded, ends, questions, run, untouched, world_with
from tests.support.findings import told


def codes(world: World) -> list[str]:
    return [finding.code for finding in told(events_of(world))]


def test_stopped_while_it_waits_it_ends_aborted_with_nothing_left():
    world = world_with()
    world.approvals.visit = lambda desk, drill: setattr(world, "stop", desk.looks >= 3)
    with pytest.raises(Interrupted):
        run(world)
    assert concluded(world).verdict == "aborted"
    assert concluded(world).reasons[0] == "stopped on request"
    assert untouched(world)
    assert not world.approvals.waiting


@pytest.mark.parametrize("policy", ["resume", "conclude"])
def test_killed_while_it_waits_it_asks_anew_or_concludes(policy):
    world = world_with()
    answering(world, after_looks=6)
    then = world.approvals.visit

    def visit(desk: SimApprovals, drill: str) -> None:
        if desk.looks == 3:
            world.journal.kill_at = (world.journal.appends + 1, "before")
            desk.hand_in(answer(world, drill))
        else:
            then(desk, drill)

    world.approvals.visit = visit
    with dying():
        run(world)
    world.journal.kill_at = None
    (drill,) = unfinished(world.journal)
    old = fold(world.journal.entries(drill)).approval.asked
    take_up(reopen(drill, world.journal), world.ports(), policy=policy)
    assert old is not None
    if policy == "resume":
        assert concluded(world).verdict == "passed"
        first, second = questions(world)
        assert first.challenge == old.challenge != second.challenge
        assert ends(world)[0].answer.challenge == second.challenge
    else:
        assert concluded(world).verdict == "inconclusive"
        assert "DRP-X001" in codes(world)
        assert any("approval" in finding.observed for finding in told(events_of(world)))
        assert untouched(world)
    assert not world.alive


def test_an_approval_of_before_a_crash_is_no_approval_of_what_comes_after():
    world = world_with()
    answering(world)

    def kill(name: str) -> None:
        if name == "compare":
            world.journal.kill_at = (world.journal.appends + 1, "after")

    world.script.on_call = kill
    with dying():
        run(world)
    world.journal.kill_at, world.script.on_call = None, lambda name: None
    (drill,) = unfinished(world.journal)
    assert fold(world.journal.entries(drill)).approval.outcome == "approved"
    world.approvals.visit = lambda desk, drill: None
    take_up(reopen(drill, world.journal), world.ports(), policy="resume")
    assert [ended.outcome for ended in ends(world)] == ["approved", "missing"]
    assert concluded(world).verdict == "aborted"
    assert not world.alive


@pytest.mark.parametrize("policy", ["resume", "conclude"])
@pytest.mark.parametrize("decision", ["refuse", None])
def test_what_was_refused_or_missed_stays_so_however_it_was_cut_off(policy, decision):
    world = world_with()
    if decision is not None:
        answering(world, decision=decision)
    world.journal.kill_at = (3, "after")  # declared, asked, ended
    with dying():
        run(world)
    world.journal.kill_at = None
    answering(world)
    (drill,) = unfinished(world.journal)
    take_up(reopen(drill, world.journal), world.ports(), policy=policy)
    assert concluded(world).verdict == "aborted"
    assert len(questions(world)) == 1
    assert "DRP-X001" not in codes(world)
    assert untouched(world)


class Jumping:
    """A clock whose wall is set, once, as soon as a drill waits."""

    def __init__(self, world: World, by: timedelta) -> None:
        self._clock, self._world, self._by = world.clock, world, by

    def now(self) -> Stamp:
        stamp = self._clock.now()
        return replace(stamp, wall=stamp.wall + self._by) if self._world.approvals.looks >= 2 else stamp

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(days=365), -timedelta(hours=1), -timedelta(days=365)])
def test_a_clock_that_jumps_never_makes_more_of_the_time(by):
    world = world_with()
    answering(world, after_looks=5000)
    recorder_clock = Jumping(world, by)
    recorder = declare(world.plan, world.journal, world, world.clock, requested_by="carl", ad_hoc=False)
    conduct(recorder, replace(world.ports(), clock=recorder_clock))
    assert concluded(world).verdict == "aborted"
    assert [ended.outcome for ended in ends(world)] == ["missing"]
    assert world.clock.elapsed < (20 if by > timedelta() else 620)
    assert untouched(world)


@pytest.mark.parametrize("by", [timedelta(minutes=5), -timedelta(days=365)])
def test_a_jump_within_the_time_or_backwards_lets_it_be_approved(by):
    world = world_with()
    answering(world, after_looks=10)
    recorder = declare(world.plan, world.journal, world, world.clock, requested_by="carl", ad_hoc=False)
    conduct(recorder, replace(world.ports(), clock=Jumping(world, by)))
    assert concluded(world).verdict == "passed"
