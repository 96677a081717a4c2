"""Holds the deposited records against the journal: neither may know of a sealed drill that the other does not.

A record leaves the machine, or is deposited where the journal is not. So whoever empties the journal, deletes it or
brings an older one back is seen by what was deposited since.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

from drp.codec import canonical
from drp.domain.fold import DrillState
from drp.domain.journal import Journal
from drp.domain.phrase import Phrase, count, own_words, say, several
from drp.domain.ports import Clock
from drp.domain.summary import DrillSummary
from drp.errors import EvidenceError, NotFound, Tampered
from drp.evidence.record import RECORD_NAME, read_record

RecordCondition = Literal["intact", "changed", "missing", "elsewhere"]
"""elsewhere: missing here, and sealed by another host, or at a place that the site does not name any more."""
_NAMED = 3
_FINE = 1_000_000
_TICK_SECONDS = 0.02
"""Longer than any kernel takes a file's time to be the same."""
RECENT = 100
"""So many of the newest drills are looked at whenever something is judged, and listed unless all are asked for."""
_HINT = say("keep everything as it is and call the evidence owner; records are still read by `drp evidence show`")


class Deposit(Protocol):
    """A place where evidence is kept, as it is read back."""

    root: Path

    def drills(self) -> tuple[str, ...]:
        """Return the drills that have evidence here."""
        ...

    def names(self, drill: str) -> tuple[str, ...]:
        """Return what is stored of a drill."""
        ...

    def get(self, drill: str, name: str) -> bytes:
        """Return what was stored. Raises ``NotFound``."""
        ...


@dataclass(frozen=True, slots=True)
class Deposits:
    """Every place where a site's evidence is kept."""

    places: Sequence[Deposit]

    def records(self, *, but: Container[str] = frozenset()) -> Mapping[str, Deposit]:
        """Return the drills that have a record, each with the first place that holds it; ``but`` are not looked at.

        Raises ``NotReadable``.
        """
        found: dict[str, Deposit] = {}
        for place in self.places:
            for drill in place.drills():
                if drill not in but and drill not in found and RECORD_NAME in place.names(drill):
                    found[drill] = place
        return found

    def has_record(self, drill: str) -> bool:
        """Return whether any place has a record of a drill. Raises ``NotReadable``."""
        return any(RECORD_NAME in place.names(drill) for place in self.places)

    def state(self) -> str:
        """Return what is another as soon as a drill's folder comes or goes; empty: nobody can tell.

        Change times are the kernel's own, and nobody can set them; some file systems count them in seconds.
        """
        found = []
        for place in self.places:
            try:
                status = place.root.stat()
            except OSError:
                return ""
            if not status.st_ctime_ns % _FINE:
                return ""
            found.append([status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns])
        return canonical(found).decode()

    def record(self, drill: str) -> bytes:
        """Return a drill's record from the first place that has it. Raises ``NotFound``, ``NotReadable``."""
        for place in self.places:
            try:
                return place.get(drill, RECORD_NAME)
            except NotFound as error:
                missing = error
        raise missing

    def condition(self, state: DrillState | DrillSummary) -> RecordCondition:
        """Return how the record of a sealed drill is, in every place that has it."""
        assert state.sealed is not None
        found = {self._digest(place, state.drill) for place in self.places} - {None}
        if not found:
            ours = state.sealed.host in {"", socket.gethostname()}
            return "missing" if ours and self._was_here(Path(state.sealed.location)) else "elsewhere"
        return "intact" if found == {state.sealed.record_digest} else "changed"

    def _was_here(self, location: Path) -> bool:
        """Return whether a record was sealed at one of these places, by whichever name the site was reached then."""
        roots = [place.root for place in self.places]
        return any(location.is_relative_to(root.absolute()) for root in roots) or any(
            location.resolve().is_relative_to(root.resolve()) for root in roots
        )

    def _digest(self, place: Deposit, drill: str) -> str | None:
        """Return the digest of what one place holds of a drill: no copy speaks for another."""
        try:
            return hashlib.sha256(place.get(drill, RECORD_NAME)).hexdigest()
        except NotFound:
            return None


