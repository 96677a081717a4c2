"""What each of those who are told has heard, and what there is to tell next: one alert a cause, and its end. Pure.

Nothing is forgotten while a target takes no message: what began and ended meanwhile is told when it takes one again.
Whoever forgets what was told tells it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from drp.domain.alerts import Cause
from drp.domain.phrase import NOTHING, Phrase

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
MANY_TRIES = 3
"""A target that took no message so many times is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One cause, as far as one target knows of it."""

    cause: Cause
    since: datetime
    """When it was first seen."""
    told_at: datetime | None = None
    """None: nobody could be told yet."""
    over_at: datetime | None = None
    """When it was seen that it is over; None: it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """What one target knows, and how it answers."""

    heard: Mapping[str, Heard] = field(default_factory=dict)
    """By the cause's key."""
    tries: int = 0
    """So many times in a row it took nothing."""
    next_at: datetime | None = None
    """Not before then is it tried again."""
    refused: Phrase = NOTHING
    """A word for why it took nothing the last time."""

    @property
    def undelivered(self) -> int:
        """Return how much it should have been told by now."""
        return sum(one.told_at is None or one.over_at is not None for one in self.heard.values())

    @property
    def deaf(self) -> bool:
        """Return whether somebody has to look after it."""
        return self.tries >= MANY_TRIES

    def may_be_tried(self, now: datetime) -> bool:
        """Return whether its wait is over; one that no clock explains is."""
        return self.next_at is None or now >= self.next_at or self.next_at - now > LONGEST_WAIT


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What to tell a target now."""

    begun: tuple[Heard, ...] = ()
    over: tuple[Heard, ...] = ()
    still: tuple[Heard, ...] = ()
    """Told long ago, and still the case: a reminder."""

    def __bool__(self) -> bool:
        """Return whether there is anything to tell."""
        return bool(self.begun or self.over or self.still)


def listen(listener: Listener, wanted: Iterable[Cause], now: datetime, *, complete: bool = True) -> Listener:
    """Return the listener after a look at what is the case now, of what the target asks for.

    Unless ``complete``, somebody could not see everything, so nothing is over.
    """
    present = {cause.key: cause for cause in wanted}
    heard: dict[str, Heard] = {}
    for key, one in listener.heard.items():
        if key in present:  # back before its end was told: it never ended, for who listens
            heard[key] = replace(one, cause=present[key], over_at=None)
        elif complete and one.over_at is None:
            heard[key] = replace(one, over_at=now)
        else:
            heard[key] = one
    for key, cause in present.items():
        heard.setdefault(key, Heard(cause=cause, since=now))
    return replace(listener, heard=heard)


def only(listener: Listener, wanted: Callable[[Cause], bool]) -> Listener:
    """Return the listener without what its target does not ask for any more: that is not over."""
    return replace(listener, heard={key: one for key, one in listener.heard.items() if wanted(one.cause)})


def news(listener: Listener, now: datetime, remind_every: timedelta | None = None) -> News:
    """Return what the target has to be told."""
    heard = sorted(listener.heard.values(), key=lambda one: (one.cause.gravity != "critical", one.cause.key))

    def due_again(one: Heard) -> bool:
        told = one.told_at
        return remind_every is not None and told is not None and not timedelta() <= now - told < remind_every

    return News(
        begun=tuple(one for one in heard if one.told_at is None and one.over_at is None),
        over=tuple(one for one in heard if one.over_at is not None),
        still=tuple(one for one in heard if one.told_at is not None and one.over_at is None and due_again(one)),
    )


def took(listener: Listener, told: News, now: datetime) -> Listener:
    """Return the listener after its target took a message."""
    heard = dict(listener.heard)
    for one in told.over:
        del heard[one.cause.key]
    for one in (*told.begun, *told.still):
        heard[one.cause.key] = replace(one, told_at=now)
    return Listener(heard=heard)


def refused(listener: Listener, why: Phrase, now: datetime) -> Listener:
    """Return the listener after its target took none: it is tried again later, each time later."""
    wait = min(FIRST_WAIT * 2 ** min(listener.tries, 16), LONGEST_WAIT)
    return replace(listener, tries=listener.tries + 1, next_at=now + wait, refused=why)
