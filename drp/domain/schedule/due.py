"""How an application stands by one level: proven, due, overdue, never. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, Protocol

from drp.domain.clock import CLOCKS_AGREE
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Policy

DueState = Literal["proven", "due", "overdue", "never", "needs-verification", "unscheduled"]
"""proven: young enough. due: older than ``max_age``, within grace. overdue: older still. never: nothing ever passed.
needs-verification: it passed, and what it proved has changed since. unscheduled: no policy asks for anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One application and level. Only sealed drills whose own verdict is passed prove anything."""

    application: str
    level: str
    """Empty: of an application without any policy."""
    state: DueState
    proven_at: datetime | None = None
    """When the newest drill that proves it was declared."""
    proven_by: str = ""
    """That drill."""
    max_age: timedelta | None = None
    grace: timedelta | None = None
    changed: tuple[str, ...] = ()
    """What changed since it was proven: names of files and programs."""
    next_at: datetime | None = None
    """When the next drill starts, as things are; None: nothing says when."""
    waits: str = ""
    """Why the one that has come does not start: a code of `drp.domain.schedule.reasons`."""
    missed: int = 0
    """So many slots in a row ended otherwise than held or superseded."""


class Proving(Protocol):
    """A level of an application, proven by a drill (`drp.domain.schedule.proofs`)."""

    @property
    def level(self) -> str:
        """Return what is proven."""
        ...

    @property
    def drill(self) -> str:
        """Return by which drill."""
        ...

    @property
    def declared_at(self) -> datetime:
        """Return from when on its age counts."""
        ...


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is to come of a policy."""

    next_at: datetime | None = None
    waits: str = ""


def dues(
    policies: Iterable[Policy],
    proofs: Mapping[str, Sequence[Proving]],
    state: ScheduleState,
    now: datetime,
    *,
    changed: Callable[[Policy, Proving], tuple[str, ...]] = lambda _policy, _proof: (),
    ahead: Mapping[str, Ahead] = MappingProxyType({}),
    unscheduled: Iterable[str] = (),
) -> tuple[Due, ...]:
    """Return how applications stand by what their policies ask, then those of which nothing is asked.

    ``proofs``: by application. ``changed``: what is not any more as it was when it was proven; asked only of what is
    young enough. ``ahead``: by key of a policy.
    """
    found: list[Due] = []
    for policy in policies:
        known = [each for each in proofs.get(policy.application, ()) if each.level == policy.level]
        newest = max(known, key=lambda each: each.declared_at, default=None)
        state_of, names = _stands(policy, newest, now, changed)
        coming = ahead.get(policy.key, Ahead())
        found.append(
            Due(
                application=policy.application,
                level=policy.level,
                state=state_of,
                proven_at=newest.declared_at if newest is not None else None,
                proven_by=newest.drill if newest is not None else "",
                max_age=policy.max_age,
                grace=policy.grace,
                changed=names,
                next_at=coming.next_at,
                waits=coming.waits,
                missed=state.missed.get(policy.key, 0),
            )
        )
    return (*found, *(Due(application=name, level="", state="unscheduled") for name in unscheduled))


def _stands(
    policy: Policy, newest: Proving | None, now: datetime, changed: Callable[[Policy, Proving], tuple[str, ...]]
) -> tuple[DueState, tuple[str, ...]]:
    if newest is None:
        return "never", ()
    age = now - newest.declared_at
    # dated in the future: a clock was wrong, and nobody knows how old it is
    if age < -CLOCKS_AGREE or age > policy.max_age + policy.grace:
        return "overdue", ()
    if age > policy.max_age:
        return "due", ()
    names = changed(policy, newest)
    return ("needs-verification", names) if names else ("proven", ())


def expecting(policies: Iterable[Policy]) -> Iterator[Policy]:
    """Yield the policies by which something is held; the others say only how old a success may be."""
    return (each for each in policies if each.cron or each.after or each.on_change)
