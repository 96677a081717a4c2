"""The chain of all entries, walked to its end; how far it was, and when all of it was last looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from drp.domain.journal import Verification
from drp.journal.chain import DrillChain, JournalChain, Row
from drp.journal.database import Database
from drp.journal.marks import NOTHING, Mark, mark_at, read_mark, write_mark
from drp.journal.opening import check_guards, read_ends, sound_ends
from drp.journal.tables import ENTRIES

MARK = "verified"
_BATCH = 500


def verify_all(database: Database, rows: Callable[..., list[Row]]) -> int:
    """Return how many entries there are, each checked; raises Tampered naming the first that does not fit."""
    position, recorded, highest = database.read(lambda connection: sound_ends(database, connection))
    return _walk(JournalChain(), rows, max(position, highest), (position, recorded))


def verify_since(database: Database, rows: Callable[..., list[Row]], mark: Mark) -> int:
    """Return how many entries came after a mark, each checked; raises Tampered naming the first that does not fit."""

    def ends(connection: Connection) -> tuple[int, str, int]:
        check_guards(database, connection)
        return read_ends(connection)

    def chain_of(row: Row) -> DrillChain:
        """Begin with the last entry of the drill that was verified already."""
        before = rows(select(ENTRIES).where(ENTRIES.c.drill == row.drill, ENTRIES.c.sequence == row.sequence - 1))
        known = [one for one in before if one.position <= mark.position]
        return DrillChain(next_sequence=row.sequence, head=known[0].hash) if known else DrillChain()

    position, recorded, highest = database.read(ends)
    chain = JournalChain(mark.position + 1, mark.link, chain_of)
    return _walk(chain, rows, max(position, highest), (position, recorded)) - mark.position - 1


def _walk(chain: JournalChain, rows: Callable[..., list[Row]], last: int, end: tuple[int, str]) -> int:
    while True:
        found = rows(
            select(ENTRIES)
            .where(ENTRIES.c.position >= chain.next_position, ENTRIES.c.position <= last)
            .order_by(ENTRIES.c.position)
            .limit(_BATCH)
        )
        for row in found:
            chain.pass_over(row)
        if len(found) < _BATCH:
            chain.end(*end)
            return chain.next_position


def note_verified(database: Database, entries: int, at: datetime | None) -> None:
    """Note that the first entries fit the chain; ``at`` is when all were looked at, None: as noted before."""
    with database.translated(), database.writing() as connection:
        before = read_mark(connection, MARK)
        told = at.astimezone(UTC).isoformat() if at is not None else before.value if before is not None else ""
        if told:
            write_mark(connection, MARK, mark_at(connection, entries - 1, told))


def verified(connection: Connection) -> Verification | None:
    """Return how far the journal was verified, and when all of that."""
    mark = read_mark(connection, MARK)
    if mark is None:
        return None
    try:
        at = datetime.fromisoformat(mark.value)
    except ValueError:
        return None
    return Verification(entries=mark.position + 1, at=at) if at.tzinfo is not None else None


def last_mark(connection: Connection) -> Mark:
    """Return up to where the journal was verified; nowhere, if that is not known."""
    return (read_mark(connection, MARK) or NOTHING) if verified(connection) is not None else NOTHING
