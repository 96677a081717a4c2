"""What protects the recovery points of a repository: declared by the site, observed in the store, and last probed."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drp.cron import occasions
from drp.domain.application import Application
from drp.domain.findings.finding import Finding
from drp.domain.findings.time import CLOCKS_APART
from drp.domain.phrase import NOTHING, Duration, Phrase, fact, own_words, say
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository import RepositorySettings
from drp.domain.repository_port import LocksSeen, Repository
from drp.domain.terms import SAME_TIME
from drp.domain.worm.attestation import Attestation, LockDemand
from drp.domain.worm.facts import LocksObserved
from drp.domain.worm.probe import Probe
from drp.errors import DrpError, MediaNeeded, NotFound, Unreachable
from drp.service.wiring import Wiring

_APART = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLocks:
    """All that is known of the locks of one repository."""

    settings: RepositorySettings
    """What is declared."""
    immutable_for: Mapping[str, timedelta]
    """Application → for how long its points must stay undeletable, of those that say so."""
    observed: Attestation
    probe: Probe | None
    """The newest; None: it was never probed."""
    points: int
    """Recovery points that were looked at."""
    unlisted: Phrase = NOTHING
    """Why recovery points could not be listed: then everything in the repository counts as needed."""
    unnoted: Phrase = NOTHING
    """Why it could not be written into the register."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return what was found now, and what the newest probe found."""
        return (*self.observed.findings, *(self.probe.findings if self.probe is not None else ()))

    @property
    def exit_status(self) -> int:
        """Return 1 for a critical finding, 3 where something could not be judged, else 0."""
        found = {finding.severity for finding in self.findings}
        return 1 if "critical" in found else 3 if self.observed.unknown or "inconclusive" in found else 0


def repository_locks(wiring: Wiring, name: str) -> RepositoryLocks:
    """Look at the locks of everything that a repository's points depend on, and write down what was seen.

    Points that the applications' ``immutable_for`` still covers must be locked until then, and of an application that
    declares nothing its newest point now. Raises ``NotFound``, ``Unreachable``, ``MediaNeeded``.
    """
    settings = wiring.site.repositories.get(name)
    if settings is None:
        raise NotFound(say("there is no repository {name}", name=name))
    repository = wiring.repositories()[name]
    kept = [each for each in wiring.site.applications.values() if name in each.repositories]
    now = wiring.clock.now().wall
    points, unlisted = _listed(repository, kept)
    demand, chosen = _demanded(kept, points, now)
    demand = replace(demand, next_drill=_next_drill(wiring, kept, now))
    seen = _attested(repository, chosen, demand, now)
    seen = replace(seen, findings=(*seen.findings, *_clocks(name, seen)))
    probe, unnoted = _noted(wiring, name, seen)
    return RepositoryLocks(
        settings=settings,
        immutable_for={each.name: keeps for each in kept if (keeps := each.backup_job.immutable_for) is not None},
        observed=seen,
        probe=probe,
        points=len(chosen),
        unlisted=unlisted,
        unnoted=unnoted,
    )


def _listed(
    repository: Repository, applications: Iterable[Application]
) -> tuple[Mapping[str, tuple[RecoveryPoint, ...]], Phrase]:
    """Return the points of each application, newest first; or why nobody could list them, such as without the key."""
    try:
        return {each.name: repository.points(each).points for each in applications}, NOTHING
    except (Unreachable, MediaNeeded):
        raise
    except DrpError as error:
        return {}, own_words(error.message)


def _demanded(
    applications: Iterable[Application], points: Mapping[str, tuple[RecoveryPoint, ...]], now: datetime
) -> tuple[LockDemand, tuple[RecoveryPoint, ...]]:
    until: dict[str, datetime] = {}
    chosen: dict[str, RecoveryPoint] = {}
    for application in applications:
        keeps = application.backup_job.immutable_for
        for number, point in enumerate(points.get(application.name, ())):
            ends = point.consistent_at + keeps if keeps is not None else None
            if number == 0 or (ends is not None and ends > now):
                chosen[point.id] = point
            if ends is not None:
                until[point.id] = max(ends, until.get(point.id, ends))
    return LockDemand(until=until, required=True), tuple(chosen.values())


def _attested(
    repository: Repository, points: tuple[RecoveryPoint, ...], demand: LockDemand, now: datetime
) -> Attestation:
    if isinstance(repository, LocksSeen):
        return repository.attest(points, demand)
    why = fact("kind-tells-no-locks", "this kind of repository tells nothing of locks: not judged")
    return Attestation(at=now, needed=0, asked=0, unknown=why)


def _clocks(name: str, seen: Attestation) -> tuple[Finding, ...]:
    ahead = seen.clock_ahead_ms
    if ahead is None or abs(ahead) < _APART // timedelta(milliseconds=1):
        return ()
    apart = Duration(abs(ahead))
    observed = (
        fact("clock-ahead", "{apart} ahead of the repository's", apart=apart)
        if ahead > 0
        else fact("clock-behind", "{apart} behind the repository's", apart=apart)
    )
    return (CLOCKS_APART.finding(subject=name, observed=observed, expected=SAME_TIME),)


def _noted(wiring: Wiring, name: str, seen: Attestation) -> tuple[Probe | None, Phrase]:
    """Write down what was seen; return the newest probe, and why nothing could be written."""
    try:
        register = wiring.register()
        known = register.state().repositories.get(name)
        register.append(LocksObserved(repository=name, host=platform.node(), attestation=seen))
    except DrpError as error:
        return None, own_words(error.message)
    return (known.probe if known is not None else None), NOTHING


def _next_drill(wiring: Wiring, applications: Iterable[Application], now: datetime) -> datetime | None:
    """Return when the schedule next holds a drill of one of the applications; None: no policy of theirs has a time."""
    names = {each.name for each in applications}
    timed = [each for each in wiring.site.schedule.policies.values() if each.application in names and each.cron]
    following = (next(occasions(each.cron, each.zone, now), None) for each in timed)
    return min((each for each in following if each is not None), default=None)
