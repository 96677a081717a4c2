"""Asks a PostgreSQL server inside the sandbox through its own ``psql``; every row comes back as one line of JSON.

JSON, made by the server, is the one output format of psql in which no restored name or value can imitate the border
of a column or a row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from drp.domain.check import CheckOutcome, Execution, Target
from drp.domain.phrase import fact, quoted
from drp.domain.strict_json import Malformed, parse
from drp_verifiers.inside import ANSWER
from drp_verifiers.postgres_settings import HIDING, SETTINGS, options
from drp_verifiers.statements import NoAnswer, Trouble, death, why_it_ended

_FIND_BINARIES = "ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/postgresql*/bin 2>/dev/null; true"
_SQLSTATE = re.compile(r":  ([0-9A-Z]{5}): +(.*)")
"""After a severity in any language; the two blanks tell it from the severity itself (``…:11: ERROR:  42P01: …``)."""
_NOT_ABOUT_THE_DATA = re.compile(r"28...|42601|42501|57014|57P05|25006|25P0[34]|53300|55P03")
"""SQLSTATEs that tell of the query, the user or the clock: authorisation, syntax, privilege, cancelled, time-outs,
read-only, too many connections, a lock that is not to be had. All others tell of the data."""
_NOT_LET_IN = re.compile(r"pg_hba\.conf|authenti|password|role \".*\" does not exist|permission denied", re.IGNORECASE)
_VERSION_NAMED = re.compile(r"p(?:ost)?g(?:re)?sql[/-](\d+)/")
_ENDED_EARLY = re.compile(rb"57P05|25P0[34]")
"""A session that a time-out of newer versions ended."""
_NOT_SETTABLE = re.compile(rb"unrecognized configuration parameter|permission denied to set parameter")
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the server listens inside the sandbox. The restored copy must let this user in without a password."""

    host: str
    """Address, or the directory of its socket."""
    port: int
    user: str
    database: str = "postgres"
    """Where to ask what the server is, before it is asked anything else."""


