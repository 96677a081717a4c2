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
from drp.domain.phrase import fact
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


def earlier(
    journal: Journal, application: str, *, before: datetime, restored_state: datetime, but: str = ""
) -> Earlier:
    """Return counts and code of the newest state, not newer than the one restored, whose drill passed for it.

    Only drills declared before ``before`` count, so that a drill that is resumed compares with the same one; ``but`` is
    that drill. A drill of an older point is not compared with newer data: that it holds less is no loss.
    """
    unread = {one.drill: one.trouble for one in journal.history.unsettled(but) if one.trouble}

    def newest(*, counted: bool) -> tuple[str, Verified] | None:
        for drill in journal.history.baselines(
            application, before=before, until=restored_state, counted=counted, but=but
        ):
            try:
                found = _passed(fold(journal.entries(drill)), application, before)
            except DrpError as error:
                unread[drill] = error.message
                continue
            if found is not None and found[0] <= restored_state and (found[1].counts or not counted):
                return drill, found[1]
            unread[drill] = "journal: what is noted in short of it does not follow from its entries"
        return None

    counted, ran = newest(counted=True), newest(counted=False)
    return Earlier(
        baseline=Baseline(drill=counted[0], counts=counted[1].counts, falls=counted[1].falls) if counted else None,
        code=_code_of(*ran) if ran is not None else None,
        findings=tuple(
            EARLIER_UNREADABLE.finding(
                subject=drill, observed=trouble, expected=fact("drill-can-read", "a drill that can be read")
            )
            for drill, trouble in unread.items()
        ),
    )


def _passed(state: DrillState, application: str, before: datetime) -> tuple[datetime, Verified] | None:
    """Return restored state and what was verified of a concluded drill that passed for the application."""
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
    return recovery.selection.restored_state(point), verified


def _code_of(drill: str, verified: Verified) -> CodeBefore:
    return CodeBefore(drill=drill, code=verified.code, checks=verified.code_checks, changes=verified.code_changes)
