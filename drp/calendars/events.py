"""The spans that an iCalendar file (RFC 5545) closes, within bounds: recurrences, exceptions, zones, whole days.

The file is somebody else's: what would take for ever to expand is not read. Recurrences are expanded in the wall time
of their event's zone; a time that a change of clocks takes out is read with the offset before it (RFC 5545, 3.3.5).
"""

from __future__ import annotations

import time as clocks
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from drp.calendars.spans import Closed, Expanded
from drp.calendars.text import Malformed, components
from drp.domain.phrase import joined, say

MOST_SPANS = 20_000
MOST_SECONDS = 10.0
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=366)
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class _Event:
    """An event, its times read. Wall times are without zone, and ``zone`` gives them one."""

    uid: str
    sequence: int
    begins: datetime
    lasts: timedelta
    whole_days: bool
    zone: tzinfo
    state: str
    """``busy``, ``free`` or ``cancelled``."""
    replaces: datetime | None
    """The instant of the occurrence that it replaces, UTC."""
    component: Any


def expand(content: bytes, zone: str, begins: datetime, ends: datetime) -> Expanded | str:
    """Return what is closed between two instants, or why the calendar cannot be read.

    ``zone``: of times without a zone, and of whole days.
    """
    try:
        with warnings.catch_warnings():
            # of time zones that are guessed by what stands behind a maker's prefix, as everybody does
            warnings.simplefilter("ignore")
            return _expand(components(content), ZoneInfo(zone), begins, ends)
    except Malformed as error:
        return joined([error])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        # the library says so in many ways
        return say("makes no sense: {words}", words=repr(str(error)[:_SHOWN]))


def _expand(parts: list[Any], zone: ZoneInfo, begins: datetime, ends: datetime) -> Expanded:
    events = _newest(_event(component, zone) for component in parts)
    replaced: dict[str, set[datetime]] = {}
    for event in events:
        if event.replaces is not None:
            replaced.setdefault(event.uid, set()).add(event.replaces)
    found, until = Expanded(), clocks.monotonic() + MOST_SECONDS
    for event in events:
        if event.state != "busy":
            found.free += event.state == "free"
            found.cancelled += event.state == "cancelled"
            continue
        others = replaced.get(event.uid, set()) if event.replaces is None else set()
        for first, last in _occurrences(event, others, begins, ends):
            if last > first and last > begins and first < ends:
                found.closed.append(Closed(first, last))
            if len(found.closed) > MOST_SPANS:
                raise Malformed(say("closes more than {most} spans", most=MOST_SPANS))
        if clocks.monotonic() > until:
            raise Malformed(say("takes too long to expand"))
    found.closed.sort(key=lambda each: (each.begins, each.ends))
    return found


def _newest(events: Iterator[_Event]) -> list[_Event]:
    """Return the events of which no later version is in the file."""
    newest: dict[tuple[str, datetime | None], int] = {}
    listed = list(events)
    for event in listed:
        key = (event.uid, event.replaces)
        newest[key] = max(newest.get(key, 0), event.sequence)
    return [event for event in listed if not event.uid or event.sequence == newest[event.uid, event.replaces]]


def _event(component: Any, zone: ZoneInfo) -> _Event:
    if component.errors:
        name, message = component.errors[0]
        raise Malformed(
            say("has an event with a {name} that makes no sense: {words}", name=name, words=repr(str(message)[:_SHOWN]))
        )
    said = component.get("DTSTART")
    if said is None or isinstance(said, list):
        raise Malformed(
            say("has an event with no DTSTART") if said is None else say("has an event with more than one DTSTART")
        )
    if "RANGE" in getattr(component.get("RECURRENCE-ID"), "params", {}):
        raise Malformed(say("changes an occurrence and all that follow (RANGE=THISANDFUTURE), which is not read"))
    begins, own = _wall(said.dt, said.params, zone)
    whole_days = not isinstance(said.dt, datetime)
    recurrence = component.get("RECURRENCE-ID")
    cancelled = str(component.get("STATUS", "")).upper() == "CANCELLED"
    free = str(component.get("TRANSP", "")).upper() == "TRANSPARENT"
    return _Event(
        uid=str(component.get("UID", "")),
        sequence=int(component.get("SEQUENCE", 0)),
        begins=begins,
        lasts=_lasts(component, begins, own, zone, whole_days=whole_days),
        whole_days=whole_days,
        zone=own,
        state="cancelled" if cancelled else "free" if free else "busy",
        replaces=_instant(recurrence.dt, recurrence.params, zone) if recurrence is not None else None,
        component=component,
    )


def _wall(said: Any, params: Mapping[str, Any], zone: ZoneInfo) -> tuple[datetime, tzinfo]:
    """Return a wall time and its zone; a zone that nobody knows is not taken for the site's."""
    if not isinstance(said, date):
        raise Malformed(say("has a time that is none: {text}", text=repr(str(said)[:_SHOWN])))
    if not isinstance(said, datetime):
        return datetime.combine(said, time()), zone
    if said.tzinfo is None and "TZID" in params:
        raise Malformed(say("names a time zone that nobody knows: {zone}", zone=repr(str(params["TZID"])[:_SHOWN])))
    return said.replace(tzinfo=None), said.tzinfo or zone


