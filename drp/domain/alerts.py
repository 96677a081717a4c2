"""What somebody has to be told of a site: causes, each with a name of its own, as a pure function of what is known.

A cause says what is the case now, by names of the site's files, ids of drills, numbers and instants: nothing that came
out of a backup, and no sentence (`drp/monitoring/phrases.py` makes those). What cannot be judged ends no cause.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from drp.domain.schedule.due import Due
from drp.domain.standing import Standing
from drp.domain.worm.standing import RepositoryStanding

Gravity = Literal["warning", "critical"]
Kind = Literal[
    "failed",
    "inconclusive",
    "aborted",
    "overdue",
    "never-proven",
    "missed",
    "feed-unreadable",
    "scheduler-dead",
    "residue",
    "kept",
    "lost-evidence",
    "points-lost",
    "scrub-damaged",
    "let-through",
    "tampered",
    "unreadable",
]
GRAVITY: Mapping[Kind, Gravity] = {
    "failed": "critical",
    "inconclusive": "critical",
    "aborted": "warning",
    "overdue": "critical",
    "never-proven": "critical",
    "missed": "warning",
    "feed-unreadable": "warning",
    "scheduler-dead": "critical",
    "residue": "critical",
    "kept": "critical",
    "lost-evidence": "critical",
    "points-lost": "critical",
    "scrub-damaged": "critical",
    "let-through": "critical",
    "tampered": "critical",
    "unreadable": "critical",
}
"""Kind → how grave it is. What decides nothing is as grave as what failed: neither proves that anything comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is wrong."""

    kind: Kind
    application: str = ""
    """Empty: it concerns the whole site."""
    level: str = ""
    drill: str = ""
    """The drill that showed it."""
    number: int = 0
    """So many of them."""
    at: datetime | None = None
    """Since when, or until when it should have been otherwise."""
    repository: str = ""
    """The repository that shows it; empty: none does."""

    @property
    def key(self) -> str:
        """Return its name: as long as there is a cause of this name, it is the same one.

        The drill is part of it only where each drill's is a thing of its own: another failure is no other cause.
        """
        drill = self.drill if self.kind in {"kept", "lost-evidence"} else ""
        key = f"{self.kind}/{self.application}/{self.level}/{drill}".rstrip("/")
        return f"{key}@{self.repository}" if self.repository else key

    @property
    def gravity(self) -> Gravity:
        """Return how grave it is."""
        return GRAVITY[self.kind]

    def concerns(self, applications: Collection[str], least: Gravity) -> bool:
        """Return whether it is for somebody who asked for these applications (none: all) and this gravity at least."""
        grave = least == "warning" or self.gravity == "critical"
        return grave and (not applications or not self.application or self.application in applications)


class Kept(Protocol):
    """A sandbox with restored data that somebody asked to keep."""

    @property
    def drill(self) -> str:
        """Return whose it is."""
        ...

    @property
    def application(self) -> str:
        """Return what is in it."""
        ...

    @property
    def until(self) -> datetime:
        """Return when its lease ends."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Aborted:
    """One application's part in a drill that the system stopped, and no later drill of it has a verdict of its own."""

    application: str
    drill: str
    declared_at: datetime
    residue: bool = False
    """Something restored was left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known of a site at an instant."""

    now: datetime
    standings: Sequence[Standing] = ()
    dues: Sequence[Due] = ()
    kept: Sequence[Kept] = ()
    lost: Sequence[str] = ()
    aborted: Sequence[Aborted] = ()
    silent_since: datetime | None = None
    """Since when the scheduler, which should, gives no sign; None: it does, or nothing is scheduled."""
    unattended: bool = False
    """Drills are scheduled, and nobody has looked at the schedule yet."""
    repositories: Sequence[RepositoryStanding] = ()


def causes(situation: Situation) -> tuple[Cause, ...]:
    """Return everything that somebody has to be told, the gravest first, each once."""
    found = {cause.key: cause for cause in _found(situation)}
    return tuple(sorted(found.values(), key=lambda cause: (cause.gravity != "critical", cause.key)))


def _found(situation: Situation) -> Iterator[Cause]:
    if situation.silent_since is not None or situation.unattended:
        yield Cause(kind="scheduler-dead", at=situation.silent_since)
    for drill in situation.lost:
        yield Cause(kind="lost-evidence", drill=drill)
    for kept in situation.kept:
        if kept.until < situation.now:
            yield Cause(kind="kept", application=kept.application, drill=kept.drill, at=kept.until)
    for standing in situation.standings:
        yield from _of_drills(standing)
    for repository in situation.repositories:
        yield from _of_repository(repository)
    for aborted in situation.aborted:
        yield Cause(kind="aborted", application=aborted.application, drill=aborted.drill, at=aborted.declared_at)
        if aborted.residue:
            yield Cause(kind="residue", application=aborted.application, drill=aborted.drill)
    for due in situation.dues:
        yield from _of_due(due)
    waiting = [due for due in situation.dues if due.waits == "feed-unreadable"]
    if waiting:  # one calendar holds many policies up, and is one thing to put right
        yield Cause(kind="feed-unreadable", number=len(waiting))


def _of_drills(standing: Standing) -> Iterator[Cause]:
    """Yield what its drills say; a failure stands until a drill passes: one that decides nothing refutes nothing."""
    name = standing.application
    for held in standing.doubts:
        kind: Kind = "failed" if held.verdict == "failed" else "inconclusive"
        yield Cause(kind=kind, application=name, level=held.depth, drill=held.drill, at=held.declared_at)
    newest = standing.compared or standing.last
    if newest is not None and newest.residue:
        yield Cause(kind="residue", application=name, drill=newest.drill)


def _of_repository(standing: RepositoryStanding) -> Iterator[Cause]:
    """Yield what was found out about a repository: it stands until somebody accepts it, or it is found otherwise."""
    name = standing.repository
    for application, known in standing.missing_by_application.items():
        since = min((each.lost_at for each in known if each.lost_at is not None), default=None)
        yield Cause(kind="points-lost", application=application, repository=name, number=len(known), at=since)
    if standing.damaged:
        yield Cause(kind="scrub-damaged", repository=name, number=standing.damaged, at=standing.scrubbed_at)
    if standing.let_through:
        yield Cause(kind="let-through", repository=name, number=standing.let_through, at=standing.probed_at)


def _of_due(due: Due) -> Iterator[Cause]:
    if due.state == "overdue":
        yield Cause(kind="overdue", application=due.application, level=due.level, drill=due.proven_by, at=due.proven_at)
    if due.state == "never":
        yield Cause(kind="never-proven", application=due.application, level=due.level)
    if due.missed:
        yield Cause(kind="missed", application=due.application, level=due.level, number=due.missed, at=due.next_at)
