"""Turns the newest datum that an application shows into a watermark, or says why it cannot be one.

The traps: a timestamp without zone is nobody's instant; a logical restore stamps rows, commits and files with the
restore's own time, which would report a loss of nothing; one row that is dated in the future (an appointment) hides how
old all others are. So only what the site declares is asked, and an instant later than the backup can hold any is
refused, never cut to one that it could be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from drp.domain.check import CheckResult, Expectation, Watermark
from drp.domain.local_time import local_instant, require_one_zone
from drp.domain.phrase import Instant, Phrase, fact
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
    zone: str = ""
    """Or the zone of production's clocks, such as ``Europe/Paris``: of two instants that fit, the older counts."""
    canary: bool = False
    """The query reads drp's heartbeat, so its age is not idle time."""
    clock_skew_seconds: float = 0.0
    """How far the application's clock may have run ahead of the backup's and of the instant of the disaster."""
    within_seconds: float | None = None
    """Fail when the datum is older than this, seen from the recovery point's instant."""

    def __post_init__(self) -> None:
        """Refuse a zone that nobody knows, and two zones."""
        require_one_zone(self.zone, assume_utc=self.assume_utc)


def judge(
    text: str | None, newest: Newest, expectation: Expectation, *, store: str, check: str = "newest"
) -> CheckResult:
    """Return the result for the timestamp that the declared query answered; None: there was no datum.

    ``store`` names where the query was asked, by what the plan says: one canary speaks for all of one store.
    """
    statement = _statement(newest)
    if text is None:
        return undated(
            failed(
                check,
                statement,
                observed=fact("no-datum-all", "no datum at all"),
                expected=fact("least-one-dated-datum", "at least one dated datum"),
            )
        )
    try:
        at = _instant(text.strip())
    except ValueError:
        return undated(
            undetermined(
                check,
                statement,
                observed=fact("not-timestamp", "{text} is not a timestamp", text=repr(text[:_LONGEST])),
            )
        )
    if at.tzinfo is None:
        zone = "UTC" if newest.assume_utc else newest.zone
        if not zone:
            observed = fact(
                "has-no-time-zone",
                "{text} has no time zone: return a timestamptz, or say assume_utc or zone",
                text=text,
            )
            return undated(undetermined(check, statement, observed=observed))
    try:
        instant = local_instant(at, zone) if at.tzinfo is None else at.astimezone(UTC)
        return _judge_instant(instant, newest, expectation, store, check)
    except OverflowError:  # at the very ends of the calendar
        return undated(
            undetermined(
                check,
                statement,
                observed=fact(
                    "no-instant-this-world", "{text} is no instant of this world", text=repr(text[:_LONGEST])
                ),
            )
        )


def _instant(text: str) -> datetime:
    """Return the time that a text shows, whole: what is cut off could be its zone. Raises ValueError."""
    if len(text) > _LONGEST:
        raise ValueError("longer than any timestamp")
    return datetime.fromisoformat(text)


def undated(result: CheckResult) -> CheckResult:
    """Return a result of a question for the newest datum that gave none which can be believed."""
    return replace(result, undated=True)


def _statement(newest: Newest) -> Phrase:
    return fact("newest-datum-shown-by", "the newest datum shown by: {query}", query=_one_line(newest.query))


def _judge_instant(at: datetime, newest: Newest, expectation: Expectation, store: str, check: str) -> CheckResult:
    statement, skew = _statement(newest), timedelta(seconds=newest.clock_skew_seconds)
    observed = fact("newest-dated", "{instant}", instant=Instant(at))
    why = fact("dated-after-disaster", "after the disaster, so it is the restore's own time or a wrong clock")
    limits = [(expectation.disaster_at + skew, why)]
    if expectation.declared_at is not None:
        why = fact("dated-after-drill-began", "after the drill began, so it is the restore's own time")
        limits.append((expectation.declared_at, why))
    limit, why = min(limits, key=lambda pair: pair[0])
    if expectation.newest_possible is not None and expectation.newest_possible + skew < limit:
        if at <= limit:  # what is younger still has another cause
            why = fact(
                "later-than-backup-can-hold",
                "later than the backup can hold any, so it says nothing of how old the others are",
            )
        limit = expectation.newest_possible + skew
    if at > limit:
        return undated(
            undetermined(
                check,
                statement,
                observed=fact("newest-dated-too-late", "{instant}: dated {why}", instant=Instant(at), why=why),
                expected=fact(
                    "newest-at-most",
                    "at most {limit}: ask for data that was dated when it was written, and leave out what is planned "
                    "for later",
                    limit=Instant(limit),
                ),
            )
        )
    if newest.within_seconds is not None:
        oldest = expectation.consistent_at - timedelta(seconds=newest.within_seconds)
        if at < oldest:
            return undated(
                failed(
                    check,
                    statement,
                    observed=observed,
                    expected=fact("newest-or-newer", "{oldest} or newer", oldest=Instant(oldest)),
                )
            )
    watermark = Watermark(
        at=at,
        source=_one_line(newest.query),
        canary=newest.canary,
        store=store,
        clock_skew_seconds=newest.clock_skew_seconds,
    )
    return passed(check, statement, observed=observed, watermark=watermark)


def _one_line(query: str) -> str:
    return " ".join(query.split())[:200]
