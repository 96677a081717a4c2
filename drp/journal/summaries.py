"""The tables of drills in short: by them a drill is found without reading all, and lists are told from them.

They are a cache: what they say follows from entries, and can be dropped and made again. A mark says up to which entry
they were made, and by which version; every row has a digest; the rows of recoveries follow from those of drills.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from sqlmodel import Column, Field, Index, Integer, MetaData, SQLModel, Text, text

from drp import __version__
from drp.codec import canonical, from_json, to_data
from drp.domain.summary import DrillSummary, RecoverySummary
from drp.errors import Tampered
from drp.journal.chain import digest
from drp.journal.marks import POSITION

METADATA = MetaData()
MARK = "summaries"
FORM = f"1 {__version__}"
"""Rows of another version are made again: what it concludes from the same entries may differ."""


class DrillRow(SQLModel, table=True):
    """One drill: ``summary`` is the canonical JSON of a `DrillSummary`, ``first`` the position of its first entry."""

    metadata = METADATA
    __tablename__ = "drp_journal_drills"
    __table_args__ = (
        Index("drp_journal_unsettled", "first", sqlite_where=text("settled = 0"), postgresql_where=text("settled = 0")),
        {"sqlite_strict": True},
    )
    first: int = Field(sa_column=Column(POSITION, primary_key=True, autoincrement=False))
    drill: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    settled: int = Field(sa_column=Column(Integer, nullable=False))
    summary: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False))


class RecoveryRow(SQLModel, table=True):
    """One application's passage through a drill, by what it is looked for."""

    metadata = METADATA
    __tablename__ = "drp_journal_recoveries"
    __table_args__ = (
        Index("drp_journal_by_verdict", "recovery", "verdict", "first"),
        Index("drp_journal_by_listing", "recovery", "listed", "first"),
        Index("drp_journal_by_rta", "recovery", "timed", "first"),
        Index("drp_journal_by_state", "recovery", "passed", "counted", "restored_state", "declared_at"),
        {"sqlite_strict": True},
    )
    recovery: str = Field(sa_column=Column(Text, primary_key=True))
    first: int = Field(sa_column=Column(POSITION, primary_key=True, autoincrement=False))
    verdict: str = Field(sa_column=Column(Text, nullable=False))
    listed: int = Field(sa_column=Column(Integer, nullable=False))
    timed: int = Field(sa_column=Column(Integer, nullable=False))
    passed: int = Field(sa_column=Column(Integer, nullable=False))
    counted: int = Field(sa_column=Column(Integer, nullable=False))
    restored_state: str = Field(sa_column=Column(Text, nullable=False))
    declared_at: str = Field(sa_column=Column(Text, nullable=False))


DRILLS = METADATA.tables["drp_journal_drills"]
RECOVERIES = METADATA.tables["drp_journal_recoveries"]


def write_summary(connection: Connection, first: int, summary: DrillSummary) -> None:
    """Write a drill's rows in place of those that are there."""
    connection.execute(RECOVERIES.delete().where(RECOVERIES.c.first == first))
    connection.execute(DRILLS.delete().where((DRILLS.c.first == first) | (DRILLS.c.drill == summary.drill)))
    body = canonical(to_data(summary)).decode()
    row = {"first": first, "drill": summary.drill, "settled": int(summary.settled), "summary": body}
    connection.execute(DRILLS.insert(), {**row, "digest": _digest(first, body)})
    if rows := [row_of(first, summary, recovery) for recovery in summary.recoveries]:
        connection.execute(RECOVERIES.insert(), rows)


def read_summary(row: Any) -> DrillSummary:
    """Return the drill of a row of ``first``, ``summary`` and ``digest``; raises Tampered for one that was changed."""
    if _digest(row.first, row.summary) != row.digest:
        raise Tampered(f"journal: what is noted in short of the drill at position {row.first} was changed")
    return from_json(DrillSummary, row.summary)


def drop(connection: Connection) -> None:
    """Take every row away."""
    connection.execute(RECOVERIES.delete())
    connection.execute(DRILLS.delete())


def row_of(first: int, drill: DrillSummary, recovery: RecoverySummary) -> dict[str, object]:
    """Return the row by which one recovery of a drill is found."""
    return {
        "recovery": recovery.recovery,
        "first": first,
        "verdict": told_verdict(drill, recovery),
        "listed": int(recovery.listed and told_verdict(drill, recovery) != ""),
        "timed": int(recovery.rta_ms is not None),
        "passed": int(is_baseline(recovery)),
        "counted": int(recovery.counted),
        "restored_state": instant(recovery.restored_state),
        "declared_at": instant(drill.declared_at),
    }


def told_verdict(drill: DrillSummary, recovery: RecoverySummary) -> str:
    """Return what a recovery's verdict counts as for its standing: none, of a drill that was aborted."""
    return recovery.verdict or "" if drill.verdict not in {None, "aborted"} else ""


def is_baseline(recovery: RecoverySummary) -> bool:
    """Return whether later backups may be compared with this one."""
    return recovery.verdict == "passed" and recovery.verified and recovery.restored_state is not None


def instant(moment: datetime | None) -> str:
    """Return an instant as text that is ordered as time is."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment is not None else ""


def _digest(first: int, body: str) -> str:
    return digest(canonical([FORM, first, body]).decode())
