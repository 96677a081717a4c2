"""Which slots of a policy have come since the register last knew one. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from drp.domain.schedule.decision import Occasions
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.slot import Slot

MOST = 400
"""So many slots of a policy are written down one by one when nobody was there: a year of daily drills, and a month.
Of more, the newest are; all before them are one entry that says how many they were at least."""
_COUNTED = 20_000
_FIRST_SPAN = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """What came, oldest first."""

    slots: tuple[Slot, ...] = ()
    unlisted: Slot | None = None
    """The newest of those that are not written down one by one."""
    first: datetime | None = None
    """The oldest of them."""
    count: int = 0
    """At least so many."""


def arrivals(policy: Policy, state: ScheduleState, now: datetime, occasions: Occasions) -> Arrivals:
    """Return the slots that came up to now and that the register does not know.

    Slots of before the policy was in force are none; after a clock that was set back, none comes again.
    """
    base = state.counted_from(policy.key)
    if base is None or not policy.cron or now <= base:
        return Arrivals()
    came = tuple(islice(_until(policy, base, now, occasions), MOST + 1))
    if len(came) <= MOST:
        return Arrivals(slots=tuple(_slot(policy, instant) for instant in came))
    newest = _newest(policy, base, now, occasions)
    unlisted = list(islice(_until(policy, base, newest[1], occasions), _COUNTED))
    return Arrivals(
        slots=tuple(_slot(policy, instant) for instant in newest[1:]),
        unlisted=_slot(policy, newest[0]),
        first=came[0],
        count=sum(1 for instant in unlisted if instant < newest[1]),
    )


def _newest(policy: Policy, base: datetime, now: datetime, occasions: Occasions) -> list[datetime]:
    """Return the newest occasions, one more than are written down, without going through all of them."""
    span = _FIRST_SPAN
    while True:
        found = deque(_until(policy, max(base, now - span), now, occasions), maxlen=MOST + 1)
        if len(found) > MOST or now - span <= base:
            return list(found)
        span *= 2


def _until(policy: Policy, after: datetime, until: datetime, occasions: Occasions) -> Iterator[datetime]:
    for instant in occasions(policy.cron, policy.zone, after):
        if instant > until:
            return
        yield instant


def _slot(policy: Policy, at: datetime) -> Slot:
    return Slot(application=policy.application, level=policy.level, at=at)
