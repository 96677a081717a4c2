"""Why a drill is held that nobody typed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from drp.domain.level import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """The slots of the schedule for which a drill is held; part of its declaration, and so of its evidence."""

    order: str
    """Id of the order: the slot's, or ``plan@instant`` for all slots of a plan at one instant."""
    slots: tuple[str, ...]
    """Ids of the slots."""
    policies: Mapping[str, str]
    """Key of each policy → SHA-256 of its canonical JSON, as it was then."""
    expected_at: datetime
    """When the slots were."""
    register_head: str
    """The schedule's register as it was then, ``position:link``."""
    worker: str = ""
    """The worker that holds it: ``host/place``."""

    def drill_id(self, plan: str, level: Level = "full") -> str:
        """Return the id of the drill that is held for it: of one order there is one, on whatever host.

        It ends in ``z``, which no drill's does that somebody asked for: the journal takes an id once.
        """
        return scheduled_id(plan, level, self.expected_at)


def scheduled_id(plan: str, level: Level, at: datetime) -> str:
    """Return the id of the drill that a plan is held by at a level, for slots of an instant."""
    depth = "" if level == "full" else f"-{level}"
    return f"{plan}{depth}-{at:%Y%m%d-%H%M%S}z"
