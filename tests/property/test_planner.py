"""An unattended house under a clock that jumps: every slot is expected once, ends once, and none goes in silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from drp.cron import occasions
from drp.domain.schedule.arrivals import MOST
from drp.domain.schedule.policy import Blackout, Policy
from drp.domain.schedule.windows import next_allowed
from tests.property.test_schedule_clock import CHANGES, windows
from tests.support.scheduling import DAY, HOUR, Book

crons = st.sampled_from(("30 2 * * *", "0 */6 * * *", "15 3 * * 1,6", "0 2 1 * *", "45 * * * *"))
steps = st.one_of(
    st.integers(1, 90),  # minutes, as a scheduler looks
    st.integers(1, 90),
    st.integers(90, 3 * 1440),  # it was away
    st.integers(-2880, -1),  # its clock was set back
    st.just(366 * 1440),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    zone, _ = draw(st.sampled_from(CHANGES))
    return Policy(
        application="ehr",
        level="full",
        cron=draw(crons),
        zone=zone,
        max_age=30 * DAY,
        grace=DAY,
        windows=tuple(draw(st.lists(windows(), max_size=2))),
        jitter=draw(st.sampled_from((timedelta(0), HOUR, 30 * HOUR))),
        start_within=draw(st.sampled_from((HOUR, 12 * HOUR, 3 * DAY))),
        catch_up=draw(st.sampled_from(("latest", "skip", "all"))),
    )


def came(policy: Policy, after: datetime, until: datetime) -> set[str]:
    found = set()
    for instant in occasions(policy.cron, policy.zone, after):
        if instant > until:
            break
        found.add(f"{policy.key}@{instant:%Y%m%dT%H%M%SZ}")
    return found


@settings(max_examples=40, deadline=None)
@given(policies(), st.sampled_from(CHANGES), st.lists(steps, min_size=3, max_size=40), st.integers(10, 400))
def test_each_slot_is_expected_once_and_ends_once_whatever_the_clock_does(
    policy: Policy, change: tuple[str, datetime], jumps: list[int], length: int
) -> None:
    begin = change[1] - 30 * HOUR
    closed = (Blackout(begins=change[1], ends=change[1] + 7 * HOUR, reason="go-live"),)
    book, now, newest, expected = Book.of(policy, begin), begin, begin, timedelta(minutes=length)
    for jump in jumps:
        now += timedelta(minutes=jump)
        newest = max(newest, now)
        before = set(book.started)
        book.tick(now, expected, blackouts=closed)
        assert len(set(book.started) - before) <= 1
        for name in set(book.started) - before:
            room = next_allowed(policy, now, expected, blackouts=closed, by=now)
            assert room is not None
            assert room.at == now, f"{name} starts outside of its windows"
    asked = came(policy, begin, newest)
    if book.unlisted:
        assert set(book.expected) <= asked
        assert len(book.expected) >= MOST
        assert len(book.expected) - 1 + book.unlisted >= min(len(asked), 20_000)
    else:
        assert set(book.expected) == asked
    assert set(book.ended) | set(book.state.open) == set(book.expected)
    assert not set(book.ended) & set(book.state.open)


@settings(max_examples=40, deadline=None)
@given(policies(), st.sampled_from(CHANGES), st.integers(10, 400), st.booleans())
def test_a_scheduler_that_is_there_starts_what_fits_and_misses_nothing_else(
    policy: Policy, change: tuple[str, datetime], length: int, closes: bool
) -> None:
    """Looked at every ten minutes for four days around a change of clocks."""
    begin = change[1] - 48 * HOUR
    closed = (Blackout(begins=change[1], ends=change[1] + 9 * HOUR, reason="go-live"),) if closes else ()
    expected = timedelta(minutes=length)
    book = Book.of(replace(policy, jitter=timedelta(0)), begin)
    for number in range(6 * 24 * 4):
        book.tick(begin + number * HOUR / 6, expected, blackouts=closed)
    for name, (ending, reason) in book.ended.items():
        assert ending in {"held", "superseded", "missed"}
        at = datetime.strptime(name.rpartition("@")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=begin.tzinfo)
        by = at + policy.start_within
        room = next_allowed(policy, at, expected, blackouts=closed, by=by)
        if reason in {"no-window", "no-room"}:
            assert room is None
        if reason == "too-late":
            assert room is not None
            busy = any(at - expected <= started <= by for started in book.started.values())
            assert busy or min(room.latest, by) - room.at < HOUR / 6
    for name, started in book.started.items():
        at = datetime.strptime(name.rpartition("@")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=begin.tzinfo)
        assert at <= started <= at + policy.start_within
