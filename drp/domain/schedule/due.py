"""How an application stands by one level: proven, due, overdue, never. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

DueState = Literal["proven", "due", "overdue", "never", "needs-verification", "unscheduled"]
"""proven: young enough. due: older than ``max_age``, within grace. overdue: older still. never: nothing ever passed.
needs-verification: it passed, and what it proved has changed since. unscheduled: no policy asks for anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One application and level. Only sealed drills whose own verdict is passed prove anything."""

    application: str
    level: str
    """Empty: of an application without any policy."""
    state: DueState
    proven_at: datetime | None = None
    """When the newest drill that proves it was declared."""
    proven_by: str = ""
    """That drill."""
    max_age: timedelta | None = None
    grace: timedelta | None = None
    changed: tuple[str, ...] = ()
    """What changed since it was proven: names of files and programs."""
    next_at: datetime | None = None
    """When the next drill starts, as things are; None: nothing says when."""
    waits: str = ""
    """Why the one that has come does not start: a code of `drp.domain.schedule.reasons`."""
    missed: int = 0
    """So many slots in a row ended otherwise than held or superseded."""
