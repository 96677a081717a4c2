"""Reads every page of a PostgreSQL server: tables against their indexes, and every page against its checksum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drp.domain.check import CheckResult, Execution
from drp.domain.phrase import Phrase, counted, fact, joined, quoted, several
from drp_verifiers.amounts import listed
from drp_verifiers.postgres_server import hiding
from drp_verifiers.postgres_session import Session, errors_in, json_lines, trouble_of
from drp_verifiers.statements import NoAnswer, Trouble, death, failed, passed, undetermined, why_it_ended

_NAMED = 6
_LONGEST = 200
_FAILURES = """
SELECT pg_catalog.json_build_array(datname, checksum_failures)
FROM pg_catalog.pg_stat_database WHERE checksum_failures > 0
"""
_READ_EVERYTHING = """
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_prewarm SCHEMA pg_catalog;
SELECT pg_catalog.format('SELECT pg_catalog.to_json(%I.pg_prewarm(%s::pg_catalog.regclass, %L, %L))',
  (SELECT schema.nspname FROM pg_catalog.pg_extension AS extension
   JOIN pg_catalog.pg_namespace AS schema ON schema.oid = extension.extnamespace WHERE extname = 'pg_prewarm'),
  class.oid, 'buffer', fork.name)
FROM pg_catalog.pg_class AS class CROSS JOIN (VALUES ('main'), ('fsm'), ('vm'), ('init')) AS fork (name)
WHERE class.relkind IN ('r', 'i', 't', 'm', 'S') AND class.relpersistence <> 't'
  AND pg_catalog.pg_relation_size(class.oid, fork.name) > 0