def _instant(said: Any, params: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    wall, own = _wall(said, params, zone)
    return wall.replace(tzinfo=own).astimezone(UTC)


def _lasts(component: Any, begins: datetime, own: tzinfo, zone: ZoneInfo, *, whole_days: bool) -> timedelta:
    """Return how long each occurrence is: of whole days in days, of others in elapsed time."""
    end, duration = component.get("DTEND"), component.get("DURATION")
    if end is not None:
        if isinstance(end.dt, datetime) == whole_days:
            raise Malformed(say("has an event that begins with a day and ends with a time, or the other way round"))
        last, other = _wall(end.dt, end.params, zone)
        lasts = last - begins if whole_days else _utc(last, other) - _utc(begins, own)
    elif duration is not None:
        lasts = duration.dt
    else:
        lasts = _DAY if whole_days else timedelta(0)
    if not isinstance(lasts, timedelta) or lasts < timedelta(0) or lasts > _LONGEST:
        raise Malformed(say("has an event that ends before it begins, or lasts for more than a year"))
    return lasts


def _utc(wall: datetime, zone: tzinfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _occurrences(
    event: _Event, replaced: set[datetime], begins: datetime, ends: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield begin and end of each occurrence that may touch a span."""
    excluded, days = _excluded(event)
    first = _naive(begins, event.zone) - event.lasts - 2 * _DAY
    last = _naive(ends, event.zone) + 2 * _DAY
    seen: set[datetime] = set()
    for wall, lasts in (*_recurring(event, first, last), *_dates(event)):
        instant = _utc(wall, event.zone)
        if wall.date() in days or instant in excluded or instant in replaced or instant in seen:
            continue
        seen.add(instant)
        yield instant, _utc(wall + lasts, event.zone) if event.whole_days else instant + lasts


def _naive(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _recurring(event: _Event, first: datetime, last: datetime) -> Iterator[tuple[datetime, timedelta]]:
    rules = event.component.get("RRULE")
    # the first one counts whether its rule has it or not
    if first <= event.begins <= last:
        yield event.begins, event.lasts
    for said in rules if isinstance(rules, list) else [rules] if rules is not None else []:
        rule = rrulestr(_rule(said, event), dtstart=event.begins)
        for number, wall in enumerate(rule.xafter(first, inc=True)):
            if wall > last:
                break
            if number > MOST_SPANS:
                raise Malformed(say("closes more than {most} spans", most=MOST_SPANS))
            yield wall, event.lasts


def _rule(said: Any, event: _Event) -> str:
    """Return a rule whose end is a wall time of the event's zone, inclusive; a day ends it with its last second."""
    parts = dict(said)
    if "FREQ" not in parts:
        raise Malformed(say("has a rule without FREQ"))
    for until in parts.pop("UNTIL", ()):
        if isinstance(until, datetime):
            wall = _naive(until, event.zone) if until.tzinfo is not None else until
        else:
            wall = datetime.combine(until, time(23, 59, 59))
        if event.whole_days:
            wall = datetime.combine(wall.date(), time(23, 59, 59))
        parts["UNTIL"] = [f"{wall:%Y%m%dT%H%M%S}"]
    return ";".join(f"{key}={','.join(str(value) for value in values)}" for key, values in parts.items())


def _dates(event: _Event) -> Iterator[tuple[datetime, timedelta]]:
    """Yield what RDATE adds: times, days, and periods with a length of their own."""
    for entry in _listed(event, "RDATE"):
        said = entry.dt
        if isinstance(said, tuple):
            begins, own = _wall(said[0], entry.params, event.zone)  # type: ignore[arg-type]
            lasts = said[1] if isinstance(said[1], timedelta) else said[1] - said[0]
            yield _naive(_utc(begins, own), event.zone), lasts
        else:
            wall, own = _wall(said, entry.params, event.zone)  # type: ignore[arg-type]
            yield _naive(_utc(wall, own), event.zone), event.lasts


def _excluded(event: _Event) -> tuple[set[datetime], set[date]]:
    """Return the instants and the days that EXDATE takes out; a day takes out what begins on it."""
    instants: set[datetime] = set()
    days: set[date] = set()
    for entry in _listed(event, "EXDATE"):
        if isinstance(entry.dt, datetime):
            instants.add(_instant(entry.dt, entry.params, event.zone))  # type: ignore[arg-type]
        else:
            days.add(entry.dt)
    return instants, days


def _listed(event: _Event, name: str) -> Iterator[Any]:
    said = event.component.get(name)
    for group in said if isinstance(said, list) else [said] if said is not None else []:
        for entry in group.dts:
            entry.params.update({key: value for key, value in group.params.items() if key == "TZID"})
            yield entry
