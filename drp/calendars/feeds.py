"""Calendars whose events close the house to drills: iCalendar (RFC 5545) as Exchange, Google and Nextcloud write it.

A file that cannot be read, or of which any event makes no sense, is *unreadable* as a whole: nobody knows when nothing
may run, so nothing starts. It is never taken for a calendar without events. Events that were cancelled, and those that
their calendar marks as free (``TRANSP:TRANSPARENT``), close nothing, and are counted. drp opens no connection for a
calendar: a job of the site's own fetches the file. What an event is called is not kept: it may name people.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from drp.calendars.spans import Closed, Expanded
from drp.domain.phrase import quoted, say
from drp.domain.schedule.policy import Blackout
from drp.domain.schedule.site import CalendarFeed

LARGEST = 4 << 20
_DAY = timedelta(days=1)
_BEFORE, _AFTER = 35 * _DAY, 400 * _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRead:
    """What a calendar says, or why nobody knows."""

    name: str
    blackouts: tuple[Blackout, ...] = ()
    """Of the past month and the coming year, by their beginning."""
    problem: str = ""
    """Why it cannot be read; empty: it was."""
    written_at: datetime | None = None
    """When its file was written last."""
    stale: bool = False
    """Whether nobody has written it for longer than the site allows: said, and what it says still counts."""
    free: int = 0
    """Events that close nothing since their calendar marks them as free."""
    cancelled: int = 0


def read_calendars(feeds: Iterable[CalendarFeed], now: datetime) -> tuple[CalendarRead, ...]:
    """Return what each calendar says as of now; of unchanged files what was read before."""
    return tuple(_read(feed, now) for feed in feeds)


def closed(calendars: Sequence[CalendarRead]) -> tuple[tuple[Blackout, ...], str]:
    """Return all blackouts of calendars, and the name of the first that cannot be read, empty where all were."""
    unreadable = next((calendar.name for calendar in calendars if calendar.problem), "")
    return tuple(blackout for calendar in calendars for blackout in calendar.blackouts), unreadable


def _read(feed: CalendarFeed, now: datetime) -> CalendarRead:
    try:
        content, written_at = _content(feed.path)
    except OSError as error:
        return CalendarRead(
            name=feed.name, problem=quoted(error.strerror) if error.strerror else say("cannot be opened")
        )
    read = CalendarRead(name=feed.name, written_at=written_at, stale=now - written_at > feed.max_age_of_file)
    if content is None:
        return replace(read, problem=say("is larger than {most} MiB", most=LARGEST >> 20))
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    expanded = _expanded(content, feed.zone, today - _BEFORE, today + _AFTER)
    if isinstance(expanded, str):
        return replace(read, problem=expanded)
    return replace(
        read,
        blackouts=tuple(_merged(expanded.closed, feed.reason or feed.name)),
        free=expanded.free,
        cancelled=expanded.cancelled,
    )


def _content(path: Path) -> tuple[bytes | None, datetime]:
    """Return a file's bytes, None of one that is too large, and when it was written. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(0, "is no file")
        content = stream.read(LARGEST + 1)
    return content if len(content) <= LARGEST else None, datetime.fromtimestamp(int(state.st_mtime), UTC)


@lru_cache(maxsize=8)
def _expanded(content: bytes, zone: str, begins: datetime, ends: datetime) -> Expanded | str:
    from drp.calendars.events import expand  # noqa: PLC0415 - its libraries take long, and few sites have calendars

    return expand(content, zone, begins, ends)


def _merged(spans: Iterable[Closed], reason: str) -> Iterator[Blackout]:
    """Yield spans in their order, those that meet as one: the planner goes through them for every policy."""
    current: Closed | None = None
    for each in spans:
        if current is not None and each.begins <= current.ends:
            current = Closed(current.begins, max(current.ends, each.ends))
            continue
        if current is not None:
            yield Blackout(begins=current.begins, ends=current.ends, reason=reason)
        current = each
    if current is not None:
        yield Blackout(begins=current.begins, ends=current.ends, reason=reason)
