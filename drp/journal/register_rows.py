"""Rows of the register's tables: what they say, whether they fit, and what may come next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Connection, bindparam, select

from drp import __version__
from drp.codec import canonical, from_json, to_data
from drp.domain.clock import Stamp
from drp.domain.phrase import own_words, say
from drp.domain.schedule.events import RegisterEntry, RegisterEvent, SlotEnded, SlotExpected
from drp.domain.schedule.fold import ScheduleState
from drp.errors import Busy, Tampered, UsageError
from drp.journal.chain import GENESIS, digest, link
from drp.journal.register_tables import ENTRIES, SNAPSHOT

FORM = f"2 {__version__}"
"""A snapshot of another version is made again: what it folds from the same entries may differ."""
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """What the hash of an entry covers."""

    position: int
    stamp: Stamp
    event: Annotated[RegisterEvent, Field(discriminator="type")]


@dataclass(slots=True)
class Folded:
    """A state, and the entry up to which it was folded."""

    position: int
    link: str
    state: ScheduleState


def require_new(connection: Connection, events: tuple[RegisterEvent, ...]) -> None:
    """Raise Busy for a slot that is expected or ends twice, UsageError for the end of one that nobody expected."""
    expected: set[str] = set()
    ended: set[str] = set()
    for event in events:
        if isinstance(event, SlotExpected):
            slot = event.slot.id
            if slot in expected or connection.execute(_EXPECTED, {"slot": slot}).first() is not None:
                raise Busy(say("slot {slot} is expected already", slot=slot), hint="another process was faster")
            expected.add(slot)
        elif isinstance(event, SlotEnded):
            slot = event.slot.id
            if slot in ended or connection.execute(_ENDED, {"slot": slot}).first() is not None:
                raise Busy(say("slot {slot} has ended already", slot=slot), hint="another process was faster")
            if slot not in expected and connection.execute(_EXPECTED, {"slot": slot}).first() is None:
                raise UsageError(
                    say("slot {slot} was never expected, so it cannot end", slot=slot), hint="see `drp schedule list`"
                )
            ended.add(slot)


def forge(position: int, stamp: Stamp, event: RegisterEvent, previous: str) -> tuple[str, str, RegisterEntry]:
    """Return body, link and entry, read back from the body: what could not be read again is refused before."""
    body = canonical(to_data(_Body(position=position, stamp=stamp, event=event))).decode()
    entry_link = link(position, digest(body), previous)
    read = from_json(_Body, body)
    return body, entry_link, RegisterEntry(position=position, stamp=read.stamp, event=read.event, link=entry_link)


def row_of(position: int, event: RegisterEvent, body: str, entry_link: str) -> dict[str, object]:
    """Return the columns of an entry."""
    return {
        "position": position,
        "expected": event.slot.id if isinstance(event, SlotExpected) else None,
        "ended": event.slot.id if isinstance(event, SlotEnded) else None,
        "body": body,
        "link": entry_link,
    }


def read(row: Any, position: int, previous: str) -> RegisterEntry:
    """Return the entry of the next row; raises Tampered when it is another, or does not fit the chain."""
    if row.position != position:
        raise Tampered(say("register: entry {position} is missing", position=position))
    if link(position, digest(row.body), previous) != row.link:
        raise Tampered(say("register: entry {position}: its content, or its place, was changed", position=position))
    try:
        body = from_json(_Body, row.body)
    except Tampered as error:
        raise Tampered(
            say(
                "register: entry {position} cannot be read by this version of drp ({words})",
                position=position,
                words=own_words(error.message),
            )
        ) from error
    told = row_of(position, body.event, row.body, row.link)
    if body.position != position or (row.expected, row.ended) != (told["expected"], told["ended"]):
        raise Tampered(say("register: entry {position}: its content belongs to another place", position=position))
    return RegisterEntry(position=position, stamp=body.stamp, event=body.event, link=row.link)


def rows_after(connection: Connection, position: int) -> list[Any]:
    """Return the next rows after a position, no more than `BATCH`."""
    statement = select(ENTRIES).where(ENTRIES.c.position > position).order_by(ENTRIES.c.position).limit(BATCH)
    return list(connection.execute(statement))


def link_at(connection: Connection, position: int) -> str | None:
    """Return the link of an entry, that of the beginning before the first; None: there is none."""
    if position < 0:
        return GENESIS
    return connection.execute(select(ENTRIES.c.link).where(ENTRIES.c.position == position)).scalar_one_or_none()


def read_snapshot(connection: Connection) -> Folded | None:
    """Return the snapshot, if it is there, as it was written, of this version, and the register still fits."""
    row = connection.execute(select(SNAPSHOT)).first()
    if row is None or row.digest != snapshot_digest(row.position, row.link, row.state):
        return None
    if link_at(connection, row.position) != row.link:
        return None
    try:
        return Folded(row.position, row.link, from_json(ScheduleState, row.state))
    except Tampered:
        return None


def write_snapshot(connection: Connection, known: Folded) -> None:
    """Note a folded state in place of the one that is there."""
    state = canonical(to_data(known.state)).decode()
    connection.execute(SNAPSHOT.delete())
    row = {"id": 1, "position": known.position, "link": known.link, "state": state}
    connection.execute(SNAPSHOT.insert(), {**row, "digest": snapshot_digest(known.position, known.link, state)})


def snapshot_digest(position: int, entry_link: str, state: str) -> str:
    """Return what holds a snapshot together."""
    return digest(f"{FORM} {position} {entry_link} {state}")


_EXPECTED = select(ENTRIES.c.position).where(ENTRIES.c.expected == bindparam("slot"))
_ENDED = select(ENTRIES.c.position).where(ENTRIES.c.ended == bindparam("slot"))
