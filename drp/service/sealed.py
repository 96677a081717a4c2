"""Sealed records as they are found: read back, and held against the journal's seal first.

Where the journal cannot vouch for a record, because it is gone or was changed, the record is read all the same: it is
what is left. That nothing vouches for it is said.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from drp.domain.fold import fold
from drp.domain.journal import Journal
from drp.domain.level import Level
from drp.domain.phrase import say
from drp.drill.declare import find, matching
from drp.errors import DrpError, NotFound, Tampered
from drp.evidence.deposits import RECENT, Deposits
from drp.evidence.record import read_record
from drp.service.wiring import Wiring


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record's bytes."""

    drill: str
    content: bytes
    trouble: str = ""
    """Why the journal does not vouch for it; empty: its digest is the one that the journal sealed."""
    code: str = ""
    """Which error that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecord:
    """A sealed record, and how it is."""

    drill: str
    verdict: str
    record: str
    """``intact``, or what is wrong with it."""
    digest: str
    location: str
    level: Level = "full"
    """How deep the drill went: a pass of another level than full says so much less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Sealed records of a site."""

    records: tuple[ListedRecord, ...]
    older: int = 0
    """So many drills before those were not looked at."""
    trouble: str = ""
    """Why the journal does not vouch for them; empty: it does."""
    code: str = ""
    """Which error that is."""


def sealed_record(wiring: Wiring, reference: str) -> SealedRecord:
    """Return the record of a drill: by its id, a unique prefix, or `latest`.

    Raises ``NotFound`` when the drill is unknown, not sealed, or its record is gone; ``Tampered`` when the record
    is not the one that was sealed.
    """
    try:
        journal = wiring.journal_to_read()
        journal.verify(whole=False)
    except NotFound:
        raise
    except DrpError as error:
        return _without_journal(wiring, reference, error)
    return _vouched_for(wiring, journal, reference)


def _vouched_for(wiring: Wiring, journal: Journal, reference: str) -> SealedRecord:
    drill = find(reference, journal)
    state = fold(journal.entries(drill))
    if state.sealed is None:
        raise NotFound(
            say("drill {drill} has no sealed record yet", drill=drill), hint="wait for it, or `drp drill resume latest`"
        )
    content = wiring.deposits().record(drill)
    if hashlib.sha256(content).hexdigest() != state.sealed.record_digest:
        raise Tampered(say("the record of drill {drill} is not the one that the journal sealed", drill=drill))
    return SealedRecord(drill, content)


def _without_journal(wiring: Wiring, reference: str, error: DrpError) -> SealedRecord:
    """Return the record as it is deposited, if it is one; the latest is the one that was declared last."""
    deposits = wiring.deposits()
    records = tuple(deposits.records())
    if not records:
        raise error
    if reference == "latest":
        drill = max(records, key=lambda name: read_record(deposits.record(name)).declared_at)
    else:
        drill = matching(reference, records)
    content = deposits.record(drill)
    read_record(content)
    return SealedRecord(drill, content, trouble=error.message, code=error.code)


def listed(wiring: Wiring, *, whole: bool = True) -> Records:
    """Return sealed drills, all or the newest, and how their records are; without the journal, every deposited record.

    What is said of a drill is read from its entries.
    """
    deposits = wiring.deposits()
    try:
        journal = wiring.journal_to_read()
        journal.verify(whole=whole)
        history, held = journal.history, journal.history.count()
        drills = journal.drills() if whole else tuple(one.drill for one in history.newest(RECENT))
    except DrpError as error:
        if not (records := deposits.records()):
            raise
        unvouched = tuple(_unvouched(deposits, drill) for drill in records)
        return Records(records=unvouched, trouble=error.message, code=error.code)
    return Records(
        records=tuple(
            ListedRecord(
                drill=state.drill,
                verdict=state.concluded.verdict,
                level=state.plan.level,
                record=deposits.condition(state),
                digest=state.sealed.record_digest,
                location=state.sealed.location,
            )
            for state in (fold(journal.entries(drill)) for drill in drills)
            if state.concluded is not None and state.sealed is not None
        ),
        older=held - len(drills),
    )


def _unvouched(deposits: Deposits, drill: str) -> ListedRecord:
    """Return what a record says of itself, where the journal does not vouch for it."""
    content = deposits.record(drill)
    level: Level = "full"
    try:
        record = read_record(content)
        verdict, level, condition = str(record.verdict), record.plan.level, "unconfirmed"
    except DrpError:
        verdict, condition = "", "changed"
    return ListedRecord(
        drill=drill,
        verdict=verdict,
        level=level,
        record=condition,
        digest=hashlib.sha256(content).hexdigest(),
        location=str(deposits.records()[drill].root / drill),
    )