@dataclass(frozen=True, slots=True)
class Session:
    """Runs the PostgreSQL client programs inside the sandbox."""

    target: Target
    connection: Connection
    binaries: str
    """Directory of psql and its companions inside the sandbox; empty: looked up on the path."""
    timeout_seconds: float
    _opening: list[tuple[int, bool]] = field(default_factory=list)
    """Version of the server, and whether the user may set what only a superuser may; once it was asked."""

    def tool(self, name: str) -> str:
        """Return how a client program is called inside."""
        return f"{self.binaries}/{name}" if self.binaries else name

    def run(self, name: str, arguments: Sequence[str], *, stdin: bytes = b"", settings: str = "") -> Execution:
        """Run a client program with the connection in its environment; ``settings`` are server settings."""
        return self.target.run(
            (self.tool(name), *arguments),
            stdin=stdin,
            timeout_seconds=self.timeout_seconds,
            environment=self.environment(settings),
        )

    def environment(self, settings: str) -> dict[str, str]:
        """Return the connection as client programs of PostgreSQL take it."""
        return {
            "PGHOST": self.connection.host,
            "PGPORT": str(self.connection.port),
            "PGUSER": self.connection.user,
            "PGTZ": "UTC",
            "PGDATESTYLE": "ISO, MDY",
            "PGCLIENTENCODING": "UTF8",
            "PGCONNECT_TIMEOUT": "10",
            "PGOPTIONS": settings,
        }

    def rows(self, database: str, sql: str, *, restored_path: bool = False) -> list[object]:
        """Return the rows of a query whose single column is JSON, read-only. Raises NoAnswer."""
        execution = self.psql(database, ("-c", sql), restored_path=restored_path)
        if execution.exit_code != 0:
            raise NoAnswer(trouble_of(execution))
        return json_lines(execution.stdout)

    def psql(
        self,
        database: str,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        read_only: bool = True,
        restored_path: bool = False,
    ) -> Execution:
        """Run psql unfiltered by row security. Raises NoAnswer when it does not end by itself.

        Only declared queries see the ``search_path`` of the restored database: in ours, a restored function or
        operator must not stand in for the server's own.
        """
        settings = self.settings(read_only=read_only) + ("" if restored_path else " -c search_path=pg_catalog")
        options = ("-X", "-q", "-A", "-t", "--no-password", "-v", "VERBOSITY=verbose", "-d", database)
        execution = self.run("psql", (*options, *arguments), stdin=stdin, settings=settings)
        if (trouble := death("psql", execution)) is not None:
            raise NoAnswer(trouble)
        return execution

    def settings(self, *, read_only: bool = True, hiding: bool = False) -> str:
        """Return the server settings of every session. Raises NoAnswer when the server does not say its version.

        ``hiding`` leaves those that hide damage as the server has them.
        """
        version, superuser = self.opening()
        given = tuple(one for one in SETTINGS if not (hiding and one in HIDING))
        return f"{self._always(read_only=read_only)} {options(given, version, superuser=superuser)}"

    def _always(self, *, read_only: bool) -> str:
        milliseconds = max(1000, int(self.timeout_seconds * 1000))
        return f"-c default_transaction_read_only={'on' if read_only else 'off'} -c statement_timeout={milliseconds}"

    def opening(self) -> tuple[int, bool]:
        """Return the server's version, and whether the user is one who may set everything. Raises NoAnswer.

        The version decides which settings there are, and a role may have set some that would end a session before it
        can be asked: so all are tried, then those that every version knows, then those that any user may set. Beside
        older programs the server is probably older too.
        """
        if not self._opening:
            named = _VERSION_NAMED.search(self.binaries)
            versions = (12, 17) if named is not None and int(named[1]) < 17 else (17, 12)
            for superuser, version in product((True, False), versions):
                settings = f"{self._always(read_only=True)} {options(SETTINGS, version, superuser=superuser)}"
                words = ("-X", "-q", "-A", "-t", "--no-password", "-v", "VERBOSITY=verbose")
                number = "SELECT pg_catalog.current_setting('server_version_num')"
                ended = self.run("psql", (*words, "-d", self.connection.database, "-c", number), settings=settings)
                if (trouble := death("psql", ended)) is not None:
                    raise NoAnswer(trouble)
                if ended.exit_code == 0 and ended.stdout.strip().isdigit():
                    self._opening.append((int(ended.stdout) // 10000, superuser))
                    break
                if not (_NOT_SETTABLE.search(ended.stderr) or (version == 12 and _ENDED_EARLY.search(ended.stderr))):
                    raise NoAnswer(trouble_of(ended))
            else:
                reason = fact("server-takes-none-settings", "the server takes none of the settings that a check needs")
                raise NoAnswer(Trouble(outcome="undetermined", reason=reason))
        return self._opening[0]

    def query(self, database: str, sql: str) -> list[object]:
        """Return at most two rows of a declared query, as mappings of its columns. Raises NoAnswer.

        The query is wrapped, so it must be one SELECT (or VALUES, or WITH … SELECT).
        """
        inner = sql.strip().rstrip(";")
        wrapped = f"SELECT pg_catalog.row_to_json(q) FROM (SELECT * FROM (\n{inner}\n) AS declared LIMIT 2) AS q"  # noqa: S608 - the plan's own query
        return self.rows(database, wrapped, restored_path=True)


def find_binaries(target: Target) -> str:
    """Return the directory of the newest PostgreSQL client programs inside, or empty: trust the path."""
    execution = target.run(("/bin/sh", "-c", _FIND_BINARIES), timeout_seconds=20)
    folders = execution.stdout.decode("utf-8", "replace").split()
    return max(folders, key=_version_in, default="")


def _version_in(folder: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d{1,4}", folder))


def json_lines(output: bytes) -> list[object]:
    """Return the JSON values of an output, one a line. Raises NoAnswer when a line is none."""
    try:
        return [parse(line, ANSWER) for line in output.decode("utf-8", "replace").split("\n") if line.strip()]
    except Malformed as error:
        raise NoAnswer(
            Trouble(
                outcome="undetermined",
                reason=fact("psql-printed-no-json", "psql printed no JSON: {error}", error=error),
            )
        ) from error


def errors_in(execution: Execution) -> tuple[tuple[str, str], ...]:
    """Return the server's errors that psql showed: SQLSTATE and message."""
    text = execution.stderr.decode("utf-8", "replace")
    return tuple((match[1], match[2][:_LONGEST]) for line in text.splitlines() if (match := _SQLSTATE.search(line)))


def trouble_of(execution: Execution) -> Trouble:
    """Return what the bad end of psql makes of the statement it was run for.

    Errors about the data (missing table, invalid page, lost connection) fail it; errors about the query, the user
    or the client leave it undetermined. psql ends with 2 when it could not connect.
    """
    errors = errors_in(execution)
    if errors:
        state, message = errors[0]
        outcome: CheckOutcome = "undetermined" if _NOT_ABOUT_THE_DATA.fullmatch(state) else "failed"
        return Trouble(outcome=outcome, reason=quoted(f"{state}: {message}"))
    ended = fact("psql-ended-with", "psql ended with {exit_code}", exit_code=str(execution.exit_code))
    reason = quoted(why_it_ended(execution)) or ended
    if execution.exit_code == 2 and not _NOT_LET_IN.search(execution.stderr.decode("utf-8", "replace")):
        return Trouble(outcome="failed", reason=reason)
    if b"server closed the connection" in execution.stderr:
        return Trouble(outcome="failed", reason=reason)
    return Trouble(outcome="undetermined", reason=reason)
