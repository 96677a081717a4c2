"""Durations on the terminal, as people say them."""

import pytest

from drp.cli.render import duration


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (None, "-"),
        (400, "400 ms"),
        (38_000, "38 s"),
        (380_000, "6 min 20 s"),
        (3_900_000, "1 h 5 min"),
        (47 * 3_600_000, "1 d 23 h"),
        (48 * 3_600_000, "2 d"),
        (57_853_130_953, "669 d 14 h"),
    ],
)
def test_a_duration_is_told_in_the_units_that_count(milliseconds, shown):
    assert duration(milliseconds) == shown
