"""Simulated drills that have to be approved, and approvers who answer them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from drp.domain.approval import ApprovalAnswer, ApprovalPolicy
from drp.domain.events import ApprovalAsked, ApprovalEnded, DrillConcluded
from drp.domain.fold import fold
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from tests.simulators.approvals import SimApprovals
from tests.simulators.world import Script, World, events_of

POLICY = ApprovalPolicy(approvers=("anna", "bert"), within=timedelta(minutes=10))
SIGNED = replace(POLICY, approvers=("n.durand@chu.example", "b.martin@chu.example"), allowed_signers="n.durand@chu.example\nb.martin@chu.example\nthief@chu.example")  # fmt: skip


def world_with(policy: ApprovalPolicy | None = POLICY, *, script: Script | None = None, **world: object) -> World:
    made = World(script, **world)  # type: ignore[arg-type]
    made.plan = replace(made.plan, approval=policy)
    return made


def answer(world: World, drill: str, **changes: object) -> ApprovalAnswer:
    state = fold(world.journal.entries(drill))
    assert state.approval.asked is not None
    assert state.declared is not None
    base = ApprovalAnswer(
        drill=drill,
        plan_digest=state.declared.plan_digest,
        challenge=state.approval.asked.challenge,
        decision="approve",
        name="Anna",
        reason="the ward knows",
        answered_at=datetime(2026, 11, 21, 3, 0, tzinfo=UTC),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def answering(world: World, *, after_looks: int = 3, signature: str = "", uid: int = 1000, **changes: object) -> None:
    """Let somebody answer each question once, after some looks of the drill."""
    given: set[str] = set()

    def visit(desk: SimApprovals, drill: str) -> None:
        made = answer(world, drill, **changes)
        if desk.looks >= after_looks and made.challenge not in given:
            given.add(made.challenge)
            desk.hand_in(made, signature, uid)

    world.approvals.visit = visit


def run(world: World, requested_by: str = "carl") -> DrillConcluded:
    recorder = declare(world.plan, world.journal, world, world.clock, requested_by=requested_by, ad_hoc=False)
    conduct(recorder, world.ports())
    return concluded(world)


def concluded(world: World) -> DrillConcluded:
    (event,) = [event for event in events_of(world) if isinstance(event, DrillConcluded)]
    return event


def ends(world: World) -> list[ApprovalEnded]:
    return [event for event in events_of(world) if isinstance(event, ApprovalEnded)]


def questions(world: World) -> list[ApprovalAsked]:
    return [event for event in events_of(world) if isinstance(event, ApprovalAsked)]


def untouched(world: World) -> bool:
    """Return whether nothing outside of drp was even asked."""
    return not world.calls or set(world.calls) <= {"put"}
