"""What becomes of slots: each once, late ones as the policy says, and never anything outside its windows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.cron import occasions
from drp.domain.schedule.arrivals import MOST
from drp.domain.schedule.planner import Circumstances, upcoming
from tests.support.scheduling import DAILY, DAY, HOUR, NIGHTS, Book, at, said


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
