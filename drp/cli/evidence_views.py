"""Sealed records as the command line reads them: where the journal does not vouch for one, that is said first."""

from __future__ import annotations

from drp.cli.render import note
from drp.domain.phrase import say
from drp.service import sealed
from drp.service.sealed import Records, SealedRecord
from drp.service.wiring import Wiring


def sealed_record(wiring: Wiring, reference: str) -> SealedRecord:
    """Return the record of a drill, having said whether anything vouches for it. Raises as the service does."""
    found = sealed.sealed_record(wiring, reference)
    _say_doubt(found)
    return found


def listed(wiring: Wiring, *, whole: bool) -> Records:
    """Return sealed records, having said whether anything vouches for them. Raises as the service does."""
    found = sealed.listed(wiring, whole=whole)
    _say_doubt(found)
    if found.older:
        note(say("{older} older drills are not listed: --all lists them too", older=found.older))
    return found


def _say_doubt(found: SealedRecord | Records) -> None:
    if found.trouble:
        note(say("NOT CHECKED AGAINST THE JOURNAL: {trouble} [{its_code}]", trouble=found.trouble, its_code=found.code))
