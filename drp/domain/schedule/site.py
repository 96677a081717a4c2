"""What a site says about its schedule, complete. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from drp.domain.schedule.policy import Blackout, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFeed:
    """A calendar file whose events are blackouts. Somebody else's job puts it there; drp fetches nothing."""

    name: str
    """As the site's file says it, for people."""
    path: Path
    reason: str = ""
    """Why no drill runs during its events; empty: the file's name stands for it."""
    zone: str = "UTC"
    """Of times that the calendar leaves without a zone, and of whole days."""
    max_age_of_file: timedelta = timedelta(days=2)
    """A file that nobody has written for longer is said to be stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Policies by key, and when nothing runs."""

    policies: Mapping[str, Policy] = field(default_factory=dict)
    """Those without ``cron``, ``after`` and ``on_change`` expect nothing: they say how old a success may be."""
    blackouts: tuple[Blackout, ...] = ()
    """For all policies; a freeze has no end."""
    calendars: tuple[CalendarFeed, ...] = ()
    """For all policies: while one cannot be read, nothing starts."""
    exempt: Mapping[str, str] = field(default_factory=dict)
    """Application, or key of a policy → why its tier's preset does not hold for it."""
    undecided: frozenset[str] = frozenset()
    """Applications whose files cannot be read: what is in force for them is not known, so none of it is gone."""
    zone: str = "UTC"
    """The site's: of cron expressions, windows and days that say no other."""

    def of(self, application: str) -> tuple[Policy, ...]:
        """Return the policies of an application, the deepest level first."""
        return tuple(policy for policy in self.policies.values() if policy.application == application)
