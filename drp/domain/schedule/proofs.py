"""Which drills prove what of applications: only sealed ones, of which the application's own verdict is passed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from drp.domain.fold import DrillState
from drp.domain.level import COVERS, Level
from drp.domain.standing import own_verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One level of one application, proven by one drill."""

    level: Level
    """What is proven: the drill's own level, or one that it covers."""
    drill: str
    declared_at: datetime
    """From here its age counts."""
    host: str
    """Where it was held."""


def proofs(states: Iterable[DrillState]) -> dict[str, list[Proof]]:
    """Return what drills prove, by application, in the order of the drills.

    A passed drill proves its own level and those below, one `Proof` each; it never proves a deeper one. Applications of
    which nothing is proven are not among the keys.
    """
    found: dict[str, list[Proof]] = {}
    for state in states:
        if state.sealed is None or state.concluded is None or state.declared_at is None or state.declared is None:
            continue
        for recovery in state.plan.recoveries:
            if own_verdict(state, recovery) != "passed":
                continue
            found.setdefault(recovery.name, []).extend(
                Proof(level=level, drill=state.drill, declared_at=state.declared_at.wall, host=state.declared.host)
                for level in COVERS[state.plan.level]
            )
    return found
