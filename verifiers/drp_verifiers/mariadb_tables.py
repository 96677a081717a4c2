"""Tables of a MariaDB or MySQL database: let the server check each, and compare what each holds.

``CHECK TABLE`` goes through our own session: ``mariadb-check`` would obey restored option files, which can make it
repair what it finds, or pass over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drp.domain.check import CheckResult
from drp.domain.phrase import fact
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.definitions import listed
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
    bad: list[str] = []
    unasked: list[str] = []
    unchecked: list[str] = []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Trouble):
            (bad if answer.outcome == "failed" else unasked).append(f"{name}: {answer.reason}")
            continue
        said = [(row[2].lower(), row[3]) for row in answer if len(row) == 4]
        if not said or len(said) != len(answer):
            unasked.append(f"{name}: not four columns")
        elif any(_missing_engine(text) for _, text in said):
            unasked.append(f"{name}: {_complaint(said)}")
        elif not _sound(said):
            bad.append(f"{name}: {_complaint(said)}")
        elif any(_UNCHECKED in text for _, text in said):
            unchecked.append(name)
    if bad:
        return failed(
            "tables", statement, observed="; ".join(bad[:_NAMED])[:400], expected=fact("ok-for-each", "OK for each")
        )
    checked = len(names) - len(unchecked) - len(unasked)
    observed = fact("tables", "{checked} tables", checked=checked)
    observed = observed.then(
        fact(
            "not-checked-since-their",
            "; not checked, since their engine cannot: {unchecked}",
            unchecked=listed(unchecked),
        )
        if unchecked
        else ""
    )
    observed = observed.then(
        fact(
            "not-looked-since-they",
            "; not looked at, since they lie elsewhere: {elsewhere}",
            elsewhere=listed(elsewhere),
        )
        if elsewhere
        else ""
    )
    if unasked:
        return undetermined(
            "tables",
            statement,
            observed=fact(
                "could-not-asked",
                "{observed}; could not be asked: {unasked}",
                observed=observed,
                unasked=listed(unasked),
            ),
        )
    if not checked and not unchecked and not elsewhere:
        return failed(
            "tables",
            statement,
            observed=fact("no-table", "no table{observed}", observed=observed[8:]),
            expected=fact("ok-for-each", "OK for each"),
        )
    if not checked:
        return undetermined("tables", statement, observed=observed, expected=fact("ok-for-each", "OK for each"))
    return judged("tables", statement, holds=True, observed=observed, expected=fact("ok-for-each", "OK for each"))


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
    statement = fact(
        "tables-hold-rows-they", "the tables of {database} hold the rows they held at backup time", database=database
    )
    expected = whole_numbers(facts.get("tables", facts.get("counts")))
    counted = {table: rows for table, rows in census.tables.items() if rows is not None}
    unread = {table: census.trouble[table] for table, rows in census.tables.items() if rows is None}
    observed = fact("tables-rows", "{n} tables, {sum} rows", n=len(counted), sum=sum(counted.values()))
    wanted = f"{len(expected)} tables, {sum(expected.values())} rows"
    at_least = facts.get("rule") == "at-least"
    off = [f"{table}: {why.reason}" for table, why in sorted(unread.items()) if why.outcome == "failed"]
    unasked = [f"{table}: {why.reason}" for table, why in sorted(unread.items()) if why.outcome != "failed"]
    lost_by_design = {*census.memory, *(one.rpartition(" (")[0] for one in census.elsewhere)}
    for table, had in sorted(expected.items()):
        if table in unread or table in lost_by_design:
            continue
        has = counted.get(table)
        if has is None:
            off.append(f"{table} is missing, had {had}")
        elif has < had or (has != had and not at_least):
            off.append(f"{table}: {has}, had {had}")
    extra = sorted(census.tables.keys() - expected.keys())
    elsewhere = f"; not counted, since they lie elsewhere: {listed(census.elsewhere)}" if census.elsewhere else ""
    if not census.tables and not census.memory and not census.elsewhere and not expected and "definitions" not in facts:
        return failed(
            "counts",
            statement,
            observed=fact("there-no-table", "there is no table"),
            expected=fact("restored-tables", "restored tables"),
            basis="counted",
        )
    if off:
        told = "; ".join(off[:_NAMED]) + (f" and {len(off) - _NAMED} more" if len(off) > _NAMED else "")
        return failed("counts", statement, observed=told[:800] + elsewhere, expected=wanted, basis="counted")
    if unasked:
        told = fact(
            "could-not-asked", "{observed}; could not be asked: {unasked}", observed=observed, unasked=listed(unasked)
        )
        return undetermined("counts", statement, observed=told + elsewhere, expected=wanted, basis="counted")
    if not expected and "definitions" not in facts:
        told = fact(
            "manifest-keeps-no-counts", "{observed}; the manifest keeps no counts to compare with", observed=observed
        )
        return undetermined("counts", statement, observed=told + elsewhere, basis="counted")
    told = observed + elsewhere + (f"; not in the facts: {listed(extra)}" if extra else "")
    wanted = f"at least {wanted}" if at_least else wanted
    return judged("counts", statement, holds=True, observed=told, expected=wanted, basis="counted")
