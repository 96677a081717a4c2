"""One repository looked at: which point of each application would be taken there, and what is wrong with it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from drp.domain.application import Application
from drp.domain.findings.catalogue import MANIFEST_WAIVED
from drp.domain.findings.finding import Finding
from drp.domain.newest_point import newest_of
from drp.domain.phrase import Phrase, count, joined, own_words, say, several
from drp.domain.plan import PlannedRecovery
from drp.domain.point_check import Aspect, PlaceCheck, Trouble
from drp.domain.ports import Clock, ManifestSource
from drp.domain.recovery_point import Immutability, PointListing, RecoveryPoint, Selection
from drp.domain.repository_port import PointsLookedInto, Repository
from drp.drill.phases.belief import manifest_of
from drp.drill.phases.select import choose, no_earlier
from drp.errors import DrpError, MediaNeeded

_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """What the drills of a site ask of an application's points in one repository."""

    locks: Mapping[str, Selection]
    """Drill that takes immutable points alone → how it chooses."""
    manifest: bool
    """Any drill of it needs a manifest to pass."""


class Look:
    """A look at one repository."""

    def __init__(
        self,
        clock: Clock,
        repository: Repository,
        manifests: ManifestSource,
        recoveries: tuple[tuple[str, PlannedRecovery], ...] = (),
        expected: Callable[[Application, PointListing], Iterable[Finding]] = lambda *_: (),
    ) -> None:
        """Take what is looked at; ``recoveries``: those that the site's drills plan, each with its drill's name.

        ``expected``: what a listing shows against the points that are expected.
        """
        self._clock, self._repository, self._manifests = clock, repository, manifests
        self._recoveries, self._expected = recoveries, expected
        self._troubles: list[Trouble] = []

    def at(self, applications: Iterable[Application]) -> Iterator[tuple[str, PlaceCheck]]:
        """Yield what it shows of each application; once it fails it is not asked again."""
        failed: Trouble | None = None
        for application in applications:
            self._troubles = []
            if failed is None:
                try:
                    listing = self._repository.points(application)
                    ahead_ms = self._repository.preflight().clock_ahead_ms
                except DrpError as error:
                    failed = self._failure("there", error)
                else:
                    yield application.name, self._place(application, listing, ahead_ms)
                    continue
            yield application.name, PlaceCheck(repository=self._repository.name, troubles=(failed,))

    def _place(self, application: Application, listing: PointListing, ahead_ms: int | None) -> PlaceCheck:
        now = self._clock.now().wall
        newest, future = newest_of(listing.points, now)
        self._list(listing, newest, future)
        remarks = tuple(self._unexpected(application, listing))
        demand = self._demand(application)
        taken, lock = self._taken(listing, newest, demand, no_earlier(now, ahead_ms))
        looked_into = taken is not None and self._look_into(taken)
        return PlaceCheck(
            repository=self._repository.name,
            newest=newest,
            taken=taken,
            listed=len(listing.points),
            immutability=lock,
            lock_demanded_by=tuple(demand.locks),
            looked_into=looked_into,
            manifest_demanded=demand.manifest,
            manifest_bound=taken is not None and self._manifest(application, taken, demand),
            passed_over=tuple(joined([each.name, each.reason], ": ") for each in listing.passed_over),
            remarks=remarks,
            troubles=tuple(self._troubles),
        )

    def _unexpected(self, application: Application, listing: PointListing) -> Iterator[Phrase]:
        """Tell which expected points are gone or altered, and yield what else the ledger of them knows otherwise."""
        for finding in self._expected(application, listing):
            words = say(
                "{point}: {observed} ({code})", point=finding.subject, observed=finding.observed, code=finding.code
            )
            if finding.severity == "critical":
                self._wrong("there", words, finding.remedy)
            elif finding.severity == "warning":
                yield words

    def _demand(self, application: Application) -> _Demand:
        own = [(drill, recovery) for drill, recovery in self._recoveries if recovery.name == application.name]
        return _Demand(
            locks={
                drill: replace(recovery.selection, not_newer_than=None)
                for drill, recovery in own
                if recovery.repository == self._repository.name and recovery.selection.policy == "newest-immutable"
            },
            manifest=not own or any(recovery.require_manifest or recovery.trust == "none" for _, recovery in own),
        )

    def _list(self, listing: PointListing, newest: RecoveryPoint | None, future: Sequence[str]) -> None:
        """Tell what is wrong with the listing itself."""
        name = self._repository.name
        if listing.unreadable:
            self._wrong(
                "readable",
                count(
                    "{n} recovery point cannot be read: {first}",
                    "{n} recovery points cannot be read, such as {first}",
                    len(listing.unreadable),
                    first=listing.unreadable[0],
                ),
                say("newer recovery points may hide there: see `drp repo points {name}`", name=name),
            )
        if future:
            self._wrong(
                "there",
                say("recovery points dated in the future: {points}", points=several(future[:_NAMED])),
                say("see to the clock of the backup job"),
            )
        if newest is None and not listing.unreadable:
            self._wrong(
                "there",
                say("lists no recovery point of it"),
                say(
                    "see whether its backup job ran, and whether `points` in its file fits: `drp repo points {name}`",
                    name=name,
                ),
            )

    def _taken(
        self, listing: PointListing, newest: RecoveryPoint | None, demand: _Demand, now: datetime
    ) -> tuple[RecoveryPoint | None, Immutability | None]:
        """Return the point that would be taken, and its protection: where drills ask for immutable ones, such a one."""
        if newest is None:
            return None, None
        try:
            for drill, selection in demand.locks.items():
                point, lock, refused = choose(self._repository, listing, selection, disaster_at=now, now=now)
                if point is not None:
                    return point, lock
                reasons = [say("{point} {reason}", point=each.id[:8], reason=each.reason) for each in refused[:_NAMED]]
                self._wrong(
                    "immutable",
                    say(
                        "drill {drill} would find no recovery point that is immutable: {reasons}",
                        drill=drill,
                        reasons=several(reasons, "; "),
                    ),
                    say("see why the backup job locks nothing, or what ended the locks"),
                )
            return newest, self._repository.immutability(newest)
        except DrpError as error:
            self._troubles.append(self._failure("immutable", error))
            return newest, None

    def _look_into(self, point: RecoveryPoint) -> bool:
        if not isinstance(self._repository, PointsLookedInto):
            self._troubles.append(
                Trouble(
                    state="unknown",
                    aspect="readable",
                    words=say("this kind of repository lets nobody look into its points: only a drill reads them"),
                    repository=self._repository.name,
                )
            )
            return False
        try:
            broken = self._repository.look_into(point)
        except DrpError as error:
            self._troubles.append(self._failure("readable", error))
            return False
        if broken:
            self._wrong(
                "readable",
                say("{point} could not be restored as it is: {broken}", point=point.short_id, broken=broken[0]),
                say("check the repository with its own tool; an older point may still be whole"),
            )
        return True

    def _manifest(self, application: Application, point: RecoveryPoint, demand: _Demand) -> bool:
        """Return whether the manifest that was made with the point is here; tell why not."""
        try:
            found = manifest_of(
                *(point, self._manifests),
                application=application,
                drill_host=socket.gethostname(),
                required=demand.manifest,
            )
        except DrpError as error:
            self._troubles.append(self._failure("manifest", error))
            return False
        if found.manifest is not None:
            with closing(found.manifest):
                return True
        for finding in found.findings:
            self._doubt(finding)
        return False

    def _doubt(self, finding: Finding) -> None:
        if finding.code != MANIFEST_WAIVED.code:
            words = say(
                "{point}: {observed} ({code})", point=finding.subject, observed=finding.observed, code=finding.code
            )
            self._wrong("manifest", words, own_words(finding.remedy))

    def _wrong(self, aspect: Aspect, words: Phrase, hint: Phrase) -> None:
        name = self._repository.name
        told = Trouble(state="wrong", aspect=aspect, words=words, hint=hint, repository=name, exit_status=1)
        self._troubles.append(told)

    def _failure(self, aspect: Aspect, error: DrpError) -> Trouble:
        """Return what kept drp from looking: a medium that is not attached is where it should be."""
        return Trouble(
            state="away" if isinstance(error, MediaNeeded) else "unknown",
            aspect=aspect,
            words=own_words(error.message),
            hint=own_words(error.hint),
            repository=self._repository.name,
            exit_status=error.exit_status,
        )
