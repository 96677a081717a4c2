"""Sealed records as the command line finds them: read back, and held against the journal's seal first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from drp.cli.wiring import Wiring
from drp.domain.fold import DrillState, fold
from drp.drill.declare import find
from drp.errors import NotFound, Tampered
from drp.evidence.record import RECORD_NAME


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record's bytes, whose digest is the one that the journal sealed."""

    drill: str
    content: bytes


def sealed_record(wiring: Wiring, reference: str) -> SealedRecord:
    """Return the record of a drill: by its id, a unique prefix, or `latest`.

    Raises ``NotFound`` when the drill is unknown, not sealed, or its record is gone; ``Tampered`` when the record
    is not the one that was sealed.
    """
    journal = wiring.journal()
    drill = find(reference, journal)
    state = fold(journal.entries(drill))
    if state.sealed is None:
        raise NotFound(f"drill {drill} has no sealed record yet", hint="wait for it, or `drp drill resume latest`")
    content = wiring.sink().get(drill, RECORD_NAME)
    if hashlib.sha256(content).hexdigest() != state.sealed.record_digest:
        raise Tampered(f"the record of drill {drill} is not the one that the journal sealed")
    return SealedRecord(drill, content)


def condition(wiring: Wiring, state: DrillState) -> str:
    """Return how the record of a sealed drill is: intact, changed or missing."""
    try:
        sealed_record(wiring, state.drill)
    except Tampered:
        return "changed"
    except NotFound:
        return "missing"
    return "intact"
