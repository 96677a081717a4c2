"""Compares how many rows tables hold with how many they held at backup time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drp.domain.check import CheckResult
from drp.domain.phrase import fact
from drp_verifiers.statements import failed, passed

_NAMED = 12
"""How many tables a result names before it only counts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCounts:
    """The tables of one database as they are now; a count of None: the table could not be read to its end."""

    tables: Mapping[str, int | None]
    errors: tuple[str, ...] = ()


def expected_counts(facts: object) -> dict[str, int] | None:
    """Return the counts that ``{"tables": {"schema.table": rows}}`` holds, or None when it holds none."""
    tables = facts.get("tables") if isinstance(facts, Mapping) else None
    if not isinstance(tables, Mapping):
        return None
    counts: dict[str, int] = {}
    for table, rows in tables.items():
        if not isinstance(table, str) or not isinstance(rows, int) or isinstance(rows, bool):
            return None
        counts[table] = rows
    return counts


def compare(
    database: str, found: TableCounts, expected: Mapping[str, int], *, tolerance: float = 0.0
) -> Iterator[CheckResult]:
    """Yield one result for a database: every table that is missing, extra, unreadable, or has other rows is named.

    ``tolerance`` is the share of the expected rows by which a table may differ, for backups taken under traffic; a
    table that had rows and has none never passes.
    """
    check = f"row-counts {database}"
    statement = fact(
        "every-table-holds-rows", "every table of {database} holds the rows it held at backup time", database=database
    )
    deviations = list(_deviations(found, expected, tolerance))
    if deviations:
        named = "; ".join(deviations[:_NAMED])
        more = fact("counts-more", "; and {n} more", n=len(deviations) - _NAMED) if len(deviations) > _NAMED else ""
        yield failed(check, statement, observed=named + more, expected=_summary(expected), basis="counted")
    else:
        counted = {table: rows for table, rows in found.tables.items() if rows is not None}
        yield passed(check, statement, observed=_summary(counted), expected=_summary(expected), basis="counted")


def _deviations(found: TableCounts, expected: Mapping[str, int], tolerance: float) -> Iterator[str]:
    for table in sorted(expected.keys() - found.tables.keys()):
        yield fact("counts-missing", "{table} is missing", table=table)
    for table in sorted(found.tables.keys() - expected.keys()):
        yield fact("not-there-backup-time", "{table} was not there at backup time", table=table)
    for table in sorted(found.tables.keys() & expected.keys()):
        rows, wanted = found.tables[table], expected[table]
        if rows is None:
            yield fact("counts-cannot-read", "{table} cannot be read", table=table)
        elif abs(rows - wanted) > wanted * tolerance or (wanted and not rows):
            yield fact(
                "has-rows-had",
                "{table} has {rows} rows, had {wanted} ({rows2})",
                table=table,
                rows=rows,
                wanted=wanted,
                rows2=f"{rows - wanted:+d}",
            )
    yield from (f"error: {error}" for error in found.errors)


def _summary(counts: Mapping[str, int]) -> str:
    return fact("tables-rows", "{n} tables, {sum} rows", n=len(counts), sum=sum(counts.values()))
