"""An occasion on which a drill is expected, and how it can end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Cause = Literal["cron", "after", "change"]
Ending = Literal["held", "missed", "superseded", "paused", "blocked"]
"""How a slot ends. held: a drill has its verdict, whichever. missed: nobody was there, or it did not fit in time.
superseded: a later or stronger drill stands for it. paused: a person said so. blocked: the site could not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One expected drill: of which policy, and when."""

    application: str
    level: str
    at: datetime
    """Nominal instant, UTC, whole seconds: what cron says, or when the cause was seen."""
    cause: Cause = "cron"

    @property
    def policy(self) -> str:
        """Return the key of its policy."""
        return f"{self.application}/{self.level}"

    @property
    def id(self) -> str:
        """Return the slot's name, the same wherever it is computed: nothing of one name is ever held twice."""
        return f"{self.policy}@{self.at:%Y%m%dT%H%M%SZ}"
