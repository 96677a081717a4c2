"""The parts of an iCalendar file (RFC 5545): whole, bounded, and with nothing in it that takes for ever."""

from __future__ import annotations

import re
from typing import Any

from icalendar import Calendar

from drp.domain.phrase import say

MOST_EVENTS = 10_000
_SHOWN = 80
_TOO_FINE = re.compile(r"^(?:RRULE|EXRULE)[;:][^\n]*FREQ=(?:SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE | re.MULTILINE)
_ZONE_RULES = re.compile(r"^BEGIN:VTIMEZONE$(.*?)^END:VTIMEZONE$", re.IGNORECASE | re.MULTILINE | re.DOTALL)
_ZONE_RULE = re.compile(r"^RRULE[;:](?![^\n]*FREQ=YEARLY)", re.IGNORECASE | re.MULTILINE)


class Malformed(Exception):
    """The calendar cannot be read; the text says why."""


def components(content: bytes) -> list[Any]:
    """Return the events of a file that is whole, and bounded. Raises Malformed, and what the library raises."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except UnicodeDecodeError:
        raise Malformed(say("is not UTF-8")) from None
    if not text:
        raise Malformed(say("is empty"))
    if not text[:16].upper().startswith("BEGIN:VCALENDAR"):
        raise Malformed(say("is no calendar: it does not begin with BEGIN:VCALENDAR"))
    if not text[-16:].upper().endswith("END:VCALENDAR"):
        raise Malformed(say("is cut off: it does not end with END:VCALENDAR"))
    unfolded = re.sub(r"\n[ \t]", "", text)
    _must_be_whole(unfolded)
    if _TOO_FINE.search(unfolded):
        raise Malformed(say("has an event that recurs within a day, which is not read"))
    if any(_ZONE_RULE.search(rules) for rules in _ZONE_RULES.findall(unfolded)):
        raise Malformed(say("has a time zone whose clocks are not changed once a year, which is not read"))
    if len(re.findall(r"(?im)^BEGIN:VEVENT$", unfolded)) > MOST_EVENTS:
        raise Malformed(say("has more than {most} events", most=MOST_EVENTS))
    calendars: list[Any] = Calendar.from_ical(text, multiple=True)
    return [event for calendar in calendars for event in calendar.walk("VEVENT")]


def _must_be_whole(unfolded: str) -> None:
    """Raise Malformed where a part begins and does not end: the library would leave it out in silence."""
    open_: list[str] = []
    for mark, name in re.findall(r"(?im)^(BEGIN|END):[ \t]*([^\s]*)[ \t]*$", unfolded):
        if mark.upper() == "BEGIN":
            open_.append(name.upper())
        elif not open_ or open_.pop() != name.upper():
            raise Malformed(
                say("has a part {name} that ends and did not begin, or holds one that does not end", name=name[:_SHOWN])
            )
    if open_:
        raise Malformed(say("has a part {open_} that does not end", open_=open_[-1][:_SHOWN]))