ORDER BY class.oid \\gexec
"""


def check_indexes(session: Session, database: str | None, *, prepared: Sequence[str] = ()) -> CheckResult:
    """Return what ``pg_amcheck`` finds: heap pages, B-tree order, and whether every row is in its indexes.

    It installs its extension into the restored copy. Exit 2 is damage; 1 is that it could not look, unless the
    server broke the connection. Prepared transactions hold locks for which the comparison of parents would wait for
    ever: it is left out then, and said.
    """
    check = "amcheck"
    statement = fact(
        "every-table-b-tree", "every table and B-tree index is sound, and every row is found in its indexes"
    )
    scope = ("-d", database) if database else ("--all",)
    depth = () if prepared else ("--parent-check",)
    words = (*scope, "--install-missing", "--heapallindexed", *depth, "--no-password", "-j", "2")
    try:
        settings = f"{session.settings(read_only=False)} -c search_path=pg_catalog"
    except NoAnswer as silence:
        return silence.trouble.result(check, statement)
    execution = session.run("pg_amcheck", words, settings=settings)
    if (trouble := death("pg_amcheck", execution)) is not None:
        return trouble.result(check, statement)
    if execution.exit_code == 0:
        observed = fact("pg-amcheck-found-nothing", "pg_amcheck found nothing wrong")
        if prepared:
            left = fact(
                "parents-not-compared", "parents were not compared, {prepared} holds locks", prepared=several(prepared)
            )
            observed = joined((observed, left))
        return passed(check, statement, observed=observed)
    broken = b"server closed the connection" in execution.stderr + execution.stdout
    if execution.exit_code == 2 or broken:
        return failed(check, statement, observed=_findings(execution), expected=fact("no-damage", "no damage"))
    return undetermined(check, statement, observed=quoted(why_it_ended(execution)))


def _findings(execution: Execution) -> Phrase:
    output = (execution.stdout + b"\n" + execution.stderr).decode("utf-8", "replace")
    lines = [" ".join(line.split()) for line in output.splitlines() if line.strip()]
    first = quoted(" · ".join(line[:300] for line in lines[:_NAMED]))
    if len(lines) <= _NAMED:
        return first
    return counted(
        "lines-and-more", "{lines} … {n} more line", "{lines} … {n} more lines", len(lines) - _NAMED, lines=first
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesRead:
    """What reading every page came to."""

    pages: int
    damaged: tuple[Phrase, ...]
    unread: tuple[Phrase, ...]
    """Databases whose pages could not be read, with the reason."""


def read_pages(session: Session, names: tuple[str, ...]) -> PagesRead:
    """Read every fork of every relation through the server's buffers (extension ``pg_prewarm``).

    That finds damage also where pg_amcheck does not look: GIN, GiST and BRIN indexes, sequences, free space maps. A
    base backup would not do: it passes over pages whose damaged header claims to be new.
    """
    unread: list[Phrase] = []
    damaged: list[Phrase] = []
    pages = 0
    for name in names:
        try:
            found, errors = _read_everything(session, name)
        except NoAnswer as silence:
            if silence.trouble.outcome == "failed":
                damaged.append(_of(name, silence.trouble.reason))
            unread.append(_of(name, silence.trouble.reason))
        else:
            pages += found
            damaged += [_of(name, error) for error in errors]
    return PagesRead(pages=pages, damaged=tuple(damaged), unread=tuple(unread))


def _of(database: str, told: object) -> Phrase:
    return fact("pages-of-database", "{database}: {told}", database=database, told=told)


def check_checksums(session: Session, maintenance: str, read: PagesRead, *, everything_read: bool) -> CheckResult:
    """Return whether any page disagrees with its checksum; only where checksums are enabled.

    Where pages could not be read, the failures that the server has counted are asked, which says something only after
    everything else was read (``everything_read``).
    """
    check = "checksums"
    statement = fact("every-page-fits-checksum", "every page of every relation fits its checksum")
    try:
        others = hiding(session, maintenance)
    except NoAnswer as silence:
        return silence.trouble.result(check, statement)
    if read.damaged:
        return failed(
            check,
            statement,
            observed=listed(read.damaged, named=_NAMED),
            expected=fact("no-failure", "no failure"),
        )
    if others:  # a page that such a session read is in the buffers, whatever it was like
        observed = fact(
            "others-read-pages-without",
            "others read pages without being told of damage: {others}",
            others=joined(others),
        )
        return undetermined(check, statement, observed=observed)
    if not read.unread:
        return passed(
            check,
            statement,
            observed=counted(
                "all-pages-read",
                "the {n} page was read; no failure",
                "all {n} pages were read; no failure",
                read.pages,
            ),
        )
    return _counted_failures(session, maintenance, joined(read.unread[:_NAMED]), everything_read=everything_read)


def _read_everything(session: Session, database: str) -> tuple[int, list[str]]:
    """Return how many pages were read and the errors of those that could not be. Raises NoAnswer."""
    execution = session.psql(database, ("-f", "-"), stdin=_READ_EVERYTHING.encode(), read_only=False)
    if execution.exit_code:
        raise NoAnswer(trouble_of(execution))
    pages = [row for row in json_lines(execution.stdout) if isinstance(row, int)]
    errors = errors_in(execution)
    foreign = [error for error in errors if not error[0].startswith("XX")]
    if foreign or not pages:
        reason = quoted(": ".join(foreign[0])) if foreign else fact("no-page-read", "no page was read")
        raise NoAnswer(Trouble(outcome="undetermined", reason=reason))
    return sum(pages), [f"{state}: {message}" for state, message in errors]


def _failures(found: Sequence[object]) -> Iterator[Phrase]:
    """Yield how many failures the server counted, by database."""
    for row in found[:_NAMED]:
        match row:
            case [name, int(number)]:
                of = quoted(name) if isinstance(name, str) else fact("shared-relations", "shared relations")
                yield counted("checksum-failures", "{of}: {n} failure", "{of}: {n} failures", number, of=of)
            case _:
                yield quoted(str(row)[:_LONGEST])


def _counted_failures(session: Session, maintenance: str, unread: Phrase, *, everything_read: bool) -> CheckResult:
    check = "checksums"
    statement = fact("no-read-page-departs", "no page that was read departs from its checksum")
    try:
        failures = session.rows(maintenance, _FAILURES)
    except NoAnswer as silence:
        return silence.trouble.result(check, statement)
    if failures:
        observed = fact(
            "not-every-page-read",
            "{failures}; not every page was read: {unread}",
            failures=joined(_failures(failures)),
            unread=unread,
        )
        return failed(check, statement, observed=observed, expected=fact("no-failure", "no failure"))
    if everything_read:
        return passed(
            check,
            statement,
            observed=fact(
                "no-failure-counted-not", "no failure counted; not every page was read: {unread}", unread=unread
            ),
        )
    return undetermined(
        check, statement, observed=fact("pages-not-read", "the pages were not read: {unread}", unread=unread)
    )
