"""Counts the rows of every permanent table of a PostgreSQL server: facts at backup time, a check after a restore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.counts import TableCounts, compare, expected_counts
from drp_verifiers.postgres_server import hiding, server_facts
from drp_verifiers.postgres_session import Session, errors_in, json_lines, trouble_of
from drp_verifiers.statements import NoAnswer, Trouble, failed, passed, undetermined

_DATABASES = "SELECT pg_catalog.to_json(datname) FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate"
_TABLES = """
FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS schema ON schema.oid = class.relnamespace
WHERE class.relkind = 'r' AND class.relpersistence = 'p'
  AND schema.nspname NOT IN ('pg_catalog', 'information_schema') AND schema.nspname !~ '^pg_(toast|temp)'
"""
"""Unlogged tables are left out: PostgreSQL empties them after every crash and in every base backup."""
_SCRIPT = f"""
SELECT pg_catalog.json_build_array(schema.nspname || '.' || class.relname) {_TABLES};
SELECT pg_catalog.format('SELECT pg_catalog.json_build_array(%L, pg_catalog.count(*)) FROM ONLY %I.%I',
  schema.nspname || '.' || class.relname, schema.nspname, class.relname) {_TABLES} ORDER BY 1 \\gexec
"""  # noqa: S608 - constants only

_FROM_THE_TABLE = "SET enable_indexscan = off; SET enable_bitmapscan = off;\n"
"""Rows are counted where they are: an index that lost some would count less, or more."""


def databases(session: Session, maintenance: str) -> tuple[str, ...]:
    """Return the databases that take connections, templates left out. Raises NoAnswer."""
    return tuple(sorted(name for name in session.rows(maintenance, _DATABASES) if isinstance(name, str)))


def count(session: Session, database: str, *, snapshot: str = "") -> TableCounts:
    """Return the row counts of one database. Raises NoAnswer when it cannot be asked at all.

    A table that breaks off is counted as None and its error kept: one damaged table does not hide the others.
    ``snapshot`` is an exported snapshot (``pg_export_snapshot()``) to count in, for facts that fit a dump exactly.
    """
    script = f"{_FROM_THE_TABLE}{_SCRIPT}"
    if snapshot:
        escaped = snapshot.replace("'", "''")
        script = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSET TRANSACTION SNAPSHOT '{escaped}';\n{script}"
    execution = session.psql(database, ("-f", "-"), stdin=script.encode())
    errors = errors_in(execution)
    rows = [] if execution.exit_code else json_lines(execution.stdout)
    if execution.exit_code or (errors and not rows):
        raise NoAnswer(trouble_of(execution))
    tables: dict[str, int | None] = {}
    for row in rows:
        match row:
            case [str(table)]:
                tables.setdefault(table, None)
            case [str(table), int(number)]:
                tables[table] = number
            case _:
                raise NoAnswer(Trouble(outcome="undetermined", reason="the server answered something else than counts"))
    return TableCounts(tables=tables, errors=tuple(f"{state}: {message}" for state, message in errors))


def facts(session: Session, names: tuple[str, ...], *, snapshot: str = "") -> dict[str, object]:
    """Return what the backup job keeps in the manifest: the rows of every table of the databases.

    Raises NoAnswer also when a single table cannot be read: facts with holes would let holes pass later. Settings that
    hide damage from other sessions are off in these, and told: what others read may be in the buffers unseen.
    """
    found: dict[str, object] = {}
    server_facts(session, names[0] if names else session.connection.database)
    for name in names:
        counted = count(session, name, snapshot=snapshot)
        if counted.errors or None in counted.tables.values():
            reason = f"database {name}: {'; '.join(counted.errors) or 'a table cannot be read'}"
            raise NoAnswer(Trouble(outcome="failed", reason=reason))
        found[name] = {"tables": dict(counted.tables)}
    hidden = hiding(session, session.connection.database)
    return {"postgres": {"databases": found, **({"hidden_from_others": list(hidden)} if hidden else {})}}


def check_tables(
    session: Session, names: tuple[str, ...], expectation: Expectation, *, all_databases: bool, tolerance: float
) -> Iterator[CheckResult]:
    """Yield whether the server holds rows at all, and how they compare with the facts of the backup."""
    counted: dict[str, TableCounts] = {}
    for name in names:
        try:
            counted[name] = count(session, name)
        except NoAnswer as silence:
            statement = f"the tables of {name} can be counted"
            yield silence.trouble.result(f"row-counts {name}", statement)
    yield _not_empty(counted)
    expected = _expected_databases(expectation.facts)
    if expected is None:
        yield undetermined(
            "row-counts",
            "every table holds the rows it held at backup time",
            observed="the manifest keeps no facts: see `drp verifier facts` and `drp manifest create --facts -`",
        )
        return
    for name, facts_of_database in sorted(expected.items()):
        if name not in names and not all_databases:
            continue
        yield from _against_facts(name, names, counted, facts_of_database, tolerance)
    for name in sorted(set(names) - expected.keys()):
        statement = f"database {name} was there at backup time"
        yield failed(f"row-counts {name}", statement, observed=f"{name} is not in the facts of the backup")


def _against_facts(
    name: str, names: tuple[str, ...], counted: Mapping[str, TableCounts], facts_of_database: object, tolerance: float
) -> Iterator[CheckResult]:
    check, statement = f"row-counts {name}", f"every table of {name} holds the rows it held at backup time"
    rows = expected_counts(facts_of_database)
    if name not in names:
        yield failed(check, statement, observed=f"database {name} is missing", expected=f"database {name}")
    elif rows is None:
        yield undetermined(check, statement, observed="the facts in the manifest are not understood")
    elif name in counted:
        yield from compare(name, counted[name], rows, tolerance=tolerance)


def _expected_databases(facts_of_manifest: Mapping[str, object]) -> Mapping[str, object] | None:
    postgres = facts_of_manifest.get("postgres")
    found = postgres.get("databases") if isinstance(postgres, Mapping) else None
    return found if isinstance(found, Mapping) and found else None


def _not_empty(counted: Mapping[str, TableCounts]) -> CheckResult:
    tables = sum(len(found.tables) for found in counted.values())
    rows = sum(number or 0 for found in counted.values() for number in found.tables.values())
    observed = f"{len(counted)} databases, {tables} tables, {rows} rows"
    statement = "the server holds data, not only a schema"
    return (passed if rows else failed)("not-empty", statement, observed=observed, expected="at least one row")
