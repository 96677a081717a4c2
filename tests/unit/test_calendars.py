"""Calendars of real programs, odd ones that are sound, and files of which nobody knows what they say."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.calendars.events import MOST_SPANS, expand
from drp.calendars.feeds import LARGEST, CalendarRead, closed, read_calendars
from drp.calendars.text import MOST_EVENTS
from drp.domain.schedule.site import CalendarFeed

CORPUS = Path(__file__).parents[1] / "fixtures/calendars"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HEAD = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y\n"
TAIL = "END:VCALENDAR\n"


def read(path: Path, now: datetime = NOW, **more: object) -> CalendarRead:
    feed = CalendarFeed(name=path.name, path=path, zone="Europe/Paris", **more)  # type: ignore[arg-type]
    (found,) = read_calendars((feed,), now)
    return found


def spans(found: CalendarRead) -> list[tuple[str, str]]:
    assert found.problem == ""
    return [(f"{each.begins:%m-%d %H:%M}", f"{each.ends:%m-%d %H:%M}") for each in found.blackouts if each.ends]


def events(directory: Path, *lines: str, **more: object) -> CalendarRead:
    """Return what a calendar of one event says, or of several, where lines are whole events."""
    one = "\n".join(lines)
    body = one if one.startswith("BEGIN") else f"BEGIN:VEVENT\nUID:a\nDTSTAMP:20260101T000000Z\n{one}\nEND:VEVENT"
    return text(directory, f"{HEAD}{body}\n{TAIL}", **more)


def text(directory: Path, content: str | bytes, **more: object) -> CalendarRead:
    path = directory / "feed.ics"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, **more)


def test_a_calendar_of_exchange() -> None:
    found = read(CORPUS / "exchange.ics")
    assert spans(found) == [
        # the 12th was taken out, the 19th was moved, the 26th cancelled, and clocks were changed on the 25th
        ("09-28 06:00", "09-28 07:30"),
        ("10-05 06:00", "10-05 07:30"),
        ("10-19 12:00", "10-19 13:00"),
        ("11-02 07:00", "11-02 08:30"),
        ("11-03 19:00", "11-04 01:00"),
        ("11-16 07:00", "11-16 08:30"),
        ("11-23 07:00", "11-23 08:30"),
        ("11-30 07:00", "11-30 08:30"),
        ("12-07 07:00", "12-07 08:30"),
        ("12-14 07:00", "12-14 08:30"),
        ("12-21 07:00", "12-21 08:30"),
        ("12-28 07:00", "12-28 08:30"),
    ]
    assert (found.free, found.cancelled) == (1, 1)


def test_a_calendar_of_google() -> None:
    assert spans(read(CORPUS / "google.ics")) == [
        ("10-20 20:00", "10-21 02:00"),
        ("11-17 21:00", "11-18 03:00"),
        ("11-30 09:00", "11-30 11:30"),
        ("12-15 21:00", "12-16 03:00"),
        ("12-23 23:00", "12-26 23:00"),  # three days, of the site's zone
    ]


def test_a_calendar_of_nextcloud() -> None:
    assert spans(read(CORPUS / "nextcloud.ics")) == [
        ("10-24 20:00", "10-25 05:00"),  # nine hours: as long as it was said to be, over the change of clocks
        ("11-07 21:00", "11-08 06:00"),
        ("11-11 21:00", "11-12 06:00"),
    ]


def test_no_name_of_an_event_is_kept() -> None:
    assert {each.reason for each in read(CORPUS / "exchange.ics").blackouts} == {"exchange.ics"}
    assert {each.reason for each in read(CORPUS / "google.ics", reason="go-live").blackouts} == {"go-live"}


SOUND = {
    "nothing planned": ([], []),
    "times without a zone": (["DTSTART:20261102T090000", "DTEND:20261102T100000"], [("11-02 08:00", "11-02 09:00")]),
    "a day without an end": (["DTSTART;VALUE=DATE:20261102"], [("11-01 23:00", "11-02 23:00")]),
    "a day with a duration": (["DTSTART;VALUE=DATE:20261102", "DURATION:P2D"], [("11-01 23:00", "11-03 23:00")]),
    "an instant closes nothing": (["DTSTART:20261102T090000Z"], []),
    "cancelled": (["DTSTART:20261102T090000Z", "DURATION:PT1H", "STATUS:CANCELLED"], []),
    "free": (["DTSTART:20261102T090000Z", "DURATION:PT1H", "TRANSP:TRANSPARENT"], []),
    "a maker's prefix": (
        ["DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Paris:20261102T090000", "DURATION:PT1H"],
        [("11-02 08:00", "11-02 09:00")],
    ),
    "two zones": (
        ["DTSTART;TZID=Europe/Paris:20261102T090000", "DTEND;TZID=America/New_York:20261102T060000"],
        [("11-02 08:00", "11-02 11:00")],
    ),
    "recurring days until a day": (
        ["DTSTART;VALUE=DATE:20261102", "RRULE:FREQ=WEEKLY;UNTIL=20261109"],
        [("11-01 23:00", "11-02 23:00"), ("11-08 23:00", "11-09 23:00")],
    ),
    "recurring times until a day": (
        ["DTSTART:20261102T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20261103"],
        [("11-02 08:00", "11-02 09:00"), ("11-03 08:00", "11-03 09:00")],
    ),
    "an exception in another zone": (
        [
            "DTSTART;TZID=Europe/Paris:20261102T090000",
            "DURATION:PT1H",
            "RRULE:FREQ=DAILY;COUNT=2",
            "EXDATE;TZID=America/New_York:20261103T030000",
        ],
        [("11-02 08:00", "11-02 09:00")],
    ),
    "periods": (
        ["DTSTART:20261102T090000Z", "DURATION:PT1H", "RDATE;VALUE=PERIOD:20261103T090000Z/PT2H"],
        [("11-02 09:00", "11-02 10:00"), ("11-03 09:00", "11-03 11:00")],
    ),
    "a first one that its rule has not": (
        ["DTSTART:20261102T090000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=1"],
        [("11-02 09:00", "11-02 10:00"), ("11-03 09:00", "11-03 10:00")],
    ),
    "a series of long ago": (
        ["DTSTART:19990104T090000Z", "DURATION:PT1H", "RRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=2"],
        [("11-02 09:00", "11-02 10:00"), ("11-02 09:00", "11-02 10:00")],
    ),
    "a time that there is not": (
        ["DTSTART;TZID=Europe/Paris:20270328T023000", "DURATION:PT1H"],
        [("03-28 01:30", "03-28 02:30")],
    ),
    "one that has begun long before": (
        ["DTSTART;VALUE=DATE:20260601", "DTEND;VALUE=DATE:20261103"],
        [("05-31 22:00", "11-02 23:00")],
    ),
}


@pytest.mark.parametrize("case", SOUND)
def test_odd_calendars_that_are_sound(tmp_path: Path, case: str) -> None:
    lines, expected = SOUND[case]
    assert spans(events(tmp_path, *lines) if lines else text(tmp_path, HEAD + TAIL)) == expected


def test_folded_lines_bare_line_feeds_and_a_mark_of_utf_8(tmp_path: Path) -> None:
    content = f"{HEAD}BEGIN:VEVENT\nUID:a\nDTSTART:20261102T09\n 0000Z\nDURATION:PT1H\nEND:VEVENT\n{TAIL}\n\n"
    assert spans(text(tmp_path, b"\xef\xbb\xbf" + content.encode())) == [("11-02 09:00", "11-02 10:00")]


def test_of_two_versions_of_an_event_the_later_counts(tmp_path: Path) -> None:
    event = "BEGIN:VEVENT\nUID:a\nSEQUENCE:{}\nDTSTART:20261102T{}0000Z\nDURATION:PT1H\n{}END:VEVENT"
    found = events(tmp_path, event.format(1, "09", ""), event.format(2, "15", ""))
    assert spans(found) == [("11-02 15:00", "11-02 16:00")]
    found = events(tmp_path, event.format(1, "09", ""), event.format(2, "09", "STATUS:CANCELLED\n"))
    assert (spans(found), found.cancelled) == ([], 1)


def test_spans_that_meet_are_one(tmp_path: Path) -> None:
    event = "BEGIN:VEVENT\nUID:{}\nDTSTART:20261102T{}0000Z\nDURATION:PT{}H\nEND:VEVENT"
    found = events(tmp_path, event.format(1, "09", 3), event.format(2, "10", 1), event.format(3, "12", 1))
    assert spans(found) == [("11-02 09:00", "11-02 13:00")]


def test_two_calendars_in_one_file(tmp_path: Path) -> None:
    one = "BEGIN:VEVENT\nUID:{}\nDTSTART:20261102T{}0000Z\nDURATION:PT1H\nEND:VEVENT\n"
    content = HEAD + one.format("a", "09") + TAIL + HEAD + one.format("a", "11") + TAIL
    assert len(spans(text(tmp_path, content))) == 2


WHOLE = "BEGIN:VEVENT\nUID:a\nDTSTART:20261102T090000Z\nDURATION:PT1H\nEND:VEVENT\n"
UNREADABLE = {
    "nothing": ("", "is empty"),
    "blanks": ("\n\n  \n", "is empty"),
    "a web page": ("<!DOCTYPE html><html><body>Sign in</body></html>", "is no calendar"),
    "a web page with a calendar in it": (f"<html>\n{HEAD}{WHOLE}{TAIL}</html>", "is no calendar"),
    "cut off in an event": (f"{HEAD}BEGIN:VEVENT\nUID:a\nDTSTART:2026", "is cut off"),
    "cut off between events": (HEAD + WHOLE, "is cut off"),
    "cut out of its middle": (f"{HEAD}BEGIN:VEVENT\nUID:a\n{TAIL}", "holds one that does not end"),
    "another encoding": ((HEAD + TAIL).encode("utf-16"), "is not UTF-8"),
    "a zone that nobody knows": (
        HEAD + WHOLE.replace("DTSTART:", "DTSTART;TZID=Mars/Olympus:").replace("Z\n", "\n") + TAIL,
        "names a time zone that nobody knows: 'Mars/Olympus'",
    ),
    "no beginning": (HEAD + "BEGIN:VEVENT\nUID:a\nEND:VEVENT\n" + TAIL, "has an event with no DTSTART"),
    "two beginnings": (
        HEAD + WHOLE.replace("DURATION", "DTSTART:20261103T090000Z\nDURATION") + TAIL,
        "has an event with more than one DTSTART",
    ),
    "a date that is none": (HEAD + WHOLE.replace("20261102T", "20261302T") + TAIL, "makes no sense"),
    "a day that ends at a time": (
        HEAD + WHOLE.replace("DURATION:PT1H", "DTEND;VALUE=DATE:20261103") + TAIL,
        "begins with a day and ends with a time",
    ),
    "an end before the beginning": (
        HEAD + WHOLE.replace("DURATION:PT1H", "DTEND:20261101T090000Z") + TAIL,
        "ends before it begins",
    ),
    "a century": (HEAD + WHOLE.replace("DURATION:PT1H", "DTEND:21261101T090000Z") + TAIL, "more than a year"),
    "a rule that is none": (
        HEAD + WHOLE.replace("DURATION", "RRULE:FREQ=SOMETIMES\nDURATION") + TAIL,
        "makes no sense",
    ),
    "a rule without a frequency": (HEAD + WHOLE.replace("DURATION", "RRULE:COUNT=2\nDURATION") + TAIL, "without FREQ"),
    "all that follow": (
        HEAD + WHOLE.replace("DURATION", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261102T090000Z\nDURATION") + TAIL,
        "THISANDFUTURE",
    ),
    "every second": (HEAD + WHOLE.replace("DURATION", "RRULE:FREQ=SECONDLY\nDURATION") + TAIL, "recurs within a day"),
    "every second, folded": (
        HEAD + WHOLE.replace("DURATION", "RRULE:INTERVAL=1;FREQ=SECO\n NDLY\nDURATION") + TAIL,
        "recurs within a day",
    ),
    "clocks that are changed every second": (
        HEAD
        + "BEGIN:VTIMEZONE\nTZID:Odd\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n"
        + "RRULE:FREQ=DAILY\nEND:STANDARD\nEND:VTIMEZONE\n"
        + WHOLE
        + TAIL,
        "whose clocks are not changed once a year",
    ),
    "a crowd of events": (HEAD + WHOLE * (MOST_EVENTS + 1) + TAIL, f"has more than {MOST_EVENTS} events"),
    "a crowd of occurrences": (
        HEAD
        + WHOLE.replace("DURATION", "RRULE:FREQ=DAILY;BYMINUTE={}\nDURATION".format(",".join(map(str, range(60)))))
        + TAIL,
        f"closes more than {MOST_SPANS} spans",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_nobody_can_read_is_never_an_empty_calendar(tmp_path: Path, case: str) -> None:
    content, expected = UNREADABLE[case]
    found = text(tmp_path, content)
    assert expected in found.problem
    assert found.blackouts == ()
    assert closed((found,)) == ((), "feed.ics")


def test_a_rule_that_never_comes_true_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drp.calendars.events.MOST_SECONDS", -1.0)
    event = WHOLE.replace("DURATION", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\nDURATION")
    assert expand((HEAD + event * 3 + TAIL).encode(), "UTC", NOW, NOW + timedelta(days=9)) == "takes too long to expand"


def test_a_file_that_is_none_or_too_large(tmp_path: Path) -> None:
    assert read(tmp_path / "missing.ics").problem == "No such file or directory"
    assert read(tmp_path).problem != ""
    os.mkfifo(tmp_path / "pipe")
    assert read(tmp_path / "pipe").problem == "is no file"
    assert text(tmp_path, b" " * (LARGEST + 1)).problem == "is larger than 4 MiB"


def test_a_stale_file_counts_and_is_said(tmp_path: Path) -> None:
    path = tmp_path / "feed.ics"
    path.write_text(HEAD + WHOLE + TAIL)
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    fresh = read(path, NOW + timedelta(days=2))
    assert (fresh.stale, fresh.written_at, len(fresh.blackouts)) == (False, NOW, 1)
    old = read(path, NOW + timedelta(days=2, seconds=1))
    assert (old.stale, len(old.blackouts), closed((old,))[1]) == (True, 1, "")


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    assert len(spans(text(tmp_path, HEAD + WHOLE + TAIL))) == 1
    assert len(spans(text(tmp_path, HEAD + TAIL))) == 0
