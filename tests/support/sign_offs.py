"""Simulated drills that wait for a business referent, and a referent who answers them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from drp.domain.events import DrillConcluded, SignedOff, SignOffAsked, SignOffStarted
from drp.domain.fold import fold
from drp.domain.measure import Measurement
from drp.domain.sign_off import Checklist, SignOffAnswer, SignOffPolicy, SignOffStep, StepResult
from drp.domain.sign_off_desk import Opened
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from tests.simulators.desk import SimDesk
from tests.simulators.world import Script, World, events_of
from tests.support.findings import told

STEPS = (
    SignOffStep(id="open", do="open a record", expect="the last entry of yesterday"),
    SignOffStep(id="print", do="print a label"),
)
CHECKLIST = Checklist(referent="head nurse on duty", steps=STEPS)


def world_with(
    checklist: Checklist = CHECKLIST, *, names: tuple[str, ...] = ("ehr",), script: Script | None = None, **objectives
) -> World:
    world = World(script, names=names)
    recoveries = tuple(
        replace(
            recovery,
            application=replace(
                recovery.application,
                sign_off=checklist,
                depends_on=(),
                objectives=replace(recovery.application.objectives, **objectives),
            ),
        )
        for recovery in world.plan.recoveries
    )
    world.plan = replace(world.plan, recoveries=recoveries, sign_off=SignOffPolicy(deadline=timedelta(minutes=10)))
    return world


def answer(world: World, drill: str, application: str = "ehr", **changes: object) -> SignOffAnswer:
    state = fold(world.journal.entries(drill))
    asked = state.recoveries[application].asked
    assert asked is not None
    assert state.declared is not None
    now = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    base = SignOffAnswer(
        drill=drill, plan_digest=state.declared.plan_digest, application=application, challenge=asked.challenge,
        name="N. Durand", steps=STEPS, results=tuple(StepResult(id=step.id, outcome="passed") for step in STEPS),
        opened_at=now, answered_at=now,
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def answering(world: World, *, after_looks: int = 3, signature: str = "", **changes: object) -> None:
    """Let the referent open the checklist at once and answer after some looks of the drill."""
    given: set[str] = set()

    def visit(desk: SimDesk, drill: str, application: str) -> None:
        state = fold(world.journal.entries(drill)).recoveries[application]
        assert state.asked is not None
        desk.names[drill, application] = Opened(challenge=state.asked.challenge, name="N. Durand")
        if desk.looks >= after_looks and state.asked.challenge not in given:
            given.add(state.asked.challenge)
            desk.hand_in(answer(world, drill, application, **changes), signature)

    world.desk.visit = visit


def run(world: World) -> DrillConcluded:
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False), world.ports())
    return concluded(world)


def concluded(world: World) -> DrillConcluded:
    (event,) = [event for event in events_of(world) if isinstance(event, DrillConcluded)]
    return event


def measured(world: World) -> Measurement:
    return concluded(world).measurements[0]


def codes(world: World) -> list[str]:
    return [finding.code for finding in told(events_of(world))]


def kinds(world: World) -> list[type]:
    asked = (SignOffAsked, SignOffStarted, SignedOff)
    return [type(event) for event in events_of(world) if isinstance(event, asked)]
