"""What is sent once of a drill that is sealed: pings of its policies, and its spans."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.fold import DrillState
from drp.domain.level import COVERS
from drp.domain.standing import own_verdict
from drp.domain.verdict import Verdict
from drp.drill.declare import states
from drp.errors import DrpError
from drp.monitoring.traces import Span, spans_of
from drp.service.wiring import Wiring

SIGNS: Mapping[Verdict, str] = {"passed": "", "failed": "1", "inconclusive": "3", "aborted": "130"}
"""Verdict → what is pinged: success, or the exit status of ``drp drill run``. Only a pass is a success."""


def pings_of(wiring: Wiring, drill: str) -> dict[str, str]:
    """Return policy → the sign that its ping gives after a drill; nothing of one that is not sealed."""
    state = _sealed(wiring, drill)
    if state is None:
        return {}
    signs: dict[str, str] = {}
    for recovery in state.plan.recoveries:
        sign = SIGNS[own_verdict(state, recovery)]
        level = state.plan.level
        # a deeper drill that passed stands for shallower ones, which are not held then
        levels = COVERS.get(level, (level,)) if not sign else (level,)
        for each in levels:
            if f"{recovery.name}/{each}" in wiring.site.monitoring.policy_pings:
                signs[f"{recovery.name}/{each}"] = sign
    return signs


def spans_of_drill(wiring: Wiring, drill: str) -> tuple[Span, ...]:
    """Return the spans of a sealed drill; nothing of another."""
    state = _sealed(wiring, drill)
    return spans_of(state) if state is not None else ()


def _sealed(wiring: Wiring, drill: str) -> DrillState | None:
    try:
        found = states(wiring.journal_to_read(), (drill,))
    except DrpError:
        return None
    return next((state for state in found if state.sealed is not None and state.concluded is not None), None)
