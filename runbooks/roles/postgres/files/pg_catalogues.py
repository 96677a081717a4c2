"""What the restored databases would do by themselves, and which of their settings would hide damage.

Nothing is held back here: no worker starts and nobody listens. It is said what was really there; and settings of roles
and databases that hide damage are taken back, since they outrank the drill's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pg_entrances
import pg_settings
from pg_common import SOCKETS, Failure, Said, answer, notice, printable, run_tool, running, said, server_folder

_MOST = 1000
_EVERYWHERE = """
SELECT json_build_array('held-back', json_build_array('subscription {name}', json_build_object('name', subname)),
  json_build_array(CASE WHEN subenabled THEN 'of database {database}, enabled in production; no worker was started'
  ELSE 'of database {database}, disabled; no worker was started' END, json_build_object('database', datname)))
FROM pg_catalog.pg_subscription JOIN pg_catalog.pg_database AS d ON d.oid = subdbid;
SELECT json_build_array('held-back', json_build_array('replication slot {name}', json_build_object('name', slot_name)),
  json_build_array('kept for {kind} replication', json_build_object('kind', slot_type)))
FROM pg_catalog.pg_replication_slots;
"""
_IN_EACH = """
SELECT json_build_array('held-back', json_build_array('foreign server {name}', json_build_object('name', srvname)),
  json_build_array('{wrapper}, {number} user mappings: it could reach out, and has no way', json_build_object('wrapper',
  fdwname, 'number', (SELECT count(*) FROM pg_catalog.pg_user_mappings AS m WHERE m.srvid = s.oid))))
FROM pg_catalog.pg_foreign_server AS s JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw;
SELECT json_build_array('held-back', json_build_array('extension {name}', json_build_object('name', extname)),
  'its functions could reach out, and have no way')
FROM pg_catalog.pg_extension
WHERE extname IN ('dblink', 'http', 'pg_net', 'pgsql_http', 'plsh', 'pg_curl', 'aws_s3', 'plproxy');
SELECT json_build_array('held-back', json_build_array('event trigger {name}', json_build_object('name', evtname)),
  json_build_array('on {event}; checks do not set it off', json_build_object('event', evtevent)))
FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D';
"""


def _named(message: str, column: str) -> str:
    return f"json_build_array('{message}', json_build_object('id', {column}))"


_JOBS = (  # table, wherever it is; columns that it has; what is told of a row
    (
        "job",
        ("jobid", "schedule", "command"),
        _named("cron job {id}", "jobid"),
        "j ->> 'jobname', schedule, j ->> 'username'",
    ),
    (
        "bgw_job",
        ("id", "application_name"),
        _named("timescaledb job {id}", "id"),
        "application_name, 'every ' || (j ->> 'schedule_interval')",
    ),
    (
        "pga_job",
        ("jobid", "jobname"),
        _named("pgagent job {id}", "jobid"),
        "jobname, CASE j ->> 'jobenabled' WHEN 'false' THEN 'disabled' END",
    ),
    ("part_config", ("parent_table",), _named("partitions of {id}", "parent_table"), "'made by pg_partman'"),
)
"""What is told of a job is its name and its time: what it does may name a patient."""


_JOB = """
SELECT format($f$SELECT json_build_array('held-back', SUBJECT, concat_ws(', ', OBSERVED))
  FROM (SELECT q.*, to_jsonb(q) AS j FROM ONLY %I.%I AS q) AS q ORDER BY FIRST LIMIT 40$f$, n.nspname, c.relname)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relname = 'TABLE' AND ARRAY[COLUMNS]::name[] <@ (SELECT array_agg(attname)
  FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid) \\gexec
"""


def _jobs() -> str:
    """Return queries for the jobs of schedulers, in whatever schema their tables are."""
    queries = []
    for table, columns, subject, observed in _JOBS:
        listed = ", ".join(f"'{column}'" for column in columns)
        query = _JOB.replace("TABLE", table).replace("COLUMNS", listed).replace("FIRST", columns[0])
        queries.append(query.replace("SUBJECT", subject).replace("OBSERVED", observed))
    return "".join(queries)


_OF_ROLES = """
SELECT json_build_array('role', coalesce(datname, ''), coalesce(rolname, ''), setting)
FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN unnest(setconfig) AS setting
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole;
"""
_TAKE_BACK = """
SELECT CASE WHEN s.setrole = 0 AND s.setdatabase <> 0 THEN format('ALTER DATABASE %I RESET %I', d.datname, name)
  ELSE concat('ALTER ROLE ', coalesce(quote_ident(r.rolname), 'ALL'), ' IN DATABASE ' || quote_ident(d.datname),
    ' RESET ', quote_ident(name)) END
FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN unnest(setconfig) AS setting
CROSS JOIN split_part(setting, '=', 1) AS name
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
WHERE name IN (NAMES) \\gexec
"""
_OF_FILES = "SELECT json_build_array('file', name, setting) FROM pg_catalog.pg_file_settings ORDER BY seqno;"
_DATABASES = (
    "SELECT json_build_array('database', datname) FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname;"
)
_AT_ONCE = 4
"""Sessions: each takes a while to be let in."""


class Server:
    """The running server, asked by the socket and unmoved by what was restored."""

    def __init__(self, programs: Path, version: int, port: int) -> None:
        options = (
            "-c search_path=pg_catalog -c row_security=off -c statement_timeout=60000 -c lock_timeout=10000 -c jit=off "
            "-c default_transaction_read_only=off -c session_preload_libraries= -c local_preload_libraries= "
            "-c session_replication_role=origin -c client_min_messages=error"
        )
        if version >= 17:
            options += " -c event_triggers=off -c transaction_timeout=0"
        self.programs = programs
        self.troubles: list[str] = []
        self.environment = {
            "PGHOST": str(SOCKETS), "PGPORT": str(port), "PGUSER": "postgres", "PGOPTIONS": options, "PGTZ": "UTC",
            "PGCLIENTENCODING": "UTF8", "PGCONNECT_TIMEOUT": "30",
        }  # fmt: skip

    def rows(self, database: str, sql: str) -> Iterator[list[Any]]:
        """Yield the rows of queries that each answer one JSON array a row. Raises OSError when they cannot be asked."""
        words = [self.programs / "psql", "-X", "-q", "-A", "-t", "--no-password", "-d", database, "-f", "-"]
        ended = run_tool(words, input=sql, environment=self.environment)
        if ended.returncode:
            raise OSError(printable(ended.stderr, 160))
        lines = ended.stdout.splitlines()
        self.troubles += [line for line in ended.stderr.splitlines() if "ERROR" in line][:3]
        self.troubles += [f"{database} has {len(lines)} things to list"] if len(lines) > _MOST else []
        for line in lines[:_MOST]:
            try:
                row = json.loads(line)
            except ValueError:
                self.troubles.append("an answer that is no JSON")
            else:
                yield row if isinstance(row, list) else [row]


def look(request: dict[str, Any]) -> dict[str, Any]:
    """Return notices of what was held back and overridden."""
    version, programs = server_folder(Path(request["data"]), request["programs"])
    server = Server(programs, int(version), request["port"])
    try:
        wide = list(server.rows("postgres", _EVERYWHERE + _DATABASES + _OF_FILES + _OF_ROLES))
        found = [*_held_back(server, wide), *_overridden(server, wide)]
    except OSError as error:
        found = [notice("held-back", "jobs and senders", said("could not be listed: {error}", error=error))]
    found += let_in(request, server)
    for one in server.troubles[:3]:
        found.append(notice("held-back", "jobs and senders", said("not all could be listed: {error}", error=one)))
    return {"notices": found}


def let_in(request: dict[str, Any], server: Server) -> list[dict[str, str]]:
    """Let applications in over TCP; returns notices of roles that enter by the socket only. Raises Failure."""
    try:
        powerful = [str(row[1]) for row in server.rows("postgres", pg_entrances.POWERFUL) if row[0] == "powerful"]
    except OSError as error:
        raise Failure(
            "the roles of the restored server cannot be read, so nobody can be let in: {error}", error=error
        ) from None
    pg_entrances.open_for(powerful, request["passwords"], running(Path(request["data"])))
    return [
        notice(
            "held-back",
            said("role {name}", name=name),
            "can act on the machine: over TCP only from loopback and with its password",
        )
        for name in powerful
        if name != "postgres"
    ]


def _held_back(server: Server, wide: list[list[Any]]) -> Iterator[dict[str, str]]:
    yield from (notice(*map(_told, row)) for row in wide if row[0] == "held-back" and len(row) == 3)
    names = [str(row[1]) for row in wide if row[0] == "database"]
    queries = _IN_EACH + _jobs()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for name, rows in pool.map(lambda name: (name, list(server.rows(name, queries))), names):
            for row in rows:
                if len(row) == 3:
                    kind, subject, observed = map(_told, row)
                    yield notice(kind, _of(name, subject), observed)


def _told(value: object) -> Any:
    """Return what a query tells: a text, or a message with the data in it."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict):
        try:
            return said(str(value[0]), **value[1])
        except (LookupError, TypeError, ValueError):  # the server answered something else than it was asked
            return str(value[0])
    return value


def _of(database: str, subject: object) -> Said:
    """Return something of one database."""
    if isinstance(subject, Said):
        return said("{database}: " + subject.told["message"], database=database, **subject.told["values"])
    return said("{database}: {subject}", database=database, subject=subject)


def _overridden(server: Server, wide: list[list[Any]]) -> Iterator[dict[str, str]]:
    """Yield what files, roles and databases set otherwise, and take back what would outrank the drill."""
    told = {one.name.lower(): one for one in pg_settings.ALWAYS if one.told}
    last: dict[str, str] = {}
    for _, name, value in (row for row in wide if row[0] == "file"):
        last[str(name).lower()] = str(value)  # a file may spell it in any way
    for name, value in last.items():
        if name in told and pg_settings.differs(told[name], value):
            ours = told[name].value or "none"
            yield notice(
                "overridden",
                name,
                said("set in the restored configuration; {ours} in the drill", ours=ours)
                if told[name].private
                else said("{theirs} in the restored configuration; {ours} in the drill", theirs=value, ours=ours),
            )
    hiding = {one.name: one for one in pg_settings.SILENCES}
    found = False
    for _, database, role, setting in (row for row in wide if row[0] == "role"):
        name, _, value = str(setting).partition("=")
        if name in hiding and pg_settings.differs(hiding[name], value):
            found = True
            yield notice("overridden", name, _taken_back(value, role, database))
    if found:
        names = ", ".join(f"'{name}'" for name in hiding)
        list(server.rows("postgres", _TAKE_BACK.replace("NAMES", names)))


def _taken_back(value: str, role: object, database: object) -> Said:
    if role and database:
        return said(
            "{value} for role {role} in database {database}; taken back in the restored copy",
            value=value,
            role=role,
            database=database,
        )
    if role:
        return said("{value} for role {role}; taken back in the restored copy", value=value, role=role)
    if database:
        return said("{value} for database {database}; taken back in the restored copy", value=value, database=database)
    return said("{value} for all roles; taken back in the restored copy", value=value)


def main(request: dict[str, Any]) -> None:
    """Do what the request says."""
    answer(look, request)
