"""Until when the points of a repository can be restored, seen now and written into the register; and lengthened."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from drp.domain.application import Application
from drp.domain.findings.finding import Finding
from drp.domain.phrase import NOTHING, Phrase, own_words, say
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository import RepositorySettings, WormSettings
from drp.domain.repository_port import NeededObjects, Needs, ObjectLocks, Repository
from drp.domain.worm.facts import HorizonSeen
from drp.domain.worm.horizon import Horizon, brief, safest
from drp.domain.worm.horizon_findings import horizon_findings
from drp.drill.phases.horizons import horizon_through
from drp.drill.phases.select import no_earlier
from drp.errors import AccessDenied, NotFound, StorageFull, Unreachable
from drp.service.wiring import Wiring

Told = Callable[[str, int, int], None]
_MOST_POINTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenHorizons:
    """What a look has shown."""

    repository: str
    at: datetime
    """By the later of this machine's clock and the store's."""
    horizons: tuple[Horizon, ...] = ()
    """Newest point first."""
    findings: tuple[Finding, ...] = ()
    not_judged: Phrase = NOTHING
    """Why none of its points has a horizon; nothing: they have."""
    left_out: int = 0
    """Points older than those that were looked at."""
    not_seen: tuple[Phrase, ...] = ()
    """Points that cannot be read, and applications whose files are invalid, so that nobody knows which are theirs."""
    not_noted: Phrase = NOTHING
    """Why the register does not have it; nothing: it does, or there is nothing to note."""

    @property
    def safest(self) -> Horizon | None:
        """Return the newest point that nobody can delete now."""
        return safest(self.horizons, self.at)


def see_horizons(
    wiring: Wiring, name: str, application: str | None = None, *, told: Told = lambda *_: None
) -> SeenHorizons:
    """Return the horizons of a repository's points, and write them into the register.

    Raises ``NotFound``, and what the Repository port raises; ``Tampered`` where the register was. A register that
    cannot be reached or written keeps nobody from looking: that it was not noted is said.
    """
    settings = settings_of(wiring, name)
    found = _looked(wiring, settings, application, told)
    if found.horizons:
        seen = HorizonSeen(repository=name, host=platform.node(), horizons=tuple(brief(found.horizons)))
        try:
            wiring.register().append(seen)
        except (StorageFull, Unreachable, AccessDenied) as error:
            return replace(found, not_noted=own_words(error.message))
    return found


def settings_of(wiring: Wiring, name: str) -> RepositorySettings:
    """Return a repository's settings. Raises ``NotFound``."""
    settings = wiring.site.repositories.get(name)
    if settings is None:
        raise NotFound(say("there is no repository {name}", name=name), hint=say("`drp repo list` names them"))
    return settings


def _looked(wiring: Wiring, settings: RepositorySettings, application: str | None, told: Told) -> SeenHorizons:
    repository = wiring.repositories()[settings.name]
    now = no_earlier(wiring.clock.now().wall, repository.preflight().clock_ahead_ms)
    if not isinstance(repository, NeededObjects) or not isinstance(repository, ObjectLocks):
        why = say("repositories of the kind {kind} do not tell which objects a point needs", kind=settings.kind)
        return SeenHorizons(repository=settings.name, at=now, not_judged=why)
    if repository.locks_of(()) is None:
        why = say("nothing is told of locks where this repository is: see `drp repo worm {name}`", name=settings.name)
        return SeenHorizons(repository=settings.name, at=now, not_judged=why)
    owned, left_out, not_seen = owned_points(wiring, repository, settings.name, application)
    if not owned:
        why = say("no application has a recovery point in it")
        return SeenHorizons(repository=settings.name, at=now, not_judged=why, not_seen=not_seen)
    needs = dict(needs_by_point(repository, owned, told))
    horizons = tuple(
        _horizon(repository, settings.worm, owner, point, (needs[point.id], now)) for owner, point in owned
    )
    findings = tuple(finding for each in horizons for finding in horizon_findings(each, now))
    return SeenHorizons(
        repository=settings.name, at=now, horizons=horizons, findings=findings, left_out=left_out, not_seen=not_seen
    )


def owned_points(
    wiring: Wiring, repository: Repository, name: str, application: str | None
) -> tuple[list[tuple[Application, RecoveryPoint]], int, tuple[Phrase, ...]]:
    """Return the newest points that are kept in a repository, how many older ones there are, and what was not seen.

    Raises ``NotFound`` for an application that keeps nothing there.
    """
    owners = [
        each
        for each in wiring.site.applications.values()
        if name in each.repositories and application in {None, each.name}
    ]
    if application is not None and not owners:
        raise NotFound(
            say("application {application} keeps nothing in {name}", application=application, name=name),
            hint=say("`drp app list` says which repositories each has"),
        )
    listings = [(owner, repository.points(owner)) for owner in owners]
    found = [(owner, point) for owner, listing in listings for point in listing.points]
    not_seen = {line: None for _, listing in listings for line in listing.unreadable}
    for kind, name_of_it in wiring.site.broken:
        if kind == "application" and application in {None, name_of_it}:
            not_seen[say("the file of application {name} is invalid", name=name_of_it)] = None
    found.sort(key=lambda each: (each[1].consistent_at, each[1].id, each[0].name), reverse=True)
    return found[:_MOST_POINTS], max(0, len(found) - _MOST_POINTS), tuple(not_seen)


def needs_by_point(
    repository: NeededObjects, owned: Sequence[tuple[Application, RecoveryPoint]], told: Told
) -> Iterator[tuple[str, Needs]]:
    """Yield what each point needs, by its id; applications may share points."""
    points = {point.id: point for _, point in owned}
    for point, needs in repository.needs_of(tuple(points.values()), told):
        yield point.id, needs


def _horizon(
    repository: ObjectLocks, worm: WormSettings, owner: Application, point: RecoveryPoint, seen: tuple[Needs, datetime]
) -> Horizon:
    keeps = owner.backup_job.immutable_for
    return horizon_through(
        repository,
        point,
        seen[0],
        now=seen[1],
        mode=worm.mode,
        required=point.consistent_at + keeps if keeps is not None else None,
        application=owner.name,
    )
