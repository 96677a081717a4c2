"""The two hash chains of the journal, as pure functions: what is hashed, and what does not fit.

The *drill chain* binds the entries of one drill: ``hash = SHA-256(body)``, where the body is the canonical JSON of
drill, sequence, stamp, event and the hash before. The *journal chain* binds all entries of all drills in the order in
which they were written: ``link = SHA-256({hash, position, previous link})``; without it a whole drill could vanish.
The body is stored as it was hashed and never written out again from its values, so an event type that gains a field
in a later version does not change an old hash.

Hashes without a key stop accidents and clumsy hands. Who owns the file can compute a new chain: that is seen by what
left the machine (the head of the journal is in every evidence record), not here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from drp.codec import canonical, from_json, to_data
from drp.domain.clock import Stamp
from drp.domain.events import Entry, Event
from drp.domain.phrase import Phrase, count, own_words, say
from drp.errors import Busy, Tampered

MISSING = say("it is missing")
"""What is said of an entry that is not there."""
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What the hash of an entry covers."""

    drill: str
    sequence: int
    stamp: Stamp
    event: Annotated[Event, Field(discriminator="type")]
    previous: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry as it is stored."""

    position: int
    """Place among all entries of all drills, from 0."""
    drill: str
    sequence: int
    body: str
    hash: str
    link: str

    def broken(self, what: Phrase) -> Tampered:
        """Return the error for this row."""
        return broken(self.drill, self.sequence, what)


def broken(drill: str, sequence: int, what: Phrase) -> Tampered:
    """Return the error for an entry that does not fit the chain, naming its drill and sequence."""
    return Tampered(
        say("journal: drill {drill}, entry {sequence}: {what}", drill=drill, sequence=str(sequence), what=what)
    )


def declared_already(drill: str) -> Busy:
    """Return the error for a second declaration of one drill."""
    return Busy(
        say("drill {drill} was declared already", drill=drill),
        hint="follow it with `drp drill list`; of one slot there is one",
    )


def digest(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def link(position: int, entry_hash: str, previous: str) -> str:
    """Return the hash that chains an entry to all entries before it, whatever their drill."""
    # its canonical JSON, written out: hashes are hexadecimal, and there are many
    return digest(f'{{"hash":"{entry_hash}","position":{position},"previous":"{previous}"}}')


def forge(drill: str, sequence: int, stamp: Stamp, event: Event, previous: str) -> tuple[str, Entry]:
    """Return the body to store and the entry it stands for, read back from the body.

    So an event that could not be read again is refused before it is written, and the caller sees exactly what every
    later reader sees.
    """
    data = to_data(Body(drill=drill, sequence=sequence, stamp=stamp, event=event, previous=previous))
    body = canonical(data).decode()
    return body, read(Row(position=-1, drill=drill, sequence=sequence, body=body, hash=digest(body), link=""))


def read(row: Row) -> Entry:
    """Return the entry of a row whose hash fits its body; raises Tampered otherwise."""
    if digest(row.body) != row.hash:
        raise row.broken(say("its content does not fit its hash"))
    try:
        body = from_json(Body, row.body)
    except Tampered as error:
        raise row.broken(
            say("it cannot be read by this version of drp ({why})", why=own_words(error.message))
        ) from error
    _require_place(row, body.drill, body.sequence)
    return Entry(
        drill=body.drill,
        sequence=body.sequence,
        stamp=body.stamp,
        event=body.event,
        previous=body.previous,
        hash=row.hash,
    )


def previous_of(row: Row) -> str:
    """Return what a row whose hash fits its body says that it follows; raises Tampered otherwise.

    Only what the chain needs is looked at: to find out what an entry means is ten times as much work.
    """
    if digest(row.body) != row.hash:
        raise row.broken(say("its content does not fit its hash"))
    try:
        body = json.loads(row.body)
        drill, sequence, previous = body["drill"], body["sequence"], body["previous"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise row.broken(say("it is no journal entry")) from error
    _require_place(row, drill, sequence)
    return str(previous)


def _require_place(row: Row, drill: object, sequence: object) -> None:
    if (drill, sequence) != (row.drill, row.sequence):
        raise row.broken(
            say("its content belongs to drill {drill}, entry {sequence}", drill=drill, sequence=str(sequence))
        )


@dataclass(slots=True)
class DrillChain:
    """Walks the entries of one drill in order."""

    next_sequence: int = 0
    head: str = GENESIS

    def follow(self, row: Row) -> Entry:
        """Return the entry of the next row; raises Tampered when it is not the next one."""
        self._require_next(row)
        entry = read(row)
        self._take(row, entry.previous)
        return entry

    def pass_over(self, row: Row) -> None:
        """Check that a row is the next one, without finding out what it says; raises Tampered when it is not."""
        self._require_next(row)
        self._take(row, previous_of(row))

    def _require_next(self, row: Row) -> None:
        if row.sequence > self.next_sequence:
            raise broken(row.drill, self.next_sequence, MISSING)
        if row.sequence < self.next_sequence:
            raise row.broken(say("it is out of order"))

    def _take(self, row: Row, previous: str) -> None:
        if previous != self.head:
            raise row.broken(say("it does not follow the entry before it"))
        self.next_sequence, self.head = row.sequence + 1, row.hash


class JournalChain:
    """Walks all rows of the journal in order, each drill's chain among them.

    A gap is told at the end, since the drill whose entry is missing shows itself only later and names it better.
    """

    def __init__(
        self,
        next_position: int = 0,
        head: str = GENESIS,
        chain_of: Callable[[Row], DrillChain] = lambda _: DrillChain(),
    ) -> None:
        """Begin before the first entry, or after one with that link: ``chain_of`` finds the chain of a drill there."""
        self.next_position = next_position
        self.head = head
        self._chain_of = chain_of
        self._drills: dict[str, DrillChain] = {}
        self._last = (
            say("entry {position} of the journal", position=str(next_position - 1))
            if next_position
            else say("the beginning")
        )
        self._gap: Tampered | None = None

    def pass_over(self, row: Row) -> None:
        """Check the next row; raises Tampered when it, or one of its drill before it, is not right."""
        if row.drill not in self._drills:
            self._drills[row.drill] = self._chain_of(row)
        self._drills[row.drill].pass_over(row)
        if row.position != self.next_position:
            missing = count(
                "1 entry is missing from the journal before it, after {last}",
                "{n} entries are missing from the journal before it, after {last}",
                row.position - self.next_position,
                last=self._last,
            )
            self._gap = self._gap or row.broken(missing)
        elif link(row.position, row.hash, self.head) != row.link:
            raise row.broken(say("its place in the journal was changed"))
        self.next_position, self.head = row.position + 1, row.link
        self._last = say("drill {drill}, entry {sequence}", drill=row.drill, sequence=str(row.sequence))

    def end(self, position: int, head: str) -> None:
        """Compare with the recorded head: position of the last entry (-1: none) and its link."""
        if self._gap is not None:
            raise self._gap
        if position >= self.next_position:
            missing = count(
                "journal: 1 entry is missing at its end, after {last}",
                "journal: {n} entries are missing at its end, after {last}",
                position + 1 - self.next_position,
                last=self._last,
            )
            raise Tampered(missing)
        if (position, head) != (self.next_position - 1, self.head):
            raise Tampered(say("journal: its recorded head does not fit its last entry, {last}", last=self._last))
