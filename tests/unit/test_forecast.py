"""A restore is stopped when it cannot come to its end, and never because it begins slowly or holds holes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drp.domain.forecast import BEST_TIMES, Forecast, Seen

GB = 1_000_000_000


def seen(elapsed: float, done: int, total: int = 100 * GB, *, used: int | None = None, free: int = 1 << 50) -> Seen:
    used_bytes = done if used is None else used
    return Seen(elapsed_seconds=elapsed, done_bytes=done, total_bytes=total, used_bytes=used_bytes, free_bytes=free)


def test_what_is_left_does_not_fit():
    assert Forecast(3600).hopeless(seen(60, 10 * GB, free=80 * GB)) == "room"
    assert Forecast(3600).hopeless(seen(60, 10 * GB, free=81 * GB)) == ""


def test_nothing_is_said_of_the_first_bytes():
    assert Forecast(3600).hopeless(seen(60, 4 * GB, free=1)) == ""
    assert Forecast(3600).hopeless(seen(60, 200 << 20, total=1 << 30, free=1)) == ""


def test_holes_take_no_room():
    assert Forecast(3600).hopeless(seen(60, 50 * GB, used=GB, free=GB)) == ""


def test_at_the_end_nothing_is_left():
    assert Forecast(10).hopeless(seen(9.9, 100 * GB, free=0)) == ""


def test_a_rate_that_never_suffices_is_told_once_it_is_known():
    forecast = Forecast(1000)
    assert forecast.hopeless(seen(90, GB * 3)) == ""
    assert forecast.hopeless(seen(200, GB * 6)) == "time"


def test_a_slow_begin_that_becomes_fast_goes_on():
    forecast = Forecast(1000)
    assert forecast.hopeless(seen(40, GB)) == ""
    assert forecast.hopeless(seen(80, 8 * GB)) == ""
    assert forecast.hopeless(seen(400, 30 * GB)) == ""


@given(st.integers(1, 10_000), st.integers(1, 1 << 40), st.floats(0.1, 1.0))
def test_who_is_in_time_is_never_stopped(limit, total, share):
    """Whoever keeps a steady rate and ends within the limit."""
    forecast = Forecast(limit)
    for step in range(1, 21):
        elapsed = limit * share * step / 20
        assert forecast.hopeless(seen(elapsed, total * step // 20, total)) == ""


@given(st.integers(1000, 10_000))
def test_who_would_need_twice_and_more_the_limit_is_stopped(limit):
    forecast = Forecast(limit)
    total = 1 << 40
    said = [
        forecast.hopeless(seen(limit * step / 20, int(total * step / 20 / (BEST_TIMES * 3)), total))
        for step in range(1, 20)
    ]
    assert "time" in said
