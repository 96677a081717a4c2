"""What becomes of slots: each once, late ones as the policy says, and never anything outside its windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

import pytest

from drp.cron import occasions
from drp.domain.schedule.arrivals import MOST
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.events import Paused, SlotExpected, SlotSkipped
from drp.domain.schedule.planner import Circumstances, gone, upcoming
from drp.domain.schedule.policy import Blackout, Policy, Window
from drp.domain.schedule.reasons import REASONS
from drp.domain.schedule.slot import Slot
from tests.support.scheduling import Book, at

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = Policy(application="ehr", level="full", cron="30 2 * * *", zone="Europe/Paris", max_age=30 * DAY, grace=7 * DAY)
NIGHTS = (Window(days=(5, 6), begins=time(22), ends=time(6)),)
ALL_DAYS = tuple(range(7))


@dataclass(frozen=True, slots=True)
class Proof:
    level: str
    drill: str
    declared_at: datetime


def said(decisions: tuple[Decision, ...]) -> list[tuple[str, str]]:
    for decision in decisions:
        REASONS[decision.reason].format(**decision.values)
    return [(decision.action, decision.reason) for decision in decisions]


def test_a_slot_starts_at_its_time_and_is_not_planned_again() -> None:
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    assert said(book.tick(at("2026-11-29 01:29"), HOUR)) == []
    assert said(book.tick(at("2026-11-29 01:30"), HOUR)) == [("start", "due-now")]
    assert said(book.tick(at("2026-11-29 01:31"), HOUR)) == [("wait", "running")]
    assert said(book.tick(at("2026-11-29 02:31"), HOUR)) == []
    assert book.ended == {"ehr/full@20261129T013000Z": ("held", "held")}


def test_nothing_is_expected_of_before_a_policy_was_in_force() -> None:
    book = Book.of(DAILY, at("2026-11-29 01:30"))
    assert said(book.tick(at("2026-11-29 12:00"), HOUR)) == []
    assert Book(DAILY).tick(at("2026-11-29 12:00"), HOUR) == ()


@pytest.mark.parametrize(
    ("catch_up", "ends", "starts"),
    [
        ("latest", {"newer-slot": 9}, ["ehr/full@20261110T013000Z"]),
        ("skip", {"catch-up-skipped": 10}, []),
        ("all", {}, ["ehr/full@20261101T013000Z"]),
    ],
)
def test_ten_missed_slots_are_caught_up_as_the_policy_says(
    catch_up: str, ends: dict[str, int], starts: list[str]
) -> None:
    book = Book.of(replace(DAILY, catch_up=catch_up), at("2026-10-31 12:00"))
    book.tick(at("2026-11-10 20:00"), HOUR)
    reasons = [reason for _, reason in book.ended.values()]
    assert {reason: reasons.count(reason) for reason in set(reasons)} == ends
    assert list(book.started) == starts
    assert len(book.expected) == 10


def test_every_late_slot_is_held_in_order_one_after_the_other() -> None:
    book = Book.of(replace(DAILY, catch_up="all"), at("2026-10-31 12:00"))
    now = at("2026-11-04 20:00")
    for _ in range(30):
        book.tick(now, HOUR)
        now += HOUR / 2
    assert [name[-16:-8] for name in book.started] == ["20261101", "20261102", "20261103", "20261104", "20261105"]
    assert {ending for ending, _ in book.ended.values()} == {"held"}


def test_what_is_held_late_has_its_deadline_from_when_it_was_seen() -> None:
    policy = replace(DAILY, cron="0 2 1 * *", windows=NIGHTS, start_within=2 * DAY)
    book = Book.of(policy, at("2026-10-31 12:00"))
    assert said(book.tick(at("2026-11-05 12:00"), HOUR)) == [("wait", "no-window")]  # Thursday; until Saturday noon
    assert said(book.tick(at("2026-11-07 12:01"), HOUR)) == [("end", "no-window")]
    book = Book.of(policy, at("2026-10-31 12:00"))
    assert said(book.tick(at("2026-11-06 12:00"), HOUR)) == [("wait", "outside-window")]
    assert said(book.tick(at("2026-11-07 21:00"), HOUR)) == [("start", "due-now")]


def test_a_year_of_daily_slots_is_written_down_one_by_one_and_a_year_of_minutes_is_not() -> None:
    book = Book.of(DAILY, at("2026-11-29 00:00"))
    book.tick(at("2027-11-29 00:00"), HOUR)
    assert len(book.expected) == 365
    assert book.unlisted == 0
    assert len(book.started) == 1
    book = Book.of(replace(DAILY, cron="* * * * *"), at("2026-11-29 00:00"))
    book.tick(at("2027-11-29 00:00"), HOUR)
    assert len(book.expected) == MOST + 1
    assert book.unlisted == 20_000  # and more: it says at least
    assert list(book.started) == ["ehr/full@20271129T000000Z"]
    book = Book.of(replace(DAILY, cron="* * * * *"), at("2026-11-29 00:00"))
    book.tick(at("2026-11-29 10:00"), HOUR)
    assert len(book.expected) - 1 + book.unlisted == 600


def test_a_clock_that_was_set_back_makes_nothing_happen_twice_and_is_said() -> None:
    book = Book.of(DAILY, at("2026-11-28 12:00"))
    book.tick(at("2026-11-30 01:30"), HOUR)
    assert list(book.started) == ["ehr/full@20261130T013000Z"]
    assert said(book.tick(at("2026-11-29 01:30"), HOUR)) == [("wait", "running")]
    assert said(book.tick(at("2026-11-30 01:30"), HOUR)) == [("wait", "running")]
    around = Circumstances(expected=HOUR)
    foreseen = upcoming(
        DAILY, book.state, at("2026-11-29 01:00"), at("2026-12-01 12:00"), occasions=occasions, around=around
    )
    assert said(tuple(foreseen)) == [("wait", "clock-behind"), ("wait", "before-its-time")]


def test_an_open_slot_of_the_future_waits_for_its_time() -> None:
    book = Book.of(replace(DAILY, windows=NIGHTS, start_within=7 * DAY), at("2026-11-28 12:00"))
    book.tick(at("2026-12-01 02:00"), HOUR)  # Tuesday: waits for Saturday; Sunday's and Monday's are superseded
    assert said(book.tick(at("2026-11-29 22:00"), HOUR)) == [("wait", "before-its-time")]


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
