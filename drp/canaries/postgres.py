"""A heartbeat as a row of ``drp.drp_canary`` in a PostgreSQL database: a table of drp's own, no data of patients.

Least privilege: an account that may connect, with USAGE on schema ``drp`` and SELECT, INSERT and DELETE on the table.
Only where the table is not there yet does the account need CREATE on the database, once.
"""

from __future__ import annotations

from typing import Any

from pg8000 import DatabaseError, InterfaceError
from pg8000.native import Connection

from drp.canaries.certificates import verified
from drp.canaries.heartbeat import Heartbeat, Written
from drp.config.canaries import DatabaseCanary
from drp.domain.phrase import say
from drp.errors import AccessDenied, DrpError, NotFound, StorageFull, Unreachable

TABLE = "drp.drp_canary"
_MAKE = (
    "CREATE SCHEMA IF NOT EXISTS drp",
    "CREATE TABLE IF NOT EXISTS drp.drp_canary (at timestamptz NOT NULL, nonce text NOT NULL)",
)
_INSERT = "INSERT INTO drp.drp_canary (at, nonce) VALUES (CAST(:at AS timestamptz), :nonce)"
_FORGET_FUTURE = "DELETE FROM drp.drp_canary WHERE at > CAST(:at AS timestamptz)"
_FORGET_OLD = (
    "DELETE FROM drp.drp_canary WHERE at < "
    "(SELECT min(at) FROM (SELECT at FROM drp.drp_canary ORDER BY at DESC LIMIT :keep) AS kept)"
)
_CLEARTEXT, _MD5, _SASL = 3, 5, 10
_IN_THE_CLEAR = (
    "let its pg_hba.conf say `scram-sha-256` for the account, write over the server's socket (`canary.host`: its "
    "directory), or encrypt: `canary.ca_file` names who signed its certificate"
)
_READ_BACK = "SELECT count(*) FROM drp.drp_canary WHERE nonce = :nonce"


class _Careful(Connection):  # type: ignore[misc]
    """Hands no server the password itself over TCP without TLS: on loopback too, anybody may listen there instead."""

    def __init__(self, user: str, *, cleartext: bool, **place: Any) -> None:
        self._cleartext = cleartext
        super().__init__(user, **place)

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: Any) -> None:  # noqa: N802 - pg8000's name
        method = int.from_bytes(data[:4], "big")
        if method == _CLEARTEXT and not self._cleartext:
            raise AccessDenied("PostgreSQL asks for the password in the clear", hint=_IN_THE_CLEAR)
        if method in {_CLEARTEXT, _MD5, _SASL} and self.password is None:
            raise AccessDenied(
                "PostgreSQL asks for a password, and none is configured", hint="name one as `canary.password`"
            )
        super().handle_AUTHENTICATION_REQUEST(data, context)


def write_to_postgres(settings: DatabaseCanary, heartbeat: Heartbeat, password: str) -> Written:
    """Add the row in one transaction, drop the oldest beyond ``keep``, and read it back after the commit."""
    where = f"{settings.host}:{settings.port}/{settings.database}"
    try:
        connection = _connect(settings, password)
        try:
            return _write(connection, settings, heartbeat, where)
        finally:
            connection.close()
    except (DatabaseError, InterfaceError) as error:
        raise _translated(error, where) from error
    except OSError as error:
        raise Unreachable(
            say("PostgreSQL at {where} does not answer: {strerror}", where=where, strerror=error.strerror or error)
        ) from error


def _connect(settings: DatabaseCanary, password: str) -> Connection:
    place: dict[str, Any] = {"host": settings.host, "port": settings.port}
    if settings.over_socket:
        place = {"unix_sock": f"{settings.host}/.s.PGSQL.{settings.port}"}
    elif settings.encrypted:
        place["ssl_context"] = verified(settings.ca_file)
    return _Careful(
        settings.user,
        cleartext=settings.over_socket or settings.encrypted,
        database=settings.database,
        password=password or None,
        timeout=settings.timeout_seconds,
        application_name="drp canary",
        **place,
    )


def _write(connection: Connection, settings: DatabaseCanary, heartbeat: Heartbeat, where: str) -> Written:
    milliseconds = max(1, int(settings.timeout_seconds * 1000))
    connection.run(f"SET statement_timeout = {milliseconds}")
    connection.run("SET synchronous_commit = on")
    if connection.run(f"SELECT to_regclass('{TABLE}') IS NULL") == [[True]]:
        for statement in _MAKE:
            connection.run(statement)
    connection.run("BEGIN")
    connection.run(_INSERT, at=heartbeat.text, nonce=heartbeat.nonce)
    connection.run(_FORGET_FUTURE, at=heartbeat.text)
    future = max(0, connection.row_count)
    connection.run(_FORGET_OLD, keep=settings.keep)
    connection.run("COMMIT")
    if connection.run(_READ_BACK, nonce=heartbeat.nonce) != [[1]]:
        raise Unreachable(
            say("PostgreSQL at {where} acknowledged a heartbeat that is not there", where=where),
            hint=say("look at the triggers and policies of {TABLE}", TABLE=TABLE),
        )
    return Written(place=f"postgres {where} {TABLE}", removed_from_the_future=future)


def _translated(error: Exception, where: str) -> DrpError:
    said: BaseException | None = error
    while said is not None and not isinstance(said, DatabaseError):
        said = said.__context__  # a refused client that says goodbye to a closed socket hides why it was refused
    if said is None:
        return Unreachable(say("PostgreSQL at {where} does not answer: {error}", where=where, error=error))
    return _said_by_server(said, where)


def _said_by_server(error: BaseException, where: str) -> DrpError:
    fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    state, message = str(fields.get("C", "")), str(fields.get("M", error))
    if state.startswith("28"):
        return AccessDenied(say("PostgreSQL at {where} refuses the account: {words}", where=where, words=message))
    if state == "42501":
        hint = say("let the account SELECT, INSERT and DELETE on {TABLE}, and USE its schema", TABLE=TABLE)
        return AccessDenied(say("PostgreSQL at {where}: {words}", where=where, words=message), hint=hint)
    if state == "3D000":
        return NotFound(
            say("PostgreSQL at {where}: {words}", where=where, words=message),
            hint="fix `canary.database` of the application",
        )
    if state.startswith("53"):
        return StorageFull(
            say("PostgreSQL at {where}: {words}", where=where, words=message),
            hint="the application cannot write either: free space",
        )
    return Unreachable(say("PostgreSQL at {where} took no heartbeat: {words}", where=where, words=message))
