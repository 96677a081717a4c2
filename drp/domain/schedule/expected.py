"""How long a drill is expected to take, from how long those before it took. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

LOOKED_AT = 20
"""So many of the newest whole drills say how long the next takes."""
WITHOUT_HISTORY = timedelta(hours=1)
_OF_TEN = 9
_MARGIN = 1.2


def expected_of(durations_ms: Sequence[int]) -> timedelta:
    """Return how long the next takes: what nine of ten took at most, and a fifth more; never less than the last took.

    ``durations_ms`` are those of the last drills, the newest first; without any it is an hour.
    """
    if not durations_ms:
        return WITHOUT_HISTORY
    ordered = sorted(durations_ms)
    ninth = ordered[-(-len(ordered) * _OF_TEN // 10) - 1]
    return timedelta(milliseconds=max(round(ninth * _MARGIN), durations_ms[0]))
