"""What is asked of an application of each tier where its site says nothing else. Pure.

Full drills quarterly, half-yearly, yearly; whole comparisons weekly, monthly, quarterly; samples daily and weekly.
Those come in the first hours of a Saturday or a Sunday, with so much time to start that a window at the weekend holds
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One level of a tier."""

    cron: str
    grace: timedelta
    start_within: timedelta
    jitter: timedelta = timedelta(hours=1)


PRESETS: Mapping[int, Mapping[str, Preset]] = {
    0: {
        "full": Preset(cron="0 1 * 1,4,7,10 6#1", grace=14 * _DAY, start_within=14 * _DAY),
        "hash": Preset(cron="0 3 * * 0", grace=2 * _DAY, start_within=2 * _DAY),
        "sample": Preset(cron="0 5 * * *", grace=_DAY, start_within=_DAY / 2),
    },
    1: {
        "full": Preset(cron="0 1 * 3,9 6#1", grace=21 * _DAY, start_within=14 * _DAY),
        "hash": Preset(cron="0 3 * * 0#2", grace=7 * _DAY, start_within=7 * _DAY),
        "sample": Preset(cron="0 5 * * 3", grace=2 * _DAY, start_within=4 * _DAY),
    },
    2: {
        "full": Preset(cron="0 1 * 5 6#1", grace=30 * _DAY, start_within=14 * _DAY),
        "hash": Preset(cron="0 3 * 2,5,8,11 0#2", grace=14 * _DAY, start_within=14 * _DAY),
    },
}
"""Tier → level → what is asked; tiers from 2 on are alike."""


def preset(tier: int) -> Mapping[str, Preset]:
    """Return what is asked of a tier, by level."""
    return PRESETS[min(tier, max(PRESETS))]
