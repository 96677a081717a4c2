"""The whole journal verified: its chain, what is noted of it in short, every sealed record, the schedule's register."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.journal import Journal
from drp.domain.phrase import say, several
from drp.errors import NotFound, Tampered
from drp.evidence.deposits import note_all_known, require_sealed
from drp.service.registered import require_declared
from drp.service.wiring import Wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was looked at, and is as it was written."""

    entries: int
    drills: int
    register: int = 0
    """Entries of the register of the schedule."""


def verify_journal(wiring: Wiring, journal: Journal, *, thoroughly: bool = False) -> Verified:
    """Verify the chain of all entries, and hold every record against it; what is noted in short too if ``thoroughly``.

    Raises ``Tampered`` for the first thing that was changed, ``NotFound`` when records are gone.
    """
    history, deposits = journal.history, wiring.deposits()
    misfit = history.misfit() if thoroughly else ""
    if misfit:
        history.forget()
    entries, register = journal.verify(), wiring.opened_register()
    require_declared(journal, register, every=True)
    registered = register.verify()
    note_all_known(deposits, journal, wiring.clock)
    drills = history.newest(history.count())
    lost = require_sealed(deposits, drills, journal)
    if misfit:
        raise Tampered(
            say("journal: what was noted in short of drill {drill} does not follow from its entries", drill=misfit),
            hint="its entries are intact, and the notes were made again; find out who changed them",
        )
    if lost:
        raise NotFound(
            say("the sealed records of {drills} are gone", drills=several(lost)), hint="bring them back from a copy"
        )
    return Verified(entries=entries, drills=len(drills), register=registered)
