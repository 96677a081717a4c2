"""Durations on the terminal, as people say them."""

import pytest

from drp.cli.render import duration


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (None, "-"),
        (400, "0.4s"),
        (38_000, "38s"),
        (380_000, "6m 20s"),
        (3_900_000, "1h 05m"),
        (47 * 3_600_000, "47h 00m"),
        (48 * 3_600_000, "2d 00h"),
        (57_853_130_953, "669d 14h"),
    ],
)
def test_a_duration_is_told_in_the_units_that_count(milliseconds, shown):
    assert duration(milliseconds) == shown
