"""Asks restored databases for the identifiers of writes that are there, kind by kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from drp.domain.check import CheckOutcome, Expectation, Target
from drp.domain.phrase import fact
from drp_verifiers.clinical import inside
from drp_verifiers.failures import failure
from drp_verifiers.inside import ask
from drp_verifiers.mariadb_session import Connection as MariaDbConnection
from drp_verifiers.mariadb_session import Session as MariaDbSession
from drp_verifiers.postgres_session import Connection, find_binaries
from drp_verifiers.postgres_session import Session as PostgresSession
from drp_verifiers.statements import NoAnswer, Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSource:
    """A server that lets ``user`` in without a password."""

    database: str
    """Name of the database."""
    host: str = "/data/sockets"
    """Address, or directory of the socket, inside the sandbox."""
    port: int = 5432
    """Port of the server."""
    user: str = "postgres"
    """Account that asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaDbSource:
    """A server, and who asks it."""

    database: str
    """Name of the database."""
    defaults_file: str = ""
    """Option file inside the sandbox with user, password and socket; relative to the restored tree."""
    socket: str = ""
    """Socket of the server inside the sandbox."""
    user: str = ""
    """Account that asks."""


class Asked(Protocol):
    """The options that say which queries are asked, and where."""

    @property
    def kinds(self) -> Mapping[str, str]: ...  # noqa: D102 - named by itself
    @property
    def postgres(self) -> PostgresSource | None: ...  # noqa: D102 - the same
    @property
    def mariadb(self) -> MariaDbSource | None: ...  # noqa: D102 - the same
    @property
    def sqlite(self) -> str: ...  # noqa: D102 - the same


def survivors(target: Target, options: Asked, expectation: Expectation) -> Iterator[tuple[str, set[str] | Trouble]]:
    """Yield for every kind the ids that are there, or why nobody knows."""
    if options.sqlite:
        yield from _in_sqlite(target, options, expectation)
    elif options.mariadb is not None:
        yield from _in_mariadb(target, options, expectation, options.mariadb)
    elif options.postgres is not None:
        yield from _in_postgres(target, options, expectation, options.postgres)


def _in_postgres(
    target: Target, options: Asked, expectation: Expectation, source: PostgresSource
) -> Iterator[tuple[str, set[str] | Trouble]]:
    connection = Connection(host=source.host, port=source.port, user=source.user, database=source.database)
    session = PostgresSession(target, connection, find_binaries(target), expectation.timeout_seconds)
    for kind, query in options.kinds.items():
        inner = query.strip().rstrip(";")
        wrapped = f"SELECT pg_catalog.to_json(id::text) FROM (\n{inner}\n) AS declared(id)"  # noqa: S608 - the plan's own query
        try:
            yield kind, {str(row) for row in session.rows(source.database, wrapped, restored_path=True)}
        except NoAnswer as silence:
            yield kind, silence.trouble


def _in_mariadb(
    target: Target, options: Asked, expectation: Expectation, source: MariaDbSource
) -> Iterator[tuple[str, set[str] | Trouble]]:
    asked = MariaDbConnection(
        database=source.database, defaults_file=source.defaults_file, socket=source.socket, user=source.user
    )
    session = MariaDbSession(target, asked, expectation)
    for kind, query in options.kinds.items():
        try:
            yield kind, set(session.lines(query.strip().rstrip(";") + "\n;"))
        except NoAnswer as silence:
            yield kind, silence.trouble


def _in_sqlite(target: Target, options: Asked, expectation: Expectation) -> Iterator[tuple[str, set[str] | Trouble]]:
    request = {"path": inside(options.sqlite, expectation), "copy": True, "queries": list(options.kinds.values())}
    request |= {"queries_only": True}
    answer = ask(target, "database", request, timeout_seconds=expectation.timeout_seconds)
    replies = answer.data.get("queries")
    whole = answer.trouble
    if whole is None and (not isinstance(replies, list) or len(replies) != len(options.kinds)):
        reason = failure(answer.data.get("reason")) or fact(
            "there-is-no-file", "there is no file {file}", file=options.sqlite
        )
        whole = Trouble(outcome="failed", reason=reason)
    for number, kind in enumerate(options.kinds):
        reply = replies[number] if whole is None and isinstance(replies, list) else None
        if whole is not None:
            yield kind, whole
        elif isinstance(reply, dict) and isinstance(reply.get("rows"), list):
            yield kind, {str(row[0]) for row in reply["rows"] if isinstance(row, list) and row}
        else:
            told = reply if isinstance(reply, dict) else {}
            outcome: CheckOutcome = "failed" if told.get("about_data") is True else "undetermined"
            yield (
                kind,
                Trouble(outcome=outcome, reason=failure(told.get("error")) or fact("no-answer", "no answer")),
            )
