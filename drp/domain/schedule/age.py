"""What has to be told of how old a proof is, of changes since, and of slots that nobody held. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from drp.domain.clock import CLOCKS_AGREE
from drp.domain.coverage import URGENT_TIER
from drp.domain.phrase import Phrase, counted, fact
from drp.domain.schedule.due import Due
from drp.domain.terms import listed

_NAMED = 3


def judge_due(due: Due, tier: int, now: datetime) -> Iterator[tuple[Literal["warning", "critical"], Phrase]]:
    """Yield level and sentence for everything that is not as a policy asks.

    What is overdue, or was never proven, is critical for full drills, since only they show that an application comes
    back, and for what the first tiers are asked for; else a warning.
    """
    grave: Literal["warning", "critical"] = "critical" if due.level == "full" or tier <= URGENT_TIER else "warning"
    level = due.level
    if due.max_age is not None:
        every = fact("due-every", "one is due every {time}", time=days(due.max_age))
        if due.proven_at is None:
            yield (
                grave,
                fact("never-passed", "no drill ever passed, {every}", every=every)
                if level == "full"
                else fact(
                    "never-passed-level", "no drill of level {level} ever passed, {every}", level=level, every=every
                ),
            )
        elif (age := now - due.proven_at) < -CLOCKS_AGREE:
            yield (
                "critical",
                fact(
                    "passed-in-future",
                    "{last} is dated {time} in the future, so none is known to be in time",
                    last=_last(level),
                    time=days(-age),
                ),
            )
        elif due.state in {"due", "overdue"}:
            gravity = grave if due.state == "overdue" else "warning"
            yield (
                gravity,
                fact(
                    "passed-long-ago", "{last} is {time} old, {every}", last=_last(level), time=days(age), every=every
                ),
            )
        elif due.changed:
            names = listed(due.changed[:_NAMED], len(due.changed))
            yield (
                "warning",
                fact(
                    "changed-since",
                    "needs verification: since drill {drill} changed {names}",
                    drill=due.proven_by,
                    names=names,
                ),
            )
    if due.missed:
        yield "warning", _missed(due.missed, level)


def _last(level: str) -> Phrase:
    if level == "full":
        return fact("last-passed", "last passed drill")
    return fact("last-passed-level", "last passed drill of level {level}", level=level)


def _missed(number: int, level: str) -> Phrase:
    if level == "full":
        return counted(
            "slots-missed",
            "the last slot was not held: see `drp schedule why`",
            "the last {n} slots were not held: see `drp schedule why`",
            number,
        )
    return counted(
        "slots-missed-level",
        "the last slot was not held at level {level}: see `drp schedule why`",
        "the last {n} slots were not held at level {level}: see `drp schedule why`",
        number,
        level=level,
    )


def days(duration: timedelta) -> Phrase:
    """Return a duration in whole days, or hours of less than two."""
    whole, rest = divmod(int(duration.total_seconds()), 86_400)
    if whole > 1:
        return counted("days", "{n} day", "{n} days", whole)
    return counted("hours", "{n} hour", "{n} hours", whole * 24 + rest // 3600)
