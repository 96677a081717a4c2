"""What was said of a sandbox that is gone says nothing of the one that is made in its place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drp.domain.events import (
    DrillConcluded,
    Event,
    Reconciled,
    Resumed,
    SandboxDestroyed,
    SandboxKept,
    SignedOff,
    SignOffAsked,
    SignOffStarted,
    TrafficSeen,
)
from drp.domain.fold import RecoveryState, fold
from drp.domain.reconciliation.result import ReconciliationResult
from drp.domain.sandbox import Residue
from drp.domain.sign_off import SignOffAnswer
from tests.support.sample_journal import Teller, tale, tell
from tests.support.sample_outputs import T0

UNTIL = T0 + timedelta(hours=1)
ANSWER = SignOffAnswer(
    drill="d", plan_digest="p", application="ehr", challenge="c", name="N", steps=(), results=(), opened_at=T0, answered_at=T0
)  # fmt: skip
COMPARED = Reconciled(
    result=ReconciliationResult(references=(), identifiers=(), applications=(), agreement="as-restored")
)
SAID: tuple[Event, ...] = (
    COMPARED,
    SignOffAsked(recovery="ehr", referent="r", challenge="c", until=UNTIL),
    SignOffStarted(recovery="ehr", name="N"),
    SignedOff(recovery="ehr", answer=ANSWER),
    TrafficSeen(recovery="ehr"),
    SandboxKept(recovery="ehr", sandbox="sbx-01", until=UNTIL),
    SandboxDestroyed(recovery="ehr", sandbox="sbx-01", residue=Residue(processes=0)),
)


def said_of(recovery: RecoveryState) -> dict[str, object]:
    names = ("asked", "opened", "signed_off", "signed_off_at", "traffic", "kept", "residue", "destroyed_at")
    return {name: getattr(recovery, name) for name in names}


@pytest.mark.parametrize(("lost", "kept"), [((), True), (("ehr",), False)])
def test_it_is_said_as_long_as_the_sandbox_is_not_lost(lost: tuple[str, ...], kept: bool) -> None:
    teller = Teller("d")
    before = (entry.event for entry in tell(tale()))
    for event in (*(one for one in before if not isinstance(one, DrillConcluded | SandboxDestroyed)), *SAID):
        teller.say(event, 1)
    teller.say(Resumed(reason="cut off", downtime_ms=1, lost_sandboxes=lost), 1)
    state = fold(teller.entries)
    recovery = state.recoveries["ehr"]
    assert {name for name, value in said_of(recovery).items() if (value is not None) != kept} == set()
    assert (state.reconciled is not None) == kept
    assert recovery.outputs.select is not None
    assert (recovery.outputs.verify is not None) == kept
    assert recovery.next_phase == (None if kept else "prepare")
