"""Durations as findings and reasons say them: in units that people read, never rounded over an objective."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drp.domain.duration import words
from drp.domain.phrase import beside, english

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (57_853_130_953, "669 d 14 h"),
        (timedelta(days=100), "100 d"),
        (timedelta(days=1, hours=3), "1 d 3 h"),
        (timedelta(days=1, minutes=3), "1 d"),
        (HOUR, "1 h"),
        (HOUR / 4, "15 min"),
        (1_250, "1 s 250 ms"),
        (7, "7 ms"),
        (0, "0 s"),
        (-90_000, "-1 min 30 s"),
        (timedelta(microseconds=3_599_999_999), "59 min 59 s"),
    ],
)
def test_a_duration_is_said_in_two_units_and_cut(duration, said):
    assert words(duration) == said


def test_what_missed_its_limit_reads_as_longer_than_it():
    for duration, limit, told in (
        (14_405_000, 14_400_000, ["4 h 5 s", "4 h"]),
        (14_400_001, 14_400_000, ["4 h 1 ms", "4 h"]),
        (timedelta(hours=5), HOUR, ["5 h", "1 h"]),
        (HOUR, HOUR, ["1 h", "1 h"]),
    ):
        assert list(map(english, beside(duration, limit))) == told
