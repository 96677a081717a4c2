"""What protects the chosen recovery point, as its repository attests it, held against what the application asks."""

from __future__ import annotations

from datetime import datetime

from drp.domain.findings.catalogue import NOT_IMMUTABLE
from drp.domain.findings.finding import Finding
from drp.domain.phrase import fact, own_words
from drp.domain.ports import Repository
from drp.domain.recovery_point import Immutability, RecoveryPoint
from drp.domain.repository_port import LocksSeen
from drp.domain.terms import LOCKS, PROVENANCES
from drp.domain.worm.attestation import Attestation, LockDemand
from drp.domain.worm.judging import immutability_of
from drp.drill.context import PhaseContext
from drp.errors import AccessDenied, Unreachable


def attested(context: PhaseContext, repository: Repository, point: RecoveryPoint | None) -> Attestation | None:
    """Return what protects everything that the point depends on; None: there is no point, or its repository cannot say.

    What the application asks is ``immutable_for`` beyond the instant of the point.
    """
    if point is None or not isinstance(repository, LocksSeen):
        return None
    keeps = context.recovery.application.backup_job.immutable_for
    demand = LockDemand(until={point.id: point.consistent_at + keeps} if keeps is not None else {})
    return repository.attest((point,), demand)


def seen_of(
    point: RecoveryPoint | None, immutability: Immutability | None, locks: Attestation | None, now: datetime
) -> tuple[Immutability | None, tuple[Finding, ...]]:
    """Return the point's immutability and the findings about it: both follow from the attestation, if there is one."""
    found = locks.findings if locks is not None else ()
    if locks is not None and not locks.unknown:
        immutability = immutability_of(locks)
    if point is None or immutability is None or immutability.holds_at(now):
        return immutability, found
    mode, how = LOCKS[immutability.mode], PROVENANCES[immutability.provenance]
    observed = fact("lock", "{mode} ({provenance})", mode=mode, provenance=how)
    expected = fact("compliance-lock-has-not", "compliance lock that has not run out, legal hold, or an offline medium")
    return immutability, (
        NOT_IMMUTABLE.finding(subject=point.short_id, observed=observed, expected=expected),
        *found,
    )


def immutability_now(repository: Repository, point: RecoveryPoint, *, decides: bool) -> Immutability:
    """Return what is known of a point's immutability. Where it does not decide what is taken, silence is "unknown"."""
    try:
        return repository.immutability(point)
    except (AccessDenied, Unreachable) as error:
        if decides:
            raise
        return Immutability(mode="unknown", provenance="observed", remarks=(own_words(error.message),))
