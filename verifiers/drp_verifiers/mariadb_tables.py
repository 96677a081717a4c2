"""Tables of a MariaDB or MySQL database: let the server check each, and compare what each holds.

``CHECK TABLE`` goes through our own session: ``mariadb-check`` would obey restored option files, which can make it
repair what it finds, or pass over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from drp.domain.check import CheckResult
from drp.domain.phrase import NOTHING, Phrase, fact, joined
from drp_verifiers.amounts import has_had, listed, rows_of
from drp_verifiers.amounts import tables as so_many_tables
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.mariadb_census import FIRST, REMOTE, Census, name_of, quoted
from drp_verifiers.mariadb_session import Session
from drp_verifiers.statements import NoAnswer, Trouble, failed, judged, undetermined

_NAMED = 8
_UNCHECKED = "doesn't support"
_LISTED = ", ".join(f"'{engine}'" for engine in REMOTE)
_HERE = (
    "SELECT HEX(CONVERT(table_name USING utf8mb4)), COALESCE(engine, '') FROM information_schema.tables "  # noqa: S608 - no name is put in
    "WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') "
    f"AND COALESCE(engine, '') {{}} IN ({_LISTED}) ORDER BY table_name;"
)


def check_tables(session: Session) -> CheckResult:
    """Return whether the server finds every table sound; a table that its engine cannot check is named."""
    statement = fact(
        "server-finds-every-table",
        "the server finds every table of {database} sound",
        database=session.connection.database,
    )
    try:
        names = [name_of(row[0]) for row in session.rows(_HERE.format("NOT"))]
        elsewhere = [f"{name_of(row[0])} ({row[-1]})" for row in session.rows(_HERE.format(""))]
        answers = session.each([f"CHECK TABLE {quoted(name)} EXTENDED" for name in names], first=FIRST)
    except NoAnswer as silence:
        return silence.trouble.result("tables", statement, expected=fact("ok-for-each", "OK for each"))
    bad: list[Phrase] = []
    unasked: list[Phrase] = []
    unchecked: list[str] = []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Trouble):
            (bad if answer.outcome == "failed" else unasked).append(_of(name, answer.reason))
            continue
        said = [(row[2].lower(), row[3]) for row in answer if len(row) == 4]
        if not said or len(said) != len(answer):
            unasked.append(_of(name, fact("not-four-columns", "not four columns")))
        elif any(_missing_engine(text) for _, text in said):
            unasked.append(_of(name, _complaint(said)))
        elif not _sound(said):
            bad.append(_of(name, _complaint(said)))
        elif any(_UNCHECKED in text for _, text in said):
            unchecked.append(name)
    if bad:
        return failed("tables", statement, observed=joined(bad[:_NAMED]), expected=fact("ok-for-each", "OK for each"))
    checked = len(names) - len(unchecked) - len(unasked)
    left = _left_out(unchecked, elsewhere)
    observed = joined((so_many_tables(checked), *left))
    expected = fact("ok-for-each", "OK for each")
    if unasked:
        observed = joined(
            (observed, fact("could-not-be-asked", "could not be asked: {unasked}", unasked=listed(unasked)))
        )
        return undetermined("tables", statement, observed=observed)
    if not checked and not unchecked and not elsewhere:
        return failed("tables", statement, observed=fact("no-table", "no table"), expected=expected)
    if not checked:
        return undetermined("tables", statement, observed=observed, expected=expected)
    return judged("tables", statement, holds=True, observed=observed, expected=expected)


def _of(table: str, why: object) -> Phrase:
    return fact("table-with-why", "{table}: {why}", table=table, why=why)


def _left_out(unchecked: Sequence[str], elsewhere: Sequence[str]) -> Iterator[Phrase]:
    """Yield which tables nobody looked at, and why."""
    if unchecked:
        yield fact(
            "tables-not-checkable",
            "not checked, since their engine cannot: {tables}",
            tables=listed(unchecked),
        )
    if elsewhere:
        yield fact(
            "tables-lie-elsewhere",
            "not looked at, since they lie elsewhere: {tables}",
            tables=listed(elsewhere),
        )


def _missing_engine(text: str) -> bool:
    return text.startswith("Unknown storage engine")


def _sound(said: Iterable[tuple[str, str]]) -> bool:
    """Return whether the last word about a table is good; warnings before it (not closed properly) are no damage."""
    kind, text = list(said)[-1]
    return (kind == "status" and text in {"OK", "Table is already up to date"}) or (
        kind == "note" and _UNCHECKED in text
    )


def _complaint(said: list[tuple[str, str]]) -> str:
    return next((text for kind, text in said if kind == "error"), said[-1][1])[:120]


def judge_rows(database: str, census: Census, facts: Mapping[str, object]) -> CheckResult:
    """Compare the rows of every table with ``{"tables": {table: rows}, "rule": "exact" | "at-least"}``.

    A table that cannot be read fails when its content is at fault, and is undetermined when it cannot be asked; the
    others keep their evidence. ``counts`` is what facts of an earlier drp call ``tables``.
    """
    statement = holds_rows(database)
    expected = whole_numbers(facts.get("tables", facts.get("counts")))
    counted = {table: rows for table, rows in census.tables.items() if rows is not None}
    observed, wanted = rows_of(counted), rows_of(expected)
    at_least = facts.get("rule") == "at-least"
    off, unasked = _departures(census, counted, expected, at_least=at_least)
    if not census.tables and not census.memory and not census.elsewhere and not expected and "definitions" not in facts:
        return failed(
            "counts",
            statement,
            observed=fact("there-no-table", "there is no table"),
            expected=fact("restored-tables", "restored tables"),
            basis="counted",
        )
    elsewhere = NOTHING
    if census.elsewhere:
        elsewhere = fact(
            "tables-not-counted-elsewhere",
            "not counted, since they lie elsewhere: {tables}",
            tables=listed(census.elsewhere),
        )
    if off:
        told = joined((listed(off, named=_NAMED), elsewhere))
        return failed("counts", statement, observed=told, expected=wanted, basis="counted")
    if unasked:
        told = fact("could-not-be-asked", "could not be asked: {unasked}", unasked=listed(unasked))
        told = joined((observed, told, elsewhere))
        return undetermined("counts", statement, observed=told, expected=wanted, basis="counted")
    if not expected and "definitions" not in facts:
        told = fact("no-counts-to-compare", "the manifest keeps no counts to compare with")
        return undetermined("counts", statement, observed=joined((observed, told, elsewhere)), basis="counted")
    extra = sorted(census.tables.keys() - expected.keys())
    more = fact("more-than-facts", "not in the facts: {extra}", extra=listed(extra)) if extra else NOTHING
    wanted = fact("at-least-rows", "at least {amount}", amount=wanted) if at_least else wanted
    told = joined((observed, elsewhere, more))
    return judged("counts", statement, holds=True, observed=told, expected=wanted, basis="counted")


def holds_rows(database: str) -> Phrase:
    """Return the statement about the rows of a database."""
    return fact(
        "tables-hold-their-rows", "the tables of {database} hold the rows they held at backup time", database=database
    )


def _departures(
    census: Census, counted: Mapping[str, int], expected: Mapping[str, int], *, at_least: bool
) -> tuple[list[Phrase], list[Phrase]]:
    """Return the tables that hold other rows than expected or are damaged, and those that could not be asked."""
    unread = {table: census.trouble[table] for table, rows in census.tables.items() if rows is None}
    off = [_of(table, why.reason) for table, why in sorted(unread.items()) if why.outcome == "failed"]
    unasked = [_of(table, why.reason) for table, why in sorted(unread.items()) if why.outcome != "failed"]
    lost_by_design = {*census.memory, *(one.rpartition(" (")[0] for one in census.elsewhere)}
    for table, had in sorted(expected.items()):
        if table in unread or table in lost_by_design:
            continue
        has = counted.get(table)
        if has is None:
            off.append(fact("table-missing-had", "{table} is missing, had {had}", table=table, had=had))
        elif has < had or (has != had and not at_least):
            off.append(has_had(table, has, had))
    return off, unasked
