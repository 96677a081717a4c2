"""Compares how many rows tables hold with how many they held at backup time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drp.domain.check import CheckResult
from drp.domain.phrase import Phrase, fact
from drp_verifiers.amounts import listed, rows_of
from drp_verifiers.amounts import rows as so_many_rows
from drp_verifiers.statements import failed, passed


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


def holds_its_rows(database: str) -> Phrase:
    """Return the statement about the tables of a database."""
    return fact(
        "every-table-holds-rows", "every table of {database} holds the rows it held at backup time", database=database
    )


def compare(
    database: str, found: TableCounts, expected: Mapping[str, int], *, tolerance: float = 0.0
) -> Iterator[CheckResult]:
    """Yield one result for a database: every table that is missing, extra, unreadable, or has other rows is named.

    ``tolerance`` is the share of the expected rows by which a table may differ, for backups taken under traffic; a
    table that had rows and has none never passes.
    """
    check = f"row-counts {database}"
    statement = holds_its_rows(database)
    deviations = list(_deviations(found, expected, tolerance))
    if deviations:
        yield failed(check, statement, observed=listed(deviations), expected=rows_of(expected), basis="counted")
    else:
        counted = {table: rows for table, rows in found.tables.items() if rows is not None}
        yield passed(check, statement, observed=rows_of(counted), expected=rows_of(expected), basis="counted")


def _deviations(found: TableCounts, expected: Mapping[str, int], tolerance: float) -> Iterator[Phrase]:
    for table in sorted(expected.keys() - found.tables.keys()):
        yield fact("table-missing", "{table} is missing", table=table)
    for table in sorted(found.tables.keys() - expected.keys()):
        yield fact("table-not-there-before", "{table} was not there at backup time", table=table)
    for table in sorted(found.tables.keys() & expected.keys()):
        rows, wanted = found.tables[table], expected[table]
        if rows is None:
            yield fact("table-cannot-be-read", "{table} cannot be read", table=table)
        elif abs(rows - wanted) > wanted * tolerance or (wanted and not rows):
            yield fact(
                "has-rows-had",
                "{table} has {rows}, had {wanted} ({difference})",
                table=table,
                rows=so_many_rows(rows),
                wanted=wanted,
                difference=f"{rows - wanted:+d}",
            )
    yield from (fact("counting-error", "error: {error}", error=error) for error in found.errors)
