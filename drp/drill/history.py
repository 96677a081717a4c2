"""Finds the earlier drills whose counts and code this backup is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.findings.history import EARLIER_UNREADABLE
from drp.domain.fold import DrillState, fold
from drp.domain.history import Baseline
from drp.domain.journal import Journal
from drp.domain.phase import Verified
from drp.domain.restored_code import CodeBefore
from drp.domain.standing import own_verdict
from drp.errors import DrpError


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What earlier drills have to say."""

    baseline: Baseline | None
    code: CodeBefore | None = None
    """Restored code that ran when the application last passed."""
    findings: tuple[Finding, ...] = ()


def earlier(journal: Journal, application: str, *, before: datetime, restored_state: datetime) -> Earlier:
    """Return counts and code of the newest state, not newer than the one restored, whose drill passed for it.

    Only drills declared before ``before`` count, so that a drill that is resumed compares with the same one. A drill
    of an older point is not compared with newer data: that it holds less is no loss.
    """
    counted: tuple[datetime, datetime, Baseline] | None = None
    ran: tuple[datetime, datetime, CodeBefore] | None = None
    findings = []
    for drill in journal.drills():
        try:
            state = fold(journal.entries(drill))
        except DrpError as error:
            findings.append(
                EARLIER_UNREADABLE.finding(subject=drill, observed=error.message, expected="a drill that can be read")
            )
            continue
        found = _passed(state, application, before)
        if found is None or found[0] > restored_state:
            continue
        at, declared, verified = found
        if verified.counts and (counted is None or (at, declared) > counted[:2]):
            counted = at, declared, Baseline(drill=state.drill, counts=verified.counts, falls=verified.falls)
        if ran is None or (at, declared) > ran[:2]:
            ran = at, declared, _code_of(state.drill, verified)
    return Earlier(
        baseline=counted[2] if counted is not None else None,
        code=ran[2] if ran is not None else None,
        findings=tuple(findings),
    )


def _passed(state: DrillState, application: str, before: datetime) -> tuple[datetime, datetime, Verified] | None:
    """Return restored state, declaration and what was verified of a concluded drill that passed for the application."""
    if state.concluded is None or state.declared_at is None or state.declared_at.wall >= before:
        return None
    recovery = next((one for one in state.plan.recoveries if one.name == application), None)
    if recovery is None:
        return None
    outputs = state.recoveries[application].outputs
    point, verified = outputs.point, outputs.verify
    if point is None or verified is None:
        return None
    if own_verdict(state, recovery) != "passed":
        return None
    return recovery.selection.restored_state(point), state.declared_at.wall, verified


def _code_of(drill: str, verified: Verified) -> CodeBefore:
    return CodeBefore(drill=drill, code=verified.code, checks=verified.code_checks, changes=verified.code_changes)
