"""What protects dated folders, as an attestation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from drp.clock import utc_now
from drp.domain.phrase import own_words
from drp.domain.worm.attestation import Attestation, LockDemand
from drp.domain.worm.hardened import attestation_of, offline
from drp.domain.worm.lock_findings import unseen
from drp.errors import RepositoryError
from drp.repositories.copies.settings import CopiesSettings
from drp.repositories.locations.medium import Medium
from drp.repositories.locations.protection import observe

Places = Iterable[tuple[Path, tuple[int, int]]]
"""Folders, each with the device and the inode that it must still have."""


def attested(
    settings: CopiesSettings, medium: Medium | None, places: Places, subject: str, demand: LockDemand
) -> Attestation:
    """Return what was observed of some folders. Raises ``PointGone`` and ``MediaNeeded``."""
    if medium is not None:
        medium.require()
    try:
        seen = [observe(place, settings.audited_files, identity=identity) for place, identity in places]
    finally:
        if medium is not None:  # what could not be seen since it was pulled says nothing of the backup
            medium.require()
    found = attestation_of(subject, seen, demand, at=utc_now(), mode=settings.worm.mode)
    return offline(found, medium.label) if medium is not None else found


def or_unknown(settings: CopiesSettings, demand: LockDemand, attest: Callable[[], Attestation]) -> Attestation:
    """Return what was observed; what could not be is unknown, and why."""
    try:
        return attest()
    except RepositoryError as error:
        return unseen(settings.name, own_words(error.message), demand, at=utc_now(), mode=settings.worm.mode)
