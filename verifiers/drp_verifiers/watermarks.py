"""Turns the newest datum that an application shows into a watermark, or says why it cannot be one.

The traps: a timestamp without zone is nobody's instant; a logical restore stamps rows, commits and files with the
restore's own time, which would report a loss of nothing. So only what the site declares is asked, and an instant that
lies after the disaster or after the drill began is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drp.domain.check import CheckResult, Expectation, Watermark
from drp_verifiers.statements import failed, passed, undetermined

_LONGEST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """A declared query for the newest datum that the application itself dated."""

    query: str
    """One row, one column: a timestamp with zone."""
    database: str | None = None
    """Where to ask, for servers with several databases."""
    assume_utc: bool = False
    """Take timestamps without a zone as UTC; otherwise they cannot be judged."""
    canary: bool = False
    """The query reads drp's heartbeat, so its age is not idle time."""
    clock_skew_seconds: float = 0.0
    """How far the application's clock may have run ahead of the instant of the disaster."""
    within_seconds: float | None = None
    """Fail when the datum is older than this, seen from the recovery point's instant."""


def judge(text: str | None, newest: Newest, expectation: Expectation, *, check: str = "newest") -> CheckResult:
    """Return the result for the timestamp that the declared query answered; None: there was no datum."""
    statement = f"the newest datum shown by: {_one_line(newest.query)}"
    if text is None:
        return failed(check, statement, observed="no datum at all", expected="at least one dated datum")
    try:
        at = datetime.fromisoformat(text.strip()[:_LONGEST])
    except ValueError:
        return undetermined(check, statement, observed=f"{text[:_LONGEST]!r} is not a timestamp")
    if at.tzinfo is None:
        if not newest.assume_utc:
            observed = f"{text} has no time zone: return a timestamptz, or say assume_utc"
            return undetermined(check, statement, observed=observed)
        at = at.replace(tzinfo=UTC)
    return _judge_instant(at.astimezone(UTC), newest, expectation, check, statement)


def _judge_instant(at: datetime, newest: Newest, expectation: Expectation, check: str, statement: str) -> CheckResult:
    observed = at.isoformat()
    limit = expectation.disaster_at + timedelta(seconds=newest.clock_skew_seconds)
    if expectation.declared_at is not None:
        limit = min(limit, expectation.declared_at)
    if at > limit:
        return undetermined(
            check,
            statement,
            observed=f"{observed}: dated after the disaster, so it is the restore's own time or a wrong clock",
            expected=f"at most {limit.isoformat()}",
        )
    if newest.within_seconds is not None:
        oldest = expectation.consistent_at - timedelta(seconds=newest.within_seconds)
        if at < oldest:
            return failed(check, statement, observed=observed, expected=f"{oldest.isoformat()} or newer")
    watermark = Watermark(at=at, source=_one_line(newest.query), canary=newest.canary)
    return passed(check, statement, observed=observed, watermark=watermark)


def _one_line(query: str) -> str:
    return " ".join(query.split())[:200]
