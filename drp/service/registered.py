"""The register of the schedule held against the drills that name it: what was cut off, or rolled back, is seen."""

from __future__ import annotations

from drp.domain.events import DrillDeclared
from drp.domain.journal import Journal
from drp.domain.occasion import Occasion
from drp.domain.phrase import say
from drp.domain.schedule.register import Register
from drp.errors import Tampered

_NEWEST = 50
"""Among so many drills the newest of the schedule is looked for whenever the register is opened."""


def occasion_of(journal: Journal, drill: str) -> Occasion | None:
    """Return why a drill was declared; None: somebody asked for it, or there is none of that name."""
    first = next(journal.entries(drill), None)
    return first.event.occasion if first is not None and isinstance(first.event, DrillDeclared) else None


def require_declared(journal: Journal, register: Register, *, every: bool = False) -> None:
    """Raise Tampered unless the register still holds what drills of the schedule say that it held.

    The newest is asked, or ``every`` one. The register is chained, so what the newest names covers all before it.
    """
    history = journal.history
    newest = history.newest(history.count() if every else _NEWEST)
    for one in reversed(newest):
        occasion = occasion_of(journal, one.drill) if one.drill.endswith("z") else None
        if occasion is None:
            continue
        position, _, link = occasion.register_head.partition(":")
        if not position.lstrip("-").isdigit() or register.link_at(int(position)) != link:
            raise Tampered(
                say(
                    "register: drill {drill} was declared when its entry {position} was there, and it is not any more",
                    drill=one.drill,
                    position=position,
                ),
                hint="bring the journal's database back from a copy, and find out who changed it",
            )
        if not every:
            return
