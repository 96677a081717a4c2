"""The tables of drills in short: by them a drill is found without reading all, and lists are told from them.

They are a cache: what they say follows from entries, and can be dropped and made again. A mark says up to which entry
they were made, by which version, and what all their rows add up to: one that was changed or taken away by hand would
hide a drill, and what is hidden is nowhere else looked for. Every row of a drill has a digest, too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlmodel import Column, Field, Index, Integer, MetaData, SQLModel, Text, text

from drp import __version__
from drp.codec import canonical, from_json, to_data
from drp.domain.phrase import say
from drp.domain.summary import DrillSummary, RecoverySummary
from drp.errors import Tampered
from drp.journal.chain import digest
from drp.journal.marks import POSITION

METADATA = MetaData()
MARK = "summaries"
FORM = f"4 {__version__}"
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
    restored_state: int = Field(sa_column=Column(POSITION, nullable=False))
    declared_at: int = Field(sa_column=Column(POSITION, nullable=False))


class DurationRow(SQLModel, table=True):
    """How long a drill took in which an application went through all its phases, in milliseconds without waits."""

    metadata = METADATA
    __tablename__ = "drp_journal_durations"
    __table_args__ = (
        Index("drp_journal_durations_of_plan", "recovery", "level", "plan", "first"),
        Index("drp_journal_durations_of_level", "recovery", "level", "first"),
        {"sqlite_strict": True},
    )
    recovery: str = Field(sa_column=Column(Text, primary_key=True))
    first: int = Field(sa_column=Column(POSITION, primary_key=True, autoincrement=False))
    level: str = Field(sa_column=Column(Text, nullable=False))
    plan: str = Field(sa_column=Column(Text, nullable=False))
    took_ms: int = Field(sa_column=Column(POSITION, nullable=False))


class PassedRow(SQLModel, table=True):
    """A sealed drill that passed, by its plan."""

    metadata = METADATA
    __tablename__ = "drp_journal_passed"
    __table_args__ = (Index("drp_journal_passed_of_plan", "plan", "first"), {"sqlite_strict": True})
    first: int = Field(sa_column=Column(POSITION, primary_key=True, autoincrement=False))
    plan: str = Field(sa_column=Column(Text, nullable=False))


DRILLS = METADATA.tables["drp_journal_drills"]
RECOVERIES = METADATA.tables["drp_journal_recoveries"]
DURATIONS = METADATA.tables["drp_journal_durations"]
PASSED = METADATA.tables["drp_journal_passed"]
ADDED_UP = (DRILLS, RECOVERIES, DURATIONS, PASSED)
"""Tables in the order in which a mark tells what their rows add up to."""
BY_DRILL = (RECOVERIES, DURATIONS, PASSED)
"""Tables by which drills are found: no row in them says more than where a drill begins."""


def write_summary(connection: Connection, first: int, summary: DrillSummary) -> None:
    """Write a drill's rows in place of those that are there."""
    for table in BY_DRILL:
        connection.execute(table.delete().where(table.c.first == first))
    connection.execute(DRILLS.delete().where((DRILLS.c.first == first) | (DRILLS.c.drill == summary.drill)))
    body = canonical(to_data(summary)).decode()
    row = {"first": first, "drill": summary.drill, "settled": int(summary.settled), "summary": body}
    connection.execute(DRILLS.insert(), {**row, "digest": _digest(first, body)})
    for table, rows in zip(BY_DRILL, rows_of(first, summary), strict=True):
        if rows:
            connection.execute(table.insert(), rows)


def read_summary(row: Any) -> DrillSummary:
    """Return the drill of a row of ``first``, ``summary`` and ``digest``; raises Tampered for one that was changed."""
    if _digest(row.first, row.summary) != row.digest:
        raise Tampered(
            say("journal: what is noted in short of the drill at position {first} was changed", first=row.first)
        )
    return from_json(DrillSummary, row.summary)


def drop(connection: Connection) -> None:
    """Take every row away."""
    for table in (*BY_DRILL, DRILLS):
        connection.execute(table.delete())


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


def rows_of(first: int, drill: DrillSummary) -> tuple[list[dict[str, object]], ...]:
    """Return the rows by which a drill is found, table by table as in `BY_DRILL`."""
    took = {"first": first, "level": drill.level, "plan": drill.plan, "took_ms": drill.took_ms}
    passed = drill.verdict == "passed" and drill.sealed is not None
    return (
        [row_of(first, drill, recovery) for recovery in drill.recoveries],
        [{"recovery": one.recovery, **took} for one in drill.recoveries if drill.took_ms is not None],
        [{"first": first, "plan": drill.plan}] if passed else [],
    )


def told_verdict(drill: DrillSummary, recovery: RecoverySummary) -> str:
    """Return as what a recovery's verdict counts for its standing: with its level, below full; none, if aborted."""
    if drill.verdict in {None, "aborted"} or recovery.verdict is None:
        return ""
    return kept_verdict(recovery.verdict, drill.level)


def kept_verdict(verdict: str, level: str) -> str:
    """Return under what a verdict of a drill of that level is found: a shallower pass is never taken for a full one."""
    return verdict if level == "full" else f"{verdict} {level}"


def is_baseline(recovery: RecoverySummary) -> bool:
    """Return whether later backups may be compared with this one."""
    return recovery.verdict == "passed" and recovery.verified and recovery.restored_state is not None


def instant(moment: datetime | None) -> int:
    """Return an instant in microseconds since 1970; 0 for none."""
    return (moment - _EPOCH) // timedelta(microseconds=1) if moment is not None else 0


def totals(connection: Connection) -> str:
    """Return digests of what all rows add up to, table by table as in `ADDED_UP`."""
    return ",".join(total(connection, table) for table in ADDED_UP)


def total(connection: Connection, table: Table) -> str:
    """Return a digest of what the rows of one table add up to."""
    rows = sorted([str(value) for value in row] for row in connection.execute(_TOTALS[table.name]).all())
    return digest(canonical(rows).decode())


def _moments(column: Any) -> tuple[Any, ...]:
    """Add up instants in two parts: all of them in one would be too large a number."""
    return func.sum(column // _SECOND), func.sum(column % _SECOND)


_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), 1_000_000
_of = RECOVERIES.c
_FLAGS = (_of.listed, _of.timed, _of.passed, _of.counted)
_RECOVERIES_ADDED_UP = select(
    *(_of.recovery, _of.verdict, func.count(), func.sum(_of.first), *(func.sum(_of.first * flag) for flag in _FLAGS)),
    *(*_moments(_of.restored_state), *_moments(_of.declared_at)),
).group_by(_of.recovery, _of.verdict)
_spans = DURATIONS.c
_DURATIONS_ADDED_UP = select(
    *(_spans.recovery, _spans.level, _spans.plan, func.count(), func.sum(_spans.first), func.sum(_spans.took_ms)),
).group_by(_spans.recovery, _spans.level, _spans.plan)
_DRILLS_ADDED_UP = select(func.count(), func.sum(DRILLS.c.first), func.sum(DRILLS.c.first * DRILLS.c.settled))
_PASSED_ADDED_UP = select(PASSED.c.plan, func.count(), func.sum(PASSED.c.first)).group_by(PASSED.c.plan)
_TOTALS = {
    DRILLS.name: _DRILLS_ADDED_UP,
    RECOVERIES.name: _RECOVERIES_ADDED_UP,
    DURATIONS.name: _DURATIONS_ADDED_UP,
    PASSED.name: _PASSED_ADDED_UP,
}


def _digest(first: int, body: str) -> str:
    return digest(canonical([FORM, first, body]).decode())
