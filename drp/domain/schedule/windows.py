"""When a drill of some length may run: weekly windows of local time, less what is blacked out. Pure.

A window begins when the clock of its zone first shows its beginning, and ends when it first shows its end after that:
in the night of a gap it is shorter, in the night of a fold longer. Windows that touch are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from drp.domain.schedule.policy import Blackout, Policy, Window

Span = tuple[datetime, datetime]
"""Two instants in UTC, the end exclusive."""

_DAY = timedelta(days=1)
_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where a drill fits."""

    at: datetime
    """The first instant at which it may start."""
    latest: datetime
    """The last one of the same span."""


def next_allowed(
    policy: Policy,
    instant: datetime,
    expected: timedelta,
    *,
    blackouts: Iterable[Blackout] = (),
    by: datetime | None = None,
) -> Room | None:
    """Return where all of a drill fits first, starting at an instant or later, and ``by`` at the latest.

    ``blackouts`` come on top of the policy's own. Without ``by`` a year is looked at. None: it fits nowhere.
    """
    limit = by if by is not None else instant + 366 * _DAY
    reached = limit + expected
    every = ((each.begins, each.ends or _FAR) for each in (*policy.blackouts, *blackouts))
    closed = sorted(span for span in every if span[1] > instant and span[0] < reached)
    for begins, ends in _open(policy, instant, limit):
        for first, last in _without(max(begins, instant), ends, closed):
            if first > limit:
                return None
            if last - first >= expected:
                return Room(at=first, latest=last - expected)
    return None


def in_the_way(
    policy: Policy, instant: datetime, expected: timedelta, blackouts: Iterable[Blackout] = ()
) -> Blackout | None:
    """Return what forbids a drill that starts at an instant: of several the one that ends last."""
    met = [
        each
        for each in (*policy.blackouts, *blackouts)
        if each.begins < instant + expected and (each.ends is None or each.ends > instant)
    ]
    return max(met, key=lambda each: each.ends or _FAR, default=None)


def longest(windows: Sequence[Window], zone: str, instant: datetime) -> timedelta | None:
    """Return the longest span that the windows of the coming fortnight give; None: there is no end to it."""
    until = instant + 14 * _DAY
    spans = list(_merged(windows, ZoneInfo(zone), instant, until))
    if not windows or any(begins <= instant and ends > until for begins, ends in spans):
        return None
    return max((ends - begins for begins, ends in spans), default=timedelta(0))


def open_now(windows: Sequence[Window], zone: str, instant: datetime, within: timedelta = timedelta(0)) -> Span | None:
    """Return the span that is open at an instant, or else the first that begins ``within`` a time after; None: none."""
    if not windows:
        return None
    limit = instant + within
    return next((span for span in _merged(windows, ZoneInfo(zone), instant, limit) if span[0] <= limit), None)


def instant_of(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return when the clock of a zone first shows a time of day or, where it leaves it out, what comes after; UTC."""
    wall = datetime.combine(day, clock)
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    # taken out by a change of clocks, which lies between the two readings of that wall time
    low = int(wall.replace(tzinfo=zone, fold=1).astimezone(UTC).timestamp())
    high = int(instant.timestamp())
    before = datetime.fromtimestamp(low, UTC).astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _open(policy: Policy, instant: datetime, limit: datetime) -> Iterator[Span]:
    if not policy.windows:
        yield instant, _FAR
        return
    yield from _merged(policy.windows, ZoneInfo(policy.zone), instant, limit)


def _merged(windows: Sequence[Window], zone: ZoneInfo, instant: datetime, limit: datetime) -> Iterator[Span]:
    """Yield the spans that are open after an instant, in order, until one begins after the limit."""
    current: Span | None = None
    for begins, ends in _weekly(windows, zone, instant):
        if ends <= instant:
            continue
        if current is not None and begins <= current[1]:
            current = (current[0], max(current[1], ends))
        else:
            if current is not None:
                yield current
            current = (begins, ends)
        if begins > limit:
            break
    if current is not None:
        yield current


def _weekly(windows: Sequence[Window], zone: ZoneInfo, instant: datetime) -> Iterator[Span]:
    """Yield every window in order of its beginning, from two days before an instant on, without end."""
    day = instant.astimezone(zone).date() - 2 * _DAY
    if not any(window.days for window in windows):
        return
    while day < date.max - 2 * _DAY:
        yield from _of_day(tuple(windows), zone, day)
        day += _DAY


@lru_cache(maxsize=4_000)
def _of_day(windows: tuple[Window, ...], zone: ZoneInfo, day: date) -> tuple[Span, ...]:
    """Return the windows that begin on a day: the same for every policy that has them."""
    found = (_on(window, day, zone) for window in windows if day.weekday() in window.days)
    return tuple(sorted(span for span in found if span[0] < span[1]))


def _on(window: Window, day: date, zone: ZoneInfo) -> Span:
    following = day if window.ends > window.begins else day + _DAY
    return instant_of(day, window.begins, zone), instant_of(following, window.ends, zone)


def _without(begins: datetime, ends: datetime, closed: Sequence[Span]) -> Iterator[Span]:
    """Yield what is left of a span once what is closed is taken out, in order."""
    for first, last in closed:
        if last <= begins:
            continue
        if first >= ends:
            break
        if first > begins:
            yield begins, first
        begins = max(begins, last)
    if begins < ends:
        yield begins, ends
