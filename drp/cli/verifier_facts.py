"""`drp verifier facts`: what a running system holds, kept in the manifest at backup time and compared with later."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from drp.cli import render
from drp.cli.noun import noun
from drp.clock import utc_now
from drp.domain.check import Expectation
from drp.domain.phrase import say
from drp.domain.strict_json import parse
from drp.errors import DrpError, Unreachable, UsageError
from drp.manifests.header_check import LIMITS
from drp.verifiers.loading import load
from drp.verifiers.local import LocalTarget
from drp.verifiers.options import make_options
from drp_verifiers.postgres_facts import facts
from drp_verifiers.postgres_session import Connection, Session, find_binaries
from drp_verifiers.postgres_tables import databases
from drp_verifiers.sqlite import sqlite_facts
from drp_verifiers.statements import NoAnswer

facts_app = noun("Facts of a running system, kept in the manifest at backup time.", needs_verb=True)

_PASSED_ON = ("PGPASSFILE", "PGSERVICEFILE", "PGSSLMODE", "PGSSLROOTCERT", "HOME")
"""What libpq needs to find credentials by reference; a password itself is never passed on."""
_COUNTING = {
    "dicom": "Print how many files, studies and objects a folder holds",
    "fhir": "Print how many resources of each type a server holds",
    "gnuhealth": "Print how many records of each model GNU Health holds",
    "mariadb": "Print the row count of every table of a MariaDB database",
    "orthanc": "Print how many patients, studies, series and instances Orthanc holds",
}

TimeLimit = Annotated[float, typer.Option(help="Time limit in seconds.", min=1)]
With = Annotated[
    str,
    typer.Option("--with", help="Add to the facts in this file; - is standard input. For one system after another."),
]


@facts_app.command("postgres")
def facts_postgres(
    host: Annotated[str, typer.Option(help="Address, or directory of the socket.")] = "/var/run/postgresql",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5432,
    user: Annotated[str, typer.Option(help="Reads every table; its password comes from PGPASSFILE.")] = "postgres",
    database: Annotated[list[str] | None, typer.Option(help="Only this one. Repeatable.")] = None,
    snapshot: Annotated[
        str, typer.Option(help="Exported snapshot to count in, the one given to pg_dump --snapshot.")
    ] = "",
    digest: Annotated[
        bool, typer.Option("--digest", help="Also a digest of every table's rows: reads and hashes them all.")
    ] = False,
    together: With = "",
    timeout: TimeLimit = 3600.0,
) -> None:
    """Print rows, objects, next numbers and large objects as JSON, for `drp manifest create --facts -`.

    Make them before the dump reads: next numbers belong to no snapshot, and those of the dump may only be higher.
    With --snapshot the counts are exactly those of the dump; without, those of the moment, database by database.
    """
    if snapshot and len(database or ()) != 1:
        raise UsageError("a snapshot belongs to one database: name it with --database")
    target = LocalTarget(libpq())
    maintenance = database[0] if database else "postgres"
    connection = Connection(host=host, port=port, user=user, database=maintenance)
    session = Session(target, connection, find_binaries(target), timeout)
    try:
        names = tuple(database) if database else databases(session, maintenance)
        found = facts(session, names, snapshot=snapshot, digest=digest, whole=not database)
    except NoAnswer as silence:
        raise _no_facts(silence.trouble.reason) from silence
    for hidden in found["postgres"].get("hidden_from_others", ()):  # type: ignore[attr-defined]
        render.note(
            say(
                "{hidden}: damage would be hidden from the applications; the counts were made without it", hidden=hidden
            )
        )
    _print(found, together)


@facts_app.command("sqlite")
def facts_sqlite(
    path: Annotated[Path, typer.Argument(help="Database file as it is now.")],
    inside: Annotated[str, typer.Option("--as", help="What the check calls the file: its option path.")] = "",
    copy: Annotated[bool, typer.Option(help="Count in a copy: the application keeps the file locked.")] = False,
    digest: Annotated[bool, typer.Option("--digest", help="Also a digest of every table's rows.")] = False,
    together: With = "",
    timeout: TimeLimit = 3600.0,
) -> None:
    """Print rows, objects and counters of a database file as JSON, for `drp manifest create --facts -`."""
    try:
        found = sqlite_facts(LocalTarget(), str(path.absolute()), copy=copy, timeout_seconds=timeout, digest=digest)
    except ValueError as error:
        raise _no_facts(str(error)) from error
    _print({"sqlite": {inside or str(path.absolute()): found}}, together)


def _counting(name: str) -> Callable[..., None]:
    """Return the command that prints the facts of a verifier that counts."""

    def command(
        option: Annotated[
            list[str] | None,
            typer.Option(help="key=value, as in a check of this verifier; a path is absolute. Repeatable."),
        ] = None,
        at_least: Annotated[
            bool, typer.Option("--at-least", help="The system is in use: the backup may hold more than this.")
        ] = False,
        together: With = "",
        timeout: TimeLimit = 300.0,
    ) -> None:
        verifier: Any = load([name])[name]
        options = make_options(verifier, options_of(option or []), check=name)
        now = utc_now()
        moment = Expectation(disaster_at=now, consistent_at=now, timeout_seconds=timeout, restored_root="/")
        try:
            found = verifier.facts(LocalTarget(libpq()), options, moment)
        except ValueError as error:
            raise _no_facts(str(error)) from error
        _print(_lower_limits(found) if at_least else found, together)

    command.__doc__ = f"{_COUNTING[name]}, as JSON for `drp manifest create --facts -`."
    return command


for _name in _COUNTING:
    facts_app.command(_name)(_counting(_name))


def libpq() -> dict[str, str]:
    """Return the environment by which PostgreSQL's programs find credentials."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def options_of(pairs: list[str]) -> dict[str, object]:
    """Return options from ``key=value`` pairs. Raises UsageError."""
    options: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not all(key.split(".")):
            raise UsageError(say("--option {pair}: say key=value", pair=pair))
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(
                say("--option {key}: the value is no YAML: {split}", key=key, split=" ".join(str(error).split()))
            ) from error
        *folders, last = key.split(".")
        place = options
        for folder in folders:
            inner = place.setdefault(folder, {})
            if not isinstance(inner, dict):
                raise UsageError(say("--option {key}: {folder} already has a value", key=key, folder=folder))
            place = inner
        place[last] = value
    return options


def _lower_limits(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    return {key: "at-least" if key == "rule" else _lower_limits(value) for key, value in found.items()}


def _print(found: dict[str, Any], together: str) -> None:
    """Print the facts, after those of the systems before; nothing that was said twice is overwritten."""
    known: Any = {}
    if together:
        try:
            known = parse(sys.stdin.buffer.read() if together == "-" else Path(together).read_bytes(), LIMITS)
        except (OSError, ValueError) as error:
            raise UsageError(say("--with {together}: {error}", together=together, error=error)) from error
        if not isinstance(known, dict):
            raise UsageError(say("--with {together}: holds no JSON object", together=together))
    if twice := sorted(known.keys() & found.keys()):
        raise UsageError(
            say("--with {together}: there are facts of {twice} already", together=together, twice=", ".join(twice))
        )
    render.verbatim(json.dumps({**known, **found}, indent=1, sort_keys=True))


def _no_facts(reason: str) -> DrpError:
    return Unreachable(say("no facts: {reason}", reason=reason), hint="check address, user and what the user may read")
