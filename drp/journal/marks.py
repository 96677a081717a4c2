"""How far something was done with the journal: a note that counts only while the journal says the same at that place.

A mark names the position of an entry and the link there, which covers every entry before it. It saves work, and is
never a reason to believe an entry: whoever reads one checks it. One that does not fit means that nothing was done yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, select
from sqlmodel import BigInteger, Column, Field, Integer, MetaData, SQLModel, Text

from drp.codec import canonical
from drp.journal.chain import GENESIS, digest
from drp.journal.tables import ENTRIES

METADATA = MetaData()
POSITION = BigInteger().with_variant(Integer, "sqlite")


class MarkRow(SQLModel, table=True):
    """One mark; ``digest`` covers the rest of the row."""

    metadata = METADATA
    __tablename__ = "drp_journal_marks"
    __table_args__ = ({"sqlite_strict": True},)
    name: str = Field(sa_column=Column(Text, primary_key=True))
    position: int = Field(sa_column=Column(POSITION, nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))
    value: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False))


MARKS = METADATA.tables["drp_journal_marks"]


@dataclass(frozen=True, slots=True)
class Mark:
    """That something was done with all entries up to a position; -1: with none."""

    position: int
    link: str
    value: str = ""


NOTHING = Mark(-1, GENESIS)


def mark_at(connection: Connection, position: int, value: str = "") -> Mark:
    """Return a mark at a position of the journal as it is."""
    return Mark(position, _link_at(connection, position) or GENESIS, value)


def read_mark(connection: Connection, name: str) -> Mark | None:
    """Return a mark, if it is there, as it was written, and the journal still says the same there."""
    if not inspect(connection).has_table(MARKS.name):
        return None
    row = connection.execute(select(MARKS).where(MARKS.c.name == name)).first()
    if row is None:
        return None
    mark = Mark(row.position, row.link, row.value)
    return mark if row.digest == _digest(name, mark) and mark.link == _link_at(connection, mark.position) else None


def write_mark(connection: Connection, name: str, mark: Mark) -> None:
    """Write a mark in place of the one of that name."""
    remove_mark(connection, name)
    row = {"name": name, "position": mark.position, "link": mark.link, "value": mark.value}
    connection.execute(MARKS.insert(), {**row, "digest": _digest(name, mark)})


def remove_mark(connection: Connection, name: str) -> None:
    """Take a mark away."""
    connection.execute(MARKS.delete().where(MARKS.c.name == name))


def _link_at(connection: Connection, position: int) -> str | None:
    if position < 0:
        return GENESIS
    return connection.execute(select(ENTRIES.c.link).where(ENTRIES.c.position == position)).scalar_one_or_none()


def _digest(name: str, mark: Mark) -> str:
    return digest(canonical([name, mark.position, mark.link, mark.value]).decode())