def recent(journal: Journal) -> tuple[DrillSummary, ...]:
    """Return the drills whose records are held against the journal at every start: all others are once a day."""
    newest, unsettled = journal.history.newest(RECENT), journal.history.unsettled()
    return tuple({drill.drill: drill for drill in (*unsettled, *newest)}.values())


def require_all_known(deposits: Deposits, journal: Journal) -> None:
    """Raise ``Tampered`` when a record belongs to a drill that the journal does not know.

    Where nothing has come or gone since that was noted, nobody looks again.
    """
    state = deposits.state()
    if not state or state != journal.history.known_records():
        require_known(deposits.records(but=frozenset(journal.drills())), journal)


def note_all_known(deposits: Deposits, journal: Journal, clock: Clock) -> None:
    """Note that the journal knows every record there is, having looked. Raises ``Tampered`` as `require_all_known`."""
    state = deposits.state()
    clock.sleep(_TICK_SECONDS)  # whatever changes from here on changes the state
    require_known(deposits.records(but=frozenset(journal.drills())), journal)
    if state and state == deposits.state():
        journal.history.note_known_records(state)


def require_known(records: Iterable[str], journal: Journal) -> None:
    """Raise ``Tampered`` when a record belongs to a drill that the journal does not know."""
    unknown = sorted(set(records) - set(journal.drills())) if records else []
    if unknown:
        raise Tampered(
            say("the journal was emptied or rolled back: it does not know {records}", records=named(unknown)),
            hint=_HINT,
        )


def named(drills: Sequence[str]) -> Phrase:
    """Return whose records are meant, the first by name."""
    more, shown = len(drills) - _NAMED, several(drills[:_NAMED])
    if more <= 0:
        return say("the sealed record of drill {drills}", drills=shown)
    return count(
        "the sealed record of drill {drills} and {n} more",
        "the sealed record of drill {drills} and {n} more",
        more,
        drills=shown,
    )


def gone(records: Sequence[str]) -> Tampered:
    """Return the error for a journal that is not there, while there are records of its drills."""
    return Tampered(
        say("the journal is gone or empty, and there is {records}", records=named(sorted(records))), hint=_HINT
    )


def require_sealed(
    deposits: Deposits, states: Iterable[DrillState | DrillSummary], journal: Journal
) -> tuple[str, ...]:
    """Return the sealed drills whose records are gone.

    Raises ``Tampered`` for the first record that is not the one that the journal sealed, or was about to seal.
    """
    lost = []
    for state in states:
        if state.sealed is None and deposits.has_record(state.drill):
            _require_head(state, deposits.record(state.drill), journal)
        condition = deposits.condition(state) if state.sealed is not None else "intact"
        if condition == "changed":
            raise Tampered(
                say("the record of drill {drill} is not the one that the journal sealed", drill=state.drill), hint=_HINT
            )
        if condition == "missing":
            lost.append(state.drill)
    return tuple(lost)


def _require_head(state: DrillState | DrillSummary, content: bytes, journal: Journal) -> None:
    """Raise ``Tampered`` unless the journal has the entry at which a record was made that it did not come to seal."""
    try:
        record = read_record(content)
    except EvidenceError as error:
        raise Tampered(
            say(
                "the record of drill {drill} cannot be believed: {words}",
                drill=state.drill,
                words=own_words(error.message),
            ),
            hint=_HINT,
        ) from error
    last = record.journal_entries - 1
    entry = next(islice(journal.entries(state.drill, after=last - 1), 1), None) if last >= 0 else None
    if entry is None or entry.hash != record.journal_head:
        raise Tampered(
            say("the journal of drill {drill} is not the one that its record was made of", drill=state.drill),
            hint=_HINT,
        )
