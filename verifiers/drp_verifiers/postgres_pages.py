"""Reads every page of a PostgreSQL server: tables against their indexes, and every page against its checksum."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.check import CheckResult, Execution
from drp_verifiers.postgres_session import NoAnswer, Session, as_mapping
from drp_verifiers.statements import Trouble, death, failed, last_words, passed, undetermined

_NAMED = 6
_BLACKHOLE_SINCE = 150000
_FAILURES = """
SELECT pg_catalog.json_build_array(name, failures) FROM (
  SELECT coalesce(datname, 'shared relations') AS name, checksum_failures AS failures
  FROM pg_catalog.pg_stat_database WHERE checksum_failures > 0) AS counted
"""


def check_indexes(session: Session, database: str | None) -> CheckResult:
    """Return what ``pg_amcheck`` finds: heap pages, B-tree order, and whether every row is in its indexes.

    It installs its extension into the restored copy. Exit 2 is damage; 1 is that it could not look, unless the
    server broke the connection.
    """
    check = "amcheck"
    statement = "every table and B-tree index is sound, and every row is found in its indexes"
    scope = ("-d", database) if database else ("--all",)
    execution = session.run(
        "pg_amcheck",
        (*scope, "--install-missing", "--heapallindexed", "--parent-check", "--no-password", "-j", "2"),
    )
    if (trouble := death("pg_amcheck", execution)) is not None:
        return trouble.result(check, statement)
    if execution.exit_code == 0:
        return passed(check, statement, observed="pg_amcheck found nothing wrong")
    broken = b"server closed the connection" in execution.stderr + execution.stdout
    if execution.exit_code == 2 or broken:
        return failed(check, statement, observed=_findings(execution), expected="no damage")
    return undetermined(check, statement, observed=last_words(execution))


def _findings(execution: Execution) -> str:
    output = (execution.stdout + b"\n" + execution.stderr).decode("utf-8", "replace")
    lines = [" ".join(line.split()) for line in output.splitlines() if line.strip()]
    more = f" … {len(lines) - _NAMED} more lines" if len(lines) > _NAMED else ""
    return " · ".join(line[:300] for line in lines[:_NAMED]) + more


def check_checksums(session: Session, database: str, version: int, *, everything_read: bool) -> Iterator[CheckResult]:
    """Yield whether any page disagrees with its checksum. Call it last, and only where checksums are enabled.

    From version 15 the server reads every page of every relation from disk for a base backup into nothing; that
    finds damage also where pg_amcheck does not look (GIN, GiST, BRIN). Where replication is not allowed, what the
    server has counted so far is asked, which says something only after everything else was read.
    """
    check, statement = "checksums", "every page of every relation fits its checksum"
    narrower = "no page that was read departs from its checksum"
    try:
        whole = _base_backup(session) if version >= _BLACKHOLE_SINCE else "needs PostgreSQL 15"
    except NoAnswer as damage:
        yield damage.trouble.result(check, statement, expected="no failure")
        return
    try:
        counted = session.rows(database, _FAILURES)
    except NoAnswer as silence:
        yield silence.trouble.result(check, statement)
        return
    if counted:
        named = "; ".join(_named(row) for row in counted[:_NAMED])
        yield failed(check, statement, observed=named, expected="no failure")
    elif not whole:
        yield passed(check, statement, observed="every page was read from disk; no failure")
    elif everything_read:
        yield passed(check, narrower, observed=f"no failure counted; not every page was read: {whole}")
    else:
        yield undetermined(check, statement, observed=f"the pages were not read: {whole}")


def _named(row: object) -> str:
    match row:
        case [str(database), int(number)]:
            return f"{database}: {number} failures"
        case _:
            return "failures"


def _base_backup(session: Session) -> str:
    """Return an empty text when every page was read and is right, else why it was not read. NoAnswer is damage."""
    execution = session.run(
        "pg_basebackup",
        ("--target=blackhole", "-X", "none", "--checkpoint=fast", "--no-manifest", "--no-password"),
    )
    if (trouble := death("pg_basebackup", execution)) is not None:
        raise NoAnswer(trouble)
    if execution.exit_code == 0:
        return ""
    text = execution.stderr.decode("utf-8", "replace")
    if "checksum" in text or "server closed the connection" in text:
        lines = [" ".join(line.split())[:300] for line in text.splitlines() if line.strip()]
        raise NoAnswer(Trouble(outcome="failed", reason=" · ".join(lines[:_NAMED])))
    return last_words(execution)


def server_facts(session: Session, database: str) -> dict[str, object]:
    """Return version, recovery state, timeline and checksum setting of the server. Raises NoAnswer."""
    sql = """
    SELECT pg_catalog.json_build_object(
      'version', pg_catalog.current_setting('server_version_num')::int,
      'shown_version', pg_catalog.current_setting('server_version'),
      'in_recovery', pg_catalog.pg_is_in_recovery(),
      'checksums', pg_catalog.current_setting('data_checksums') = 'on',
      'timeline', CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
        ELSE pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) END)
    """
    rows = session.rows(database, sql)
    if len(rows) != 1 or not as_mapping(rows[0]):
        raise NoAnswer(Trouble(outcome="undetermined", reason="the server did not say what it is"))
    return dict(as_mapping(rows[0]))
