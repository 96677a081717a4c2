"""The journal's tables; the guards that keep honest software from changing them are made by `guards.py`."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlmodel import (
    BigInteger,
    CheckConstraint,
    Column,
    Field,
    Index,
    Integer,
    MetaData,
    SQLModel,
    Text,
    UniqueConstraint,
)

from drp.journal.guards import Guards

SCHEMA_VERSION = 1
METADATA = MetaData()


class EntryRow(SQLModel, table=True):
    """One journal entry; columns as in `chain.Row`."""

    metadata = METADATA
    __tablename__ = "drp_journal"
    __table_args__ = (
        UniqueConstraint("drill", "sequence", name="drp_journal_sequence"),
        CheckConstraint("sequence >= 0 AND position >= 0", name="drp_journal_from_zero"),
        CheckConstraint("length(hash) = 64 AND length(link) = 64", name="drp_journal_hashes"),
        Index(
            "drp_journal_first", "position", sqlite_where=text("sequence = 0"), postgresql_where=text("sequence = 0")
        ),
        {"sqlite_strict": True},
    )
    position: int = Field(
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    )
    drill: str = Field(sa_column=Column(Text, nullable=False))
    sequence: int = Field(sa_column=Column(Integer, nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    hash: str = Field(sa_column=Column(Text, nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))


class HeadRow(SQLModel, table=True):
    """The one row that says where the journal ends, so that a missing end is seen."""

    metadata = METADATA
    __tablename__ = "drp_journal_head"
    __table_args__ = (CheckConstraint("id = 1", name="drp_journal_one_head"), {"sqlite_strict": True})
    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    schema_version: int = Field(sa_column=Column(Integer, nullable=False))
    position: int = Field(sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), nullable=False))
    link: str = Field(sa_column=Column(Text, nullable=False))


ENTRIES = METADATA.tables["drp_journal"]
HEAD = METADATA.tables["drp_journal_head"]

GUARDS = Guards(table=ENTRIES.name, what="journal")


def lay(connection: Connection, genesis: str) -> None:
    """Make tables, guards and the head of an empty journal, inside the caller's transaction."""
    METADATA.create_all(connection)
    connection.execute(
        text("INSERT INTO drp_journal_head (id, schema_version, position, link) VALUES (1, :version, -1, :genesis)"),
        {"version": SCHEMA_VERSION, "genesis": genesis},
    )
    GUARDS.lay(connection)
