"""The register of the schedule held against the drills that name it: what was cut off, or rolled back, is seen."""

from __future__ import annotations

from itertools import islice

from drp.domain.events import DrillDeclared, PhaseCompleted
from drp.domain.journal import Journal
from drp.domain.occasion import Occasion
from drp.domain.phase import Selected
from drp.domain.phrase import say
from drp.domain.schedule.register import Register
from drp.errors import Tampered

_NEWEST = 50
"""Among so many drills the newest of the schedule is looked for whenever the register is opened."""
_LOOKED_AT = 1
"""So many of the newest drills are asked for what they saw of the register; `drp journal verify` asks all."""
_BEFORE_SELECTION = 50
"""A drill takes its first point within so many entries, or had to wait."""


def occasion_of(journal: Journal, drill: str) -> Occasion | None:
    """Return why a drill was declared; None: somebody asked for it, or there is none of that name."""
    first = next(journal.entries(drill), None)
    return first.event.occasion if first is not None and isinstance(first.event, DrillDeclared) else None


def require_declared(journal: Journal, register: Register, *, every: bool = False) -> None:
    """Raise Tampered unless the register still holds what drills say that it held.

    The newest of the schedule is asked, and the newest that took its point with the register at hand; or ``every`` one.
    The register is chained, so what the newest names covers all before it.
    """
    history = journal.history
    looked_at = 0
    for one in reversed(history.newest(history.count() if every else _NEWEST)):
        scheduled = one.drill.endswith("z")
        occasion = occasion_of(journal, one.drill) if scheduled else None
        heads = [occasion.register_head] if occasion is not None else []
        if every or scheduled or looked_at < _LOOKED_AT:
            looked_at += 1
            heads += [head for head in [_head_at_selection(journal, one.drill)] if head]
        for head in heads:
            _require(register, one.drill, head)
        if heads and not every:
            return


def _require(register: Register, drill: str, head: str) -> None:
    position, _, link = head.partition(":")
    if not position.lstrip("-").isdigit() or register.link_at(int(position)) != link:
        raise Tampered(
            say(
                "register: drill {drill} was declared when its entry {position} was there, and it is not any more",
                drill=drill,
                position=position,
            ),
            hint="bring the journal's database back from a copy, and find out who changed it",
        )


def _head_at_selection(journal: Journal, drill: str) -> str:
    """Return how far the register went when a drill took its first point; empty: it did not, or did not say."""
    for entry in islice(journal.entries(drill), _BEFORE_SELECTION):
        event = entry.event
        if isinstance(event, PhaseCompleted) and isinstance(event.output, Selected):
            return event.output.known.head if event.output.known is not None else ""
    return ""
