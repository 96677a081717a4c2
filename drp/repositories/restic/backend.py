"""What a repository's location must offer, besides being read by restic: a look at it that takes seconds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.recovery_point import Immutability, RecoveryPoint
from drp.domain.repository_port import Needs
from drp.domain.restore import CellSecret
from drp.domain.worm.attestation import Attestation, LockDemand
from drp.domain.worm.judging import SeenObject
from drp.domain.worm.objects import ObjectVersion
from drp.repositories.locations.s3 import S3Reader

PASSWORD_VARIABLE = "RESTIC_PASSWORD_FILE"  # noqa: S105 - a variable's name
CREDENTIALS_VARIABLE = "AWS_SHARED_CREDENTIALS_FILE"
ADDRESS_VARIABLE = "RESTIC_REPOSITORY_FILE"
"""A file that holds the repository's address: what it takes to be let in is part of that, and would be seen in argv."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a look at the location shows."""

    snapshots: frozenset[str] = frozenset()
    """Names of the snapshot files that are there, whether restic can read them or not."""
    marks: frozenset[str] = frozenset()
    """Key and snapshot files with what tells their contents from others: as long as it is the same, so are they."""
    emptied: Phrase = NOTHING
    """What shows that somebody hid the repository behind delete markers; empty: nothing does."""
    broken: tuple[Phrase, ...] = ()
    """Parts without which nothing can be restored, that are missing although others are there."""


def missing_parts(*, config: bool, keys: bool) -> tuple[Phrase, ...]:
    """Return what is not there of what nothing can be restored without."""
    found = () if config else (say("config: missing"),)
    return found if keys else (*found, say("keys/: empty"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CellAccess:
    """How the restore cell reaches the repository."""

    repository: str
    """As restic takes it; empty: a secret names it."""
    options: tuple[str, ...] = ()
    read_only_binds: Mapping[str, str] = field(default_factory=dict)
    endpoint: tuple[str, int] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Environment variable → name of the cell secret."""
    served_by: str = ""
    """The view's door that takes the cell's listening socket; empty: the endpoint is one of the network."""


class Backend(Protocol):
    """A location. Each call first proves that the location answers, and raises what the Repository port names."""

    @property
    def object_lock(self) -> bool:
        """Whether the location keeps objects from being changed, as it says itself; known after `look`."""
        ...

    @property
    def air_gapped(self) -> bool:
        """Whether it is reachable only while its medium is attached."""
        ...

    @property
    def clock_ahead_ms(self) -> int | None:
        """By how much this machine's wall clock was ahead of the location's when it answered; None: it tells none."""
        ...

    def look(self) -> Condition:
        """Return what is there, within seconds. Raises when it is absent, silent or refuses."""
        ...

    def lock_names(self) -> frozenset[str]:
        """Return the names of the locks that are there. Raises as `look` does."""
        ...

    def explain_refusal(self) -> Phrase:
        """Return what may be behind a refused password, other than a wrong one; empty: nothing is seen."""
        ...

    def host_arguments(self) -> tuple[str, ...]:
        """Return restic's arguments that name the repository, on this machine."""
        ...

    def host_secrets(self) -> Mapping[str, str]:
        """Return environment variable → value of what reaching it takes on this machine; for memfd alone."""
        ...

    def cell(self) -> CellAccess:
        """Return how the restore cell reaches it."""
        ...

    def secrets(self) -> tuple[CellSecret, ...]:
        """Return the secrets that reaching it takes, besides the repository's password."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationAsked:
    """Of which points it is asked what protects them, and what is demanded."""

    subject: str
    """What findings are about: a point, or the repository."""
    points: Sequence[str]
    """Their ids."""
    demand: LockDemand
    mode: str
    """The weakest that is enough."""
    needs: Mapping[str, Needs] | None = None
    """What each of them needs, where somebody knows."""
    cache: Path | None = None
    """A directory for what is remembered; None: nothing is."""
    view: Mapping[str, ObjectVersion] | None = None
    """The versions that count, instead of those that are read by name."""


@runtime_checkable
class DeclaredPlace(Protocol):
    """A location of which only what is declared can be told."""

    def immutability(self, point: RecoveryPoint) -> Immutability:
        """Return what protects the point, as the site says it."""
        ...


@runtime_checkable
class AttestedPlace(Protocol):
    """A location that tells what protects what is in it. Raises as `Backend` does."""

    def attest(self, asked: AttestationAsked) -> Attestation:
        """Return what protects everything that the points need, and what falls short of the demand."""
        ...


@runtime_checkable
class LockedPlace(Protocol):
    """A location whose store tells what locks each object. Raises as `Backend` does."""

    def locks_of(
        self,
        names: Collection[str],
        *,
        enough: datetime | None = None,
        cache: Path | None = None,
        view: Mapping[str, ObjectVersion] | None = None,
    ) -> Mapping[str, SeenObject]:
        """Return what protects each of these objects; dates are exact below ``enough``, and where they end first."""
        ...


@runtime_checkable
class KeepsVersions(AttestedPlace, LockedPlace, Protocol):
    """A bucket: it may keep the versions of what is overwritten or deleted, so that a drill can be bound to them."""

    def reader(self) -> S3Reader:
        """Return its client, which only reads. Raises what resolving secrets raises."""
        ...


class Bucket(Backend, KeepsVersions, Protocol):
    """A location in a bucket."""
