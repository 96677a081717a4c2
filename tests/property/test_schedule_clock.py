"""Occasions and windows against a clock on the wall that is looked at every minute, where clocks are changed."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import takewhile

from hypothesis import given, settings
from hypothesis import strategies as st

from drp.cron import occasions
from drp.domain.schedule.policy import Blackout, Policy, Window
from drp.domain.schedule.windows import next_allowed
from tests.support.scheduling import MINUTE, Expression, at, open_minutes

CHANGES = (
    ("Europe/Paris", at("2026-03-29 01:00")),
    ("Europe/Paris", at("2026-10-25 01:00")),
    ("Europe/Berlin", at("2027-03-28 01:00")),
    ("America/New_York", at("2026-03-08 07:00")),
    ("America/New_York", at("2026-11-01 06:00")),
    ("Australia/Lord_Howe", at("2026-04-04 15:00")),
    ("Australia/Lord_Howe", at("2026-10-03 15:30")),
    ("Pacific/Apia", at("2011-12-30 10:00")),  # a Friday that never was
    ("America/Sao_Paulo", at("2017-10-15 03:00")),  # at midnight
    ("America/Sao_Paulo", at("2018-02-18 02:00")),
    ("Asia/Kathmandu", at("2026-06-01 00:00")),
    ("Africa/Casablanca", at("2026-02-15 02:00")),  # back for Ramadan
    ("Africa/Casablanca", at("2026-03-22 02:00")),
    ("UTC", at("2026-03-29 01:00")),
)
changes = st.sampled_from(CHANGES)
hours_near = st.one_of(st.integers(0, 3), st.integers(0, 3), st.integers(0, 23))
offsets = st.one_of(st.integers(-300, 120), st.integers(-300, 120), st.integers(-2 * 1440, 1440))
SOME = settings(max_examples=60, deadline=None)


def listed(values: frozenset[int]) -> str:
    return ",".join(map(str, sorted(values)))


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    minutes = draw(st.frozensets(st.sampled_from((0, 1, 15, 29, 30, 31, 45, 59)), min_size=1, max_size=4))
    stepped = draw(st.sampled_from((0, 0, 0, 15, 30)))
    minute = f"*/{stepped}" if stepped else listed(minutes)
    minutes = frozenset(range(0, 60, stepped)) if stepped else minutes
    match draw(st.sampled_from(("list", "list", "step", "every"))):
        case "every":
            hours, hour = None, "*"
        case "step":
            hours, hour = frozenset(range(0, 24, 2)), "*/2"
        case _:
            hours = draw(st.frozensets(hours_near, min_size=1, max_size=3))
            hour = listed(hours)
    days = draw(st.frozensets(st.integers(1, 28), min_size=1, max_size=20))
    weekdays = draw(st.frozensets(st.integers(0, 6), min_size=1, max_size=5))  # 0 is Sunday
    match draw(st.sampled_from(("any", "any", "month", "week", "either"))):
        case "month":
            return Expression(f"{minute} {hour} {listed(days)} * *", minutes, hours, lambda wall: wall.day in days)
        case "week":
            return Expression(
                f"{minute} {hour} * * {listed(weekdays)}",
                minutes,
                hours,
                lambda wall: wall.isoweekday() % 7 in weekdays,
            )
        case "either":
            return Expression(
                f"{minute} {hour} {listed(days)} * {listed(weekdays)}",
                minutes,
                hours,
                lambda wall: wall.day in days or wall.isoweekday() % 7 in weekdays,
            )
        case _:
            return Expression(f"{minute} {hour} * * *", minutes, hours)


@SOME
@given(changes, offsets, expressions())
def test_an_expression_fires_when_the_wall_clock_passes_it(
    change: tuple[str, datetime], offset: int, expression: Expression
) -> None:
    zone, around = change
    begins = around + offset * MINUTE
    ends = begins + timedelta(hours=30)
    fired = list(takewhile(lambda one: one < ends, occasions(expression.text, zone, begins - MINUTE)))
    assert fired == expression.fires(zone, begins, ends)


@SOME
@given(changes, st.integers(-600, 600), st.integers(0, 600), expressions())
def test_occasions_are_the_same_wherever_one_begins(
    change: tuple[str, datetime], first: int, later: int, expression: Expression
) -> None:
    zone, around = change
    begins, middle, ends = around + first * MINUTE, around + (first + later) * MINUTE, around + timedelta(days=3)
    whole = takewhile(lambda one: one < ends, occasions(expression.text, zone, begins))
    part = takewhile(lambda one: one < ends, occasions(expression.text, zone, middle))
    assert [one for one in whole if one > middle] == list(part)


clocks = st.builds(time, hours_near, st.sampled_from((0, 15, 30, 45)))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    days = draw(st.frozensets(st.integers(0, 6), min_size=1, max_size=7))
    return Window(days=tuple(sorted(days)), begins=draw(clocks), ends=draw(clocks))


@SOME
@given(
    changes,
    offsets,
    st.lists(windows(), min_size=1, max_size=3),
    st.integers(1, 10 * 60),
    st.lists(st.tuples(st.integers(-1000, 4000), st.integers(1, 900)), max_size=3),
)
def test_a_drill_starts_at_the_first_minute_from_which_all_of_it_fits(
    change: tuple[str, datetime], offset: int, open_: list[Window], length: int, closed: list[tuple[int, int]]
) -> None:
    zone, around = change
    begins = around + offset * MINUTE
    by = begins + timedelta(hours=40)
    blackouts = tuple(
        Blackout(begins=around + first * MINUTE, ends=around + (first + lasting) * MINUTE, reason="r")
        for first, lasting in closed
    )
    policy = Policy(
        application="ehr",
        level="full",
        zone=zone,
        windows=tuple(open_),
        max_age=timedelta(days=1),
        grace=timedelta(days=1),
    )
    expected = length * MINUTE
    allowed = open_minutes(policy.windows, zone, begins, by + expected + MINUTE)
    allowed -= {minute for minute in allowed if any(one.begins <= minute < one.ends for one in blackouts if one.ends)}
    first, run, minute = None, 0, by + expected
    while minute >= begins:  # backwards: how many minutes from here on are allowed
        run = run + 1 if minute in allowed else 0
        if run >= length and minute <= by:
            first = minute
        minute -= MINUTE
    room = next_allowed(policy, begins, expected, blackouts=blackouts, by=by)
    assert (room.at if room is not None else None) == first
