"""Compares what a restored PostgreSQL server holds with the facts of its backup, database by database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult, Expectation
from drp.domain.judged import NotJudged
from drp.domain.phrase import count, fact, say
from drp_verifiers.amounts import rows as so_many_rows
from drp_verifiers.amounts import tables as so_many_tables
from drp_verifiers.counts import TableCounts, compare, expected_counts, holds_its_rows
from drp_verifiers.definitions import as_mapping
from drp_verifiers.postgres_census import Census, take
from drp_verifiers.postgres_defined import objects
from drp_verifiers.postgres_session import Session
from drp_verifiers.postgres_use import judge, look, views_open
from drp_verifiers.postgres_whole import Allowed, sequences
from drp_verifiers.postgres_whole import compare as compare_all
from drp_verifiers.statements import NoAnswer, failed, passed, undetermined

_DATABASES = "SELECT pg_catalog.to_json(datname) FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate"


def databases(session: Session, maintenance: str) -> tuple[str, ...]:
    """Return the databases that take connections, templates left out. Raises NoAnswer."""
    return tuple(sorted(name for name in session.rows(maintenance, _DATABASES) if isinstance(name, str)))


def check_tables(
    session: Session,
    names: tuple[str, ...],
    expectation: Expectation,
    *,
    all_databases: bool,
    tolerance: float,
    allowed: Allowed,
    version: int,
    application_role: str,
) -> Iterator[CheckResult | NotJudged]:
    """Yield whether the server holds rows at all, and how all that it holds compares with the facts of the backup."""
    postgres = as_mapping(expectation.facts.get("postgres"))
    expected = _expected_databases(expectation.facts)
    counted: dict[str, Census] = {}
    for name in names:
        digest = "digests" in as_mapping((expected or {}).get(name))
        try:
            counted[name] = take(session, name, digest=digest, shared=True)
        except NoAnswer as silence:
            statement = fact("tables-can-counted", "the tables of {name} can be counted", name=name)
            yield silence.trouble.result(f"row-counts {name}", statement)
    yield _not_empty(counted)
    if expected is None:
        yield undetermined(
            "row-counts",
            fact("every-table-holds-rows-held", "every table holds the rows it held at backup time"),
            observed=fact(
                "manifest-keeps-no-facts",
                "the manifest keeps no facts: see `drp verifier facts` and `drp manifest create --facts -`",
            ),
        )
        for name, census in counted.items():
            yield from sequences(name, census, {}, allowed)
        return
    same = _major(postgres.get("version")) == _major(version)
    for name, facts_of_database in sorted(expected.items()):
        if name not in names and not all_databases:
            continue
        yield from _against_facts(name, names, counted, facts_of_database, tolerance)
        if name in counted:
            yield from compare_all(name, counted[name], as_mapping(facts_of_database), allowed, same_version=same)
            yield from _use(session, name, as_mapping(facts_of_database), application_role)
    for name in sorted(set(names) - expected.keys()):
        statement = fact("database-there-backup-time", "database {name} was there at backup time", name=name)
        yield failed(
            f"row-counts {name}",
            statement,
            observed=fact("not-facts-backup", "{name} is not in the facts of the backup", name=name),
        )
    if all_databases:
        yield from _server(counted, postgres, same_version=same)


def _use(
    session: Session, name: str, facts: Mapping[str, object], application_role: str
) -> Iterator[CheckResult | NotJudged]:
    try:
        use = look(session, name)
    except NoAnswer as silence:
        yield silence.trouble.result(f"views {name}", views_open(name))
    else:
        yield from judge(name, use, facts, application_role=application_role)


def _major(version: object) -> object:
    return version // 10000 if isinstance(version, int) else None


def _server(
    counted: Mapping[str, Census], postgres: Mapping[str, object], *, same_version: bool
) -> Iterator[CheckResult | NotJudged]:
    """Yield what became of what databases share: roles and their settings."""
    if not isinstance(postgres.get("cluster"), Mapping):
        why = fact(
            "facts-single-databases-hold",
            "the facts are of single databases, and hold nothing of the server around them",
        )
        yield NotJudged(part=say("roles, memberships, settings of roles, tablespaces"), why=why)
    elif counted:
        census, cluster = next(iter(counted.values())), as_mapping(postgres["cluster"])
        yield from objects(
            "objects of the server", say("the server"), census, cluster, same_version=same_version, shared=True
        )


def _against_facts(
    name: str, names: tuple[str, ...], counted: Mapping[str, Census], facts_of_database: object, tolerance: float
) -> Iterator[CheckResult]:
    check, statement = f"row-counts {name}", holds_its_rows(name)
    rows = expected_counts(facts_of_database)
    if name not in names:
        yield failed(
            check,
            statement,
            observed=fact("database-missing", "database {name} is missing", name=name),
            expected=fact("database", "database {name}", name=name),
        )
    elif rows is None:
        yield undetermined(
            check,
            statement,
            observed=fact("facts-manifest-not-understood", "the facts in the manifest are not understood"),
        )
    elif name in counted:
        found = TableCounts(tables=counted[name].tables, errors=counted[name].errors)
        yield from compare(name, found, rows, tolerance=tolerance)


def _expected_databases(facts_of_manifest: Mapping[str, object]) -> Mapping[str, object] | None:
    postgres = facts_of_manifest.get("postgres")
    found = postgres.get("databases") if isinstance(postgres, Mapping) else None
    return found if isinstance(found, Mapping) and found else None


def _not_empty(counted: Mapping[str, Census]) -> CheckResult:
    tables = sum(len(found.tables) for found in counted.values())
    rows = sum(number or 0 for found in counted.values() for number in found.tables.values())
    observed = fact(
        "databases-tables-rows",
        "{databases}, {tables}, {rows}",
        databases=count("{n} database", "{n} databases", len(counted)),
        tables=so_many_tables(tables),
        rows=so_many_rows(rows),
    )
    statement = fact("server-holds-data-not", "the server holds data, not only a schema")
    return (passed if rows else failed)(
        "not-empty", statement, observed=observed, expected=fact("least-one-row", "at least one row")
    )
