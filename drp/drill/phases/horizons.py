"""Until when a recovery point can be restored if everybody deletes what they can, through the repository's port."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Literal

from drp.domain.findings.finding import Finding
from drp.domain.phrase import own_words
from drp.domain.ports import Repository
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository_port import NeededObjects, Needs, ObjectLocks
from drp.domain.worm.attestation import Attestation
from drp.domain.worm.horizon import Horizon, brief, horizon_of, unknown
from drp.domain.worm.horizon_findings import horizon_findings
from drp.domain.worm.judging import SeenObject
from drp.drill.context import PhaseContext
from drp.errors import RepositoryError

_CHUNK = 20_000


def seen_horizon(
    context: PhaseContext,
    repository: Repository,
    point: RecoveryPoint | None,
    locks: Attestation | None,
    now: datetime,
) -> tuple[Horizon | None, tuple[Finding, ...]]:
    """Return the chosen point's horizon, and what it says; none where the repository tells no locks or no needs.

    Within the limit of the backup tool's commands: what takes longer is unknown, and said so.
    """
    if point is None or locks is None or not isinstance(repository, NeededObjects):
        return None, ()
    if not isinstance(repository, ObjectLocks):
        return None, ()
    application = context.recovery.application
    keeps = application.backup_job.immutable_for
    required = point.consistent_at + keeps if keeps is not None else None
    mode: Literal["compliance", "governance"] = "governance" if locks.demanded == "governance" else "compliance"
    try:
        if repository.locks_of(()) is None:
            return None, ()
        needs = repository.needs(point)
    except RepositoryError as error:
        needs = Needs(unknown=own_words(error.message))
    found = horizon_through(
        repository, point, needs, now=now, mode=mode, required=required, application=application.name
    )
    (kept,) = brief([found])
    return kept, horizon_findings(found, now)


def horizon_through(
    repository: ObjectLocks,
    point: RecoveryPoint,
    needs: Needs,
    *,
    now: datetime,
    mode: Literal["compliance", "governance"],
    required: datetime | None,
    application: str,
) -> Horizon:
    """Return a point's horizon from what it needs and what locks that; what cannot be seen is unknown, never none."""
    why = needs.unknown
    if not why:
        try:
            return horizon_of(
                point.id,
                point.consistent_at,
                locks_in_chunks(repository, needs.names, required),
                own=needs.own,
                at=now,
                mode=mode,
                required_until=required,
                application=application,
            )
        except RepositoryError as error:
            why = own_words(error.message)
    return unknown(point.id, point.consistent_at, why, application=application, required_until=required)


def locks_in_chunks(repository: ObjectLocks, names: Collection[str], enough: datetime | None) -> Iterator[SeenObject]:
    """Yield what protects each object, some thousand at a time."""
    rest = iter(names)
    while some := tuple(islice(rest, _CHUNK)):
        locks: Mapping[str, SeenObject] = repository.locks_of(some, enough=enough) or {}
        for name in some:
            yield locks.get(name) or SeenObject(key=name, lock=None)
