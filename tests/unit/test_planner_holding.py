"""What holds a slot back, what ends it instead of a drill, and what is said of those to come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time

import pytest

from drp.cron import occasions
from drp.domain.schedule.events import Paused, SlotExpected, SlotSkipped
from drp.domain.schedule.planner import Circumstances, gone, upcoming
from drp.domain.schedule.policy import Blackout, Window
from drp.domain.schedule.slot import Slot
from tests.support.scheduling import ALL_DAYS, DAILY, DAY, HOUR, NIGHTS, Book, at, said


@dataclass(frozen=True, slots=True)
class Proof:
    level: str
    drill: str
    declared_at: datetime


def test_what_no_window_can_hold_waits_and_is_missed_in_the_end() -> None:
    policy = replace(DAILY, windows=NIGHTS, start_within=12 * HOUR)
    book = Book.of(policy, at("2026-11-30 12:00"))
    assert said(book.tick(at("2026-12-01 01:30"), HOUR)) == [("wait", "no-window")]
    assert said(book.tick(at("2026-12-01 13:30"), HOUR)) == [("wait", "no-window")]
    assert said(book.tick(at("2026-12-01 13:31"), HOUR)) == [("end", "no-window")]
    assert book.ended["ehr/full@20261201T013000Z"] == ("missed", "no-window")


def test_nine_hours_never_fit_a_night_of_eight() -> None:
    book = Book.of(replace(DAILY, windows=NIGHTS, start_within=8 * DAY), at("2026-11-30 12:00"))
    assert said(book.tick(at("2026-12-01 01:30"), 9 * HOUR)) == [("wait", "no-window")]
    assert said(book.tick(at("2026-12-01 01:30"), 8 * HOUR)) == [("wait", "outside-window")]


def test_who_nobody_started_in_time_is_too_late() -> None:
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    book.tick(at("2026-11-29 01:30"), HOUR)
    book.forget()  # submitted, and no worker took it
    assert said(book.tick(at("2026-11-29 13:30"), HOUR)) == [("start", "due-now")]
    book.forget()
    assert said(book.tick(at("2026-11-29 13:31"), HOUR)) == [("end", "too-late")]


def test_blackouts_and_freezes_hold_a_slot_until_they_end() -> None:
    leave = Blackout(begins=at("2026-11-29 00:00"), ends=at("2026-11-29 08:00"), reason="go-live")
    book = Book.of(replace(DAILY, blackouts=(leave,)), at("2026-11-28 12:00"))
    (decision,) = book.tick(at("2026-11-29 01:30"), HOUR)
    assert (decision.reason, decision.not_before) == ("blackout", at("2026-11-29 08:00"))
    assert said(book.tick(at("2026-11-29 08:00"), HOUR)) == [("start", "due-now")]
    frozen = Blackout(begins=at("2026-11-01 00:00"), ends=None, reason="epidemic")
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    assert said(book.tick(at("2026-11-29 01:30"), HOUR, blackouts=(frozen,))) == [("wait", "frozen")]
    assert said(book.tick(at("2026-11-29 13:31"), HOUR, blackouts=(frozen,))) == [("end", "frozen")]
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    book.tick(at("2026-11-29 01:30"), HOUR, blackouts=(frozen,))
    assert said(book.tick(at("2026-11-29 09:00"), HOUR)) == [("start", "due-now")]


def test_a_drill_that_would_reach_into_a_blackout_does_not_start() -> None:
    soon = Blackout(begins=at("2026-11-29 02:00"), ends=at("2026-11-29 03:00"), reason="backup")
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    assert said(book.tick(at("2026-11-29 01:30"), HOUR, blackouts=(soon,))) == [("wait", "blackout")]
    assert said(book.tick(at("2026-11-29 01:30"), HOUR / 2, blackouts=(soon,))) == [("start", "due-now")]


def test_a_calendar_that_cannot_be_read_lets_nothing_start() -> None:
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    assert said(book.tick(at("2026-11-29 01:30"), HOUR, unreadable="oncall.ics")) == [("wait", "feed-unreadable")]
    assert said(book.tick(at("2026-11-29 13:31"), HOUR, unreadable="oncall.ics")) == [("end", "feed-unreadable")]
    assert book.ended["ehr/full@20261129T013000Z"][0] == "blocked"
    around = Circumstances(expected=HOUR, unreadable="oncall.ics")
    ahead = upcoming(
        DAILY, book.state, at("2026-11-29 14:00"), at("2026-11-30 12:00"), occasions=occasions, around=around
    )
    assert [(each.reason, each.not_before) for each in ahead] == [("feed-unreadable", at("2026-11-30 01:30"))]


@pytest.mark.parametrize("name", ["ehr/full", "ehr", "*"])
def test_slots_that_come_while_a_pause_lasts_end_as_paused(name: str) -> None:
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    book.state.pauses[name] = Paused(policy=name, until=at("2026-11-30 00:00"), by="meier", reason="move")
    assert said(book.tick(at("2026-11-29 01:30"), HOUR)) == [("end", "paused")]
    assert book.ended["ehr/full@20261129T013000Z"] == ("paused", "paused")
    assert said(book.tick(at("2026-11-30 01:30"), HOUR)) == [("start", "due-now")]


def test_pauses_of_others_hold_nothing() -> None:
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    for name in ("ehr/hash", "lis", "eh"):
        book.state.pauses[name] = Paused(policy=name, until=at("2026-11-30 00:00"), by="meier", reason="move")
    assert said(book.tick(at("2026-11-29 01:30"), HOUR)) == [("start", "due-now")]


def test_a_slot_that_was_waiting_when_it_is_paused_waits_on() -> None:
    policy = replace(DAILY, windows=(Window(days=ALL_DAYS, begins=time(4), ends=time(8)),))
    book = Book.of(policy, at("2026-11-28 12:00"))
    assert said(book.tick(at("2026-11-29 01:30"), HOUR)) == [("wait", "outside-window")]
    book.state.pauses["*"] = Paused(policy="*", until=at("2026-11-29 04:00"), by="meier", reason="move")
    assert said(book.tick(at("2026-11-29 03:00"), HOUR)) == [("wait", "paused")]
    assert said(book.tick(at("2026-11-29 04:00"), HOUR)) == [("start", "due-now")]


def test_a_slot_taken_out_ends_when_it_comes_and_no_other_does() -> None:
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    slot = Slot(application="ehr", level="full", at=at("2026-11-29 01:30"))
    book.state.skipped[slot.id] = SlotSkipped(slot=slot, by="meier", reason="move")
    assert said(book.tick(at("2026-11-29 01:30"), HOUR)) == [("end", "skipped")]
    assert said(book.tick(at("2026-11-30 01:30"), HOUR)) == [("start", "due-now")]


@pytest.mark.parametrize(
    ("level", "proof", "declared", "covers"),
    [
        ("hash", "full", "2026-11-29 01:30", True),
        ("hash", "hash", "2026-11-29 02:00", True),
        ("full", "hash", "2026-11-29 02:00", False),
        ("hash", "full", "2026-11-29 01:29", False),
        ("sample", "hash", "2026-11-29 02:00", True),
        ("scrub", "full", "2026-11-29 02:00", False),
        ("scrub", "scrub", "2026-11-29 02:00", True),
    ],
)
def test_a_passed_drill_as_deep_or_deeper_stands_for_a_slot_before_it(
    level: str, proof: str, declared: str, *, covers: bool
) -> None:
    book = Book.of(replace(DAILY, level=level), at("2026-11-28 12:00"))
    proofs = (Proof(proof, "quarterly-1", at(declared)),)
    decisions = book.tick(at("2026-11-29 02:30"), HOUR, proofs=proofs)
    assert said(decisions) == [("end", "covered") if covers else ("start", "due-now")]
    assert decisions[0].values == ({"drill": "quarterly-1"} if covers else {})


def test_open_slots_end_with_their_policy_and_those_that_run_do_not() -> None:
    book = Book.of(replace(DAILY, windows=NIGHTS, start_within=7 * DAY), at("2026-11-28 12:00"))
    book.tick(at("2026-11-30 01:30"), HOUR)
    assert said(gone({"ehr/hash"}, book.state)) == [("end", "policy-gone")]
    assert gone({"ehr/full"}, book.state) == ()
    assert gone((), book.state, running=set(book.state.open)) == ()


def test_an_open_slot_ends_when_its_policy_does_not_have_it_any_more_and_stays_when_it_does() -> None:
    book = Book.of(replace(DAILY, windows=NIGHTS, start_within=7 * DAY), at("2026-11-30 12:00"))
    book.tick(at("2026-12-01 01:30"), HOUR)
    book.policy = replace(book.policy, tier=0, jitter=HOUR)
    assert said(book.tick(at("2026-12-01 02:00"), HOUR)) == [("wait", "outside-window")]
    book.policy = replace(book.policy, cron="30 3 * * *")
    assert ("end", "policy-gone") in said(book.tick(at("2026-12-01 02:31"), HOUR))


@pytest.mark.parametrize("cause", ["after", "change"])
def test_slots_that_were_caused_are_like_any_and_end_with_their_cause(cause: str) -> None:
    policy = replace(DAILY, cron="", after="directory", on_change=True)
    slot = Slot(application="ehr", level="full", at=at("2026-11-29 10:17"), cause=cause)
    book = Book.of(policy, at("2026-11-28 12:00"))
    book.state.open[slot.id] = SlotExpected(slot=slot)
    assert said(book.tick(at("2026-11-29 10:18"), HOUR)) == [("start", "due-now")]
    book = Book.of(replace(policy, after="", on_change=False), at("2026-11-28 12:00"))
    book.state.open[slot.id] = SlotExpected(slot=slot)
    assert said(book.tick(at("2026-11-29 10:18"), HOUR)) == [("end", "policy-gone")]


def test_the_newest_of_two_that_wait_is_held_and_what_runs_goes_on() -> None:
    policy = replace(DAILY, windows=NIGHTS, start_within=7 * DAY)
    book = Book.of(policy, at("2026-11-30 12:00"))
    book.tick(at("2026-12-01 01:30"), HOUR)
    assert said(book.tick(at("2026-12-02 01:30"), HOUR)) == [("end", "newer-slot"), ("wait", "outside-window")]
    book = Book.of(replace(DAILY, start_within=2 * DAY), at("2026-11-30 12:00"))
    book.tick(at("2026-12-01 01:30"), 30 * HOUR)
    assert said(book.tick(at("2026-12-02 01:30"), 30 * HOUR)) == [("wait", "running"), ("wait", "in-order")]
    assert said(book.tick(at("2026-12-02 07:30"), 30 * HOUR)) == [("start", "due-now")]


def test_a_slot_that_is_taken_out_stands_for_none_before_it() -> None:
    book = Book.of(replace(DAILY, windows=NIGHTS, start_within=7 * DAY), at("2026-11-30 12:00"))
    book.tick(at("2026-12-01 01:30"), HOUR)
    later = Slot(application="ehr", level="full", at=at("2026-12-02 01:30"))
    book.state.skipped[later.id] = SlotSkipped(slot=later, by="meier", reason="move")
    assert said(book.tick(at("2026-12-02 01:30"), HOUR)) == [("wait", "outside-window"), ("end", "skipped")]


def test_jitter_is_each_slots_own_and_never_leaves_window_or_deadline() -> None:
    policy = replace(DAILY, jitter=2 * HOUR, start_within=HOUR)
    seen = set()
    for day in range(1, 29):
        book = Book.of(policy, datetime(2026, 11, day, tzinfo=UTC))
        now = datetime(2026, 11, day, 1, 30, tzinfo=UTC)
        for _ in range(61):
            book.tick(now, HOUR / 60)
            now += HOUR / 60
        (started,) = book.started.values()
        seen.add(started)
        assert started <= datetime(2026, 11, day, 2, 30, tzinfo=UTC)
    assert len({instant.minute for instant in seen}) > 5
    tight = replace(policy, windows=(Window(days=ALL_DAYS, begins=time(2, 30), ends=time(3, 45)),), jitter=9 * HOUR)
    book = Book.of(tight, at("2026-11-28 12:00"))
    for minute in range(16):
        book.tick(at("2026-11-29 01:30") + minute * HOUR / 60, HOUR)
    assert list(book.started.values()) == [at("2026-11-29 01:45")]


def test_what_is_to_come_says_when_it_starts_and_what_will_not() -> None:
    policy = replace(DAILY, windows=NIGHTS, start_within=4 * DAY)
    book = Book.of(policy, at("2026-11-29 12:00"))
    leave = Blackout(begins=at("2026-12-05 00:00"), ends=at("2026-12-06 12:00"), reason="go-live")
    pause = Paused(policy="ehr", until=at("2026-12-01 12:00"), by="meier", reason="move")
    book.state.pauses["ehr"] = pause
    around = Circumstances(expected=HOUR, blackouts=(leave,))
    now, until = at("2026-11-29 12:00"), at("2026-12-07 12:00")
    decisions = list(upcoming(policy, book.state, now, until, occasions=occasions, around=around))
    assert [(each.slot.at.day, each.reason) for each in decisions] == [
        (30, "paused"),
        (1, "paused"),
        (2, "newer-slot"),
        (3, "newer-slot"),
        (4, "newer-slot"),
        (5, "newer-slot"),
        (6, "before-its-time"),
        (7, "before-its-time"),
    ]
    assert [each.not_before for each in decisions[6:]] == [at("2026-12-06 21:00"), at("2026-12-07 01:30")]


def test_what_is_to_come_and_fits_nowhere_is_said_beforehand() -> None:
    policy = replace(DAILY, cron="0 12 * * 2", windows=NIGHTS, start_within=HOUR)
    book = Book.of(policy, at("2026-11-29 12:00"))
    around = Circumstances(expected=HOUR)
    now, until = at("2026-11-29 12:00"), at("2026-12-04 12:00")
    assert said(tuple(upcoming(policy, book.state, now, until, occasions=occasions, around=around))) == [
        ("end", "no-window")
    ]
