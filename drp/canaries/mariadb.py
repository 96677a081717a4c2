"""A heartbeat as a row of ``drp_canary`` in a MariaDB or MySQL database, through the server's own client.

The client reads its options, the password among them, from its standard input: no secret is in argv, environment or
a file. Least privilege: SELECT, INSERT and DELETE on the table; CREATE only where it is not there yet.
"""

from __future__ import annotations

import re

from drp.canaries.heartbeat import Heartbeat, Written
from drp.command import Output, run
from drp.config.canaries import DatabaseCanary
from drp.domain.phrase import say
from drp.errors import AccessDenied, DrpError, NotFound, StorageFull, Unreachable

TABLE = "drp_canary"
_MAKE = "CREATE TABLE IF NOT EXISTS drp_canary (at DATETIME(6) NOT NULL, nonce CHAR(16) NOT NULL, KEY (at));"
_ERROR = re.compile(r"ERROR (\d{1,5})\b")
_MISSING_TABLE = 1146
_DENIED = {1044, 1045, 1142, 1143, 1227, 1698}
_UNKNOWN_DATABASE = 1049
_NO_ROOM = {1021, 1114}
_NO_PLUGIN = {1156, 2059, 2061}
"""The server asks for an authentication that the client does not have, or may not load."""


def write_to_mariadb(settings: DatabaseCanary, heartbeat: Heartbeat, password: str, plugins: str = "") -> Written:
    """Add the row in one transaction, drop the oldest beyond ``keep``, and read it back after the commit.

    ``plugins`` is the folder of the authentications that the client may load; empty: whatever it has.
    """
    where = f"{settings.host}{'' if settings.over_socket else f':{settings.port}'}/{settings.database}"
    options = _options(settings, password, plugins)
    sql = _sql(settings, heartbeat)
    output = _run(settings, options, sql)
    if _number(output) == _MISSING_TABLE:
        output = _run(settings, options, _MAKE + sql)
    if output.exit_code != 0 or output.ended_by != "itself":
        raise _translated(output, where)
    cells = output.stdout.split()
    if len(cells) != 2 or cells[1] != "1":
        raise Unreachable(
            say("MariaDB at {where} acknowledged a heartbeat that is not there", where=where),
            hint=say("look at the triggers of {TABLE} and at the engine of its table", TABLE=TABLE),
        )
    return Written(place=f"mariadb {where} {TABLE}", removed_from_the_future=max(0, int(cells[0])))


def _options(settings: DatabaseCanary, password: str, plugins: str) -> bytes:
    lines = ["[client]", f"user={_quoted(settings.user)}", "local-infile=0", "secure-auth"]
    lines += [f"plugin-dir={_quoted(plugins)}"] if plugins else []
    lines += [f"password={_quoted(password)}"] if password else []
    if settings.over_socket:
        lines += [f"socket={_quoted(settings.host)}"]
    else:
        lines += [f"host={_quoted(settings.host)}", f"port={settings.port}", "protocol=tcp"]
    if settings.encrypted:
        lines += ["ssl", "ssl-verify-server-cert"]
        lines += [f"ssl-ca={_quoted(str(settings.ca_file))}"] if settings.ca_file is not None else []
    seconds = max(1, int(settings.timeout_seconds))
    return "\n".join([*lines, f"connect-timeout={seconds}", ""]).encode()


def _quoted(value: str) -> str:
    """Return a value as the option file takes it: quoted, with backslash and quote escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _sql(settings: DatabaseCanary, heartbeat: Heartbeat) -> str:
    at = heartbeat.text.removesuffix("+00:00").replace("T", " ")
    kept = f"(SELECT MIN(at) FROM (SELECT at FROM {TABLE} ORDER BY at DESC LIMIT {settings.keep}) AS kept)"  # noqa: S608 - constants, an instant, hex digits and a number, all made here
    return " ".join(
        (
            "START TRANSACTION;",
            f"INSERT INTO {TABLE} (at, nonce) VALUES ('{at}', '{heartbeat.nonce}');",  # noqa: S608 - as above
            f"DELETE FROM {TABLE} WHERE at > '{at}';",  # noqa: S608 - as above
            "SELECT ROW_COUNT();",
            f"DELETE FROM {TABLE} WHERE at < {kept};",  # noqa: S608 - as above
            "COMMIT;",
            f"SELECT COUNT(*) FROM {TABLE} WHERE nonce = '{heartbeat.nonce}';",  # noqa: S608 - as above
        )
    )


def _run(settings: DatabaseCanary, options: bytes, sql: str) -> Output:
    argv = ("mariadb", "--defaults-file=/dev/stdin", "--batch", "--skip-column-names", f"--execute={sql}")
    return run(
        (*argv, f"--database={settings.database}"),
        stdin=options,
        timeout_seconds=settings.timeout_seconds,
        grace_seconds=0.0,
        check=False,
    )


def _number(output: Output) -> int:
    found = _ERROR.search("\n".join(output.tail)) if output.exit_code != 0 else None
    return int(found[1]) if found else 0


def _translated(output: Output, where: str) -> DrpError:
    number, said = _number(output), output.tail[-1] if output.tail else "no word"
    if number in _DENIED:
        return AccessDenied(say("MariaDB at {where} refuses the account: {said}", where=where, said=said))
    if number in _NO_PLUGIN:
        hint = (
            "let the account use ed25519 or mysql_native_password, or encrypt: `canary.ca_file` names who signed the "
            "server's certificate"
        )
        return AccessDenied(
            say(
                "MariaDB at {where} asks for the password in a way that could betray it: {said}", where=where, said=said
            ),
            hint=hint,
        )
    if number == _UNKNOWN_DATABASE:
        return NotFound(
            say("MariaDB at {where}: {said}", where=where, said=said), hint="fix `canary.database` of the application"
        )
    if number in _NO_ROOM:
        return StorageFull(
            say("MariaDB at {where}: {said}", where=where, said=said),
            hint="the application cannot write either: free space",
        )
    return Unreachable(say("MariaDB at {where} took no heartbeat: {said}", where=where, said=said))
