"""What has to be told of how old a proof is, of changes since, and of slots that nobody held. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from drp.domain.clock import CLOCKS_AGREE
from drp.domain.coverage import URGENT_TIER
from drp.domain.phrase import fact
from drp.domain.schedule.due import Due

_NAMED = 3


def judge_due(due: Due, tier: int, now: datetime) -> Iterator[tuple[Literal["warning", "critical"], str]]:
    """Yield level and sentence for everything that is not as a policy asks.

    What is overdue, or was never proven, is critical for full drills, since only they show that an application comes
    back, and for what the first tiers are asked for; else a warning.
    """
    grave: Literal["warning", "critical"] = "critical" if due.level == "full" or tier <= URGENT_TIER else "warning"
    of_level = "" if due.level == "full" else f" of level {due.level}"
    if due.max_age is not None:
        every = f"one is due every {days(due.max_age)}"
        if due.proven_at is None:
            yield grave, f"no drill{of_level} ever passed, {every}"
        elif (age := now - due.proven_at) < -CLOCKS_AGREE:
            yield (
                "critical",
                f"last passed drill{of_level} is dated {days(-age)} in the future, so none is known to be in time",
            )
        elif due.state in {"due", "overdue"}:
            level = grave if due.state == "overdue" else "warning"
            yield level, f"last passed drill{of_level} is {days(age)} old, {every}"
        elif due.changed:
            more = fact("more", " and {n} more", n=len(due.changed) - _NAMED) if len(due.changed) > _NAMED else ""
            names = ", ".join(due.changed[:_NAMED])
            yield "warning", f"needs verification: since drill {due.proven_by} changed {names}{more}"
    if due.missed:
        slots = "slot was" if due.missed == 1 else f"{due.missed} slots were"
        yield "warning", f"the last {slots} not held{of_level.replace(' of', ' at')}: see `drp schedule why`"


def days(duration: timedelta) -> str:
    """Return a duration in whole days, or hours of less than two."""
    whole, rest = divmod(int(duration.total_seconds()), 86_400)
    return (
        fact("days", "{whole} days", whole=whole)
        if whole > 1
        else fact("hours", "{whole} hours", whole=whole * 24 + rest // 3600)
    )
