"""What a look at recovery points says of an application between drills: nothing is restored, and nothing is proven.

Five questions: is the newest point there, can it be read, can nobody change it, is it young enough, and does it name
the manifest that was made with it. What could not be looked at is unknown, and unknown is never well. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from drp.domain.application import Application
from drp.domain.newest_point import NewestPoint, judge_newest
from drp.domain.phrase import NOTHING, Phrase, beside, quoted, say, several
from drp.domain.recovery_point import Immutability, RecoveryPoint

Aspect = Literal["there", "readable", "immutable", "age", "manifest"]
State = Literal["ok", "wrong", "unknown", "away", "none"]
"""away: on a medium that is not attached, as it should be · none: no repository is declared."""

_INCONCLUSIVE = 3
_AGE_HINT = say("see whether the backup job ran since; `drp repo points NAME` lists what there is")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is not well, or that nobody could see."""

    state: Literal["wrong", "unknown", "away"]
    aspect: Aspect
    words: Phrase
    hint: Phrase = NOTHING
    repository: str = ""
    """Empty: it is about all of them together."""
    exit_status: int = _INCONCLUSIVE
    """Of what kept drp from looking; of what is wrong it is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceCheck:
    """What one repository shows of one application."""

    repository: str
    newest: RecoveryPoint | None = None
    """The newest point that can be."""
    taken: RecoveryPoint | None = None
    """The one that was looked at: the newest, or the newest that is immutable where a drill asks for that."""
    listed: int = 0
    immutability: Immutability | None = None
    lock_demanded_by: tuple[str, ...] = ()
    """Drills that take immutable points alone."""
    looked_into: bool = False
    """Its index and top folders were read."""
    manifest_demanded: bool = True
    manifest_bound: bool = False
    """The manifest that it names is kept here, whole, and was made of what it holds."""
    passed_over: tuple[str, ...] = ()
    """What looks like a point and is none, which is no fault of those that are."""
    remarks: tuple[Phrase, ...] = ()
    """What has to be read, and makes nothing wrong: points that came or went in an unusual way."""
    troubles: tuple[Trouble, ...] = ()

    @property
    def state(self) -> State:
        """Return the gravest state of its troubles; away where nothing but its medium's absence is told."""
        return _gravest(self.troubles)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCheck:
    """What all its repositories together show of an application."""

    application: str
    title: str
    tier: int
    places: tuple[PlaceCheck, ...] = ()
    troubles: tuple[Trouble, ...] = field(default=())
    """Those of its places, and those of all of them together."""

    @property
    def state(self) -> State:
        """Return how it stands. Absent media take nothing from what was seen elsewhere, and alone they tell nothing."""
        if not self.places and not self.troubles:
            return "none"
        state = _gravest(each for each in self.troubles if each.state != "away")
        seen = any(place.state != "away" for place in self.places)
        return "unknown" if state == "ok" and not seen else state

    @property
    def exit_status(self) -> int:
        """Return 0 for well, 1 for wrong, else that of what kept drp from looking, which is 3 where nothing failed."""
        if self.state in {"ok", "none"}:
            return 0
        if self.state == "wrong":
            return 1
        return max((each.exit_status for each in self.troubles if each.state == "unknown"), default=_INCONCLUSIVE)

    @property
    def best(self) -> PlaceCheck | None:
        """Return the place that has the newest point: a recovery would begin there."""
        held = [(place.newest.consistent_at, place) for place in self.places if place.newest is not None]
        return max(held, key=lambda each: each[0])[1] if held else None


def check_of(application: Application, places: tuple[PlaceCheck, ...], now: datetime) -> ApplicationCheck:
    """Return what the places of an application come to; the age of its newest point is that of the best of them."""
    told = [trouble for place in places for trouble in place.troubles]
    return ApplicationCheck(
        application=application.name,
        title=application.title,
        tier=application.tier,
        places=places,
        troubles=(*told, *_age(application, places, now)),
    )


def _age(application: Application, places: tuple[PlaceCheck, ...], now: datetime) -> Iterable[Trouble]:
    rpo = application.objectives.rpo
    newest = max((place.newest.consistent_at for place in places if place.newest is not None), default=None)
    said = judge_newest(NewestPoint(at=newest, looked=newest is not None), application.objectives, now)
    unseen = any(place.state == "unknown" for place in places)
    for _, words in said:  # what could not be looked at may hold a younger one
        yield Trouble(state="unknown" if unseen else "wrong", aspect="age", words=quoted(words), hint=_AGE_HINT)
    locked = [place.taken.consistent_at for place in places if place.lock_demanded_by and place.taken is not None]
    if not said and locked and now - max(locked) > rpo:
        age, limit = beside(now - max(locked), rpo)
        drills = sorted({drill for place in places for drill in place.lock_demanded_by})
        yield Trouble(
            state="unknown" if unseen else "wrong",
            aspect="age",
            words=say(
                "newest immutable recovery point is {age} old, RPO {limit}; no other is taken by drill {drills}",
                age=age,
                limit=limit,
                drills=several(drills),
            ),
            hint=say("see what keeps newer ones from being locked: `drp repo points NAME`"),
        )


def exit_status(checks: Iterable[ApplicationCheck]) -> int:
    """Return that of all: 1 when anything is wrong, else that of what could not be judged, 3 for nothing judged."""
    statuses = {check.exit_status for check in checks if check.state != "none"}
    if not statuses:
        return _INCONCLUSIVE
    return 1 if 1 in statuses else max(statuses)


def _gravest(troubles: Iterable[Trouble]) -> State:
    states = {each.state for each in troubles}
    order: tuple[State, ...] = ("wrong", "unknown", "away")
    return next((state for state in order if state in states), "ok")
