"""What a restic repository tells of the locks that its points depend on, wherever it lies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from drp.clock import utc_now
from drp.domain.phrase import Phrase, fact, own_words
from drp.domain.recovery_point import Immutability, RecoveryPoint
from drp.domain.repository_port import NeededObjects, Needs
from drp.domain.worm.attestation import Attestation, LockDemand
from drp.domain.worm.judging import SeenObject, immutability_of
from drp.domain.worm.lock_findings import unseen
from drp.errors import DrpError, RepositoryError
from drp.repositories.restic.backend import AttestationAsked, AttestedPlace, Backend, DeclaredPlace, LockedPlace
from drp.repositories.restic.settings import ResticSettings

_PLACE_WITHOUT_LOCKS = fact("place-without-locks", "where this repository is, nothing is told of locks")


class SeesLocks:
    """The part of a repository that attests: `LocksSeen` and `ObjectLocks` of the port."""

    def see_locks(self, settings: ResticSettings, backend: Backend, cache: Path) -> None:
        """Take the repository's settings, its location, and a private directory for what is remembered of locks."""
        self.__settings, self.__backend, self.__cache = settings, backend, cache

    def immutability(self, point: RecoveryPoint) -> Immutability:
        """Return what can be observed about the point's protection now; raises where it cannot be seen."""
        if isinstance(self.__backend, AttestedPlace):
            return immutability_of(self._attested(self.__backend, (point,), LockDemand(), needs=None))
        if isinstance(self.__backend, DeclaredPlace):
            return self.__backend.immutability(point)
        return Immutability(mode="unknown", provenance="observed", remarks=(_PLACE_WITHOUT_LOCKS,))

    def attest(self, points: Sequence[RecoveryPoint], demand: LockDemand) -> Attestation:
        """Return what was observed of everything that the points depend on; what could not be seen is unknown."""
        if not isinstance(self.__backend, AttestedPlace):
            return self._unseen(_PLACE_WITHOUT_LOCKS, demand)
        try:
            return self._attested(self.__backend, points, demand, needs=self._needs(points))
        except RepositoryError as error:
            return self._unseen(own_words(error.message), demand)

    def locks_of(self, names: Collection[str], *, enough: datetime | None = None) -> Mapping[str, SeenObject] | None:
        """Return what protects each of these objects; None: the place has no such locks. Raises as `points` does.

        Dates are lower bounds: exact for those that end first, and for all that end before ``enough``.
        """
        if not isinstance(self.__backend, LockedPlace):
            return None
        return self.__backend.locks_of(names, enough=enough, cache=self.__cache)

    def _needs(self, points: Sequence[RecoveryPoint]) -> Mapping[str, Needs] | None:
        """Return what each point needs, for a repository that knows it; not knowing it makes more count as needed."""
        if not isinstance(self, NeededObjects):
            return None
        try:
            if len(points) == 1:  # within the limit of the backup tool's commands
                return {points[0].id: self.needs(points[0])}
            return {point.id: needs for point, needs in self.needs_of(points)}
        except DrpError as error:  # also a password that is not to be had
            return {point.id: Needs(unknown=own_words(error.message)) for point in points}

    def _attested(
        self,
        place: AttestedPlace,
        points: Sequence[RecoveryPoint],
        demand: LockDemand,
        *,
        needs: Mapping[str, Needs] | None,
    ) -> Attestation:
        asked = AttestationAsked(
            subject=points[0].short_id if len(points) == 1 else self.__settings.name,
            points=[point.id for point in points],
            demand=demand,
            mode=self.__settings.worm.mode,
            needs=needs,
            cache=self.__cache,
        )
        return place.attest(asked)

    def _unseen(self, why: Phrase, demand: LockDemand) -> Attestation:
        return unseen(self.__settings.name, why, demand, at=utc_now(), mode=self.__settings.worm.mode)
