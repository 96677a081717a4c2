"""Each setting of every version is decided: overridden, or left for a reason, or set by each session of a check."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.domain.check import Expectation
from drp_verifiers import postgres_settings as sessions
from drp_verifiers.postgres import PostgresVerifier
from drp_verifiers.postgres_session import Connection, Session
from drp_verifiers.watermarks import Newest
from tests.simulators.target import LocalTarget
from tests.support.postgres_bench import ROLE, Server, as_postgres
from tests.support.postgres_versions import CAME, OLDEST, names

pytestmark = pytest.mark.real

CACHE = Path(__file__).resolve().parents[2] / ".cache/postgres"
INSTALLED = {int(path.parent.name): path for path in Path("/usr/lib/postgresql").glob("*/bin")}
REAL = {**{int(path.parent.name): path for path in CACHE.glob("[0-9]*/bin")}, **INSTALLED}
HIDDEN = {"role", "session_authorization"}


@pytest.fixture(scope="module")
def role() -> Iterator[tuple[object, set[str]]]:
    """The role's own modules."""
    sys.path.insert(0, str(ROLE / "files"))
    try:
        import pg_settings
        import pg_settings_left

        yield pg_settings, pg_settings_left
    finally:
        sys.path.remove(str(ROLE / "files"))


@pytest.fixture(scope="module", params=sorted(REAL))
def server(request: pytest.FixtureRequest, postgres_folder: Path) -> Iterator[Server]:
    """An empty server of each version that can be had here, out of folders that postgres can reach."""
    folder = postgres_folder / f"settings{request.param}"
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    programs = REAL[request.param]
    if not programs.is_relative_to("/usr"):
        shutil.copytree(programs.parent, folder / "programs", symlinks=True)
        programs = folder / "programs/bin"
    server = Server(folder / "data", programs)
    server.create()
    server.start()
    server.sql("create database ehr; create extension pg_trgm", "postgres")
    yield server
    server.stop()
    shutil.rmtree(folder)


def decided(role) -> set[str]:
    overrides, left = role
    return {one.name for one in overrides.ALWAYS} | overrides.BY_THE_DRILL | left.LEFT


def test_there_are_two_versions_to_ask() -> None:
    assert 17 in REAL
    assert set(REAL) - {17} or {17: INSTALLED[17]} == INSTALLED, "run make .cache/.postgres"


def test_every_setting_of_a_real_server_is_decided(role, server: Server) -> None:
    shown = set(server.sql("select name from pg_settings where name not like '%.%'", "postgres").splitlines())
    assert {name.lower() for name in shown} - {name.lower() for name in decided(role)} == set()
    version = int(server.sql("show server_version_num", "postgres")) // 10000
    assert shown - {"extension_destdir"} == names(version) - {"extension_destdir"}, "the table of versions is another"


@pytest.mark.parametrize("version", [12, *CAME])
def test_every_setting_of_other_versions_is_decided(role, version: int) -> None:
    assert {name.lower() for name in names(version)} - {name.lower() for name in decided(role)} == set()


def test_nothing_is_decided_twice_nor_for_a_setting_that_never_was(role) -> None:
    overrides, left = role
    lists = [
        left.BEHAVES,
        left.NAMES,
        left.ENTRY,
        left.TENDS,
        left.COSTS,
        left.PRESET,
        left.WRITES,
        left.CLIENT,
        left.OTHERS,
        left.SESSION,
    ]
    listed = [name for text in lists for name in text.split()]
    own = [one.name for one in overrides.ALWAYS]
    assert len(listed) == len(set(listed))
    assert len(own) == len(set(own))
    assert not (set(own) | overrides.BY_THE_DRILL) & set(listed)
    ever = {
        name.lower() for name in (*OLDEST.split(), *(one for came in CAME.values() for one in came.split()), *HIDDEN)
    }
    assert {name.lower() for name in decided(role)} == ever
    given = {one.name for one in sessions.SETTINGS} | set(sessions.BY_SESSION)
    assert given - {"TimeZone", *(one.name for one in sessions.HIDING)} == set(left.SESSION.split())
    assert {one.name for one in sessions.HIDING} <= set(own)


@pytest.mark.parametrize("version", [12, *CAME])
def test_an_override_is_given_only_to_versions_that_know_it(role, version: int) -> None:
    known = {name.lower() for name in names(version)} | HIDDEN
    overrides, _ = role
    assert {word.partition("=")[0] for word in overrides.words(overrides.ALWAYS, version)} <= known
    given = sessions.options(sessions.SETTINGS, version, superuser=True).split(" -c ")
    assert {one.removeprefix("-c ").partition("=")[0].lower() for one in given} <= known


def test_a_real_server_takes_every_override(role, server: Server) -> None:
    overrides, _ = role
    version = int(server.sql("show server_version_num", "postgres")) // 10000
    words = [part for word in overrides.words(overrides.ALWAYS, version) for part in ("-c", word)]
    shown = as_postgres([server.programs / "postgres", "-D", server.data, *words, "-C", "unix_socket_directories"])
    assert shown == "/data/sockets,/run,/tmp"


ADVERSE = {
    "off": "on", "on": "off", "0": "1", "-1": "1kB", "": "nowhere", "none": "clerk", "origin": "replica", "repeatable read": "serializable",
    "UTC": "Asia/Tokyo", "Default": "India", "ISO, MDY": "SQL, DMY", "postgres": "sql_standard", "UTF8": "LATIN1", "notice": "error",
    "1": "-15", "hex": "escape", "base64": "hex", "content": "document", "safe_encoding": "off", "partition": "off",
    "auto": "force_generic_plan", "$libdir": "/nonexistent", "heap": "nowhere",
}  # fmt: skip


def test_a_session_of_a_check_is_what_it_says_whatever_roles_and_databases_say(server: Server) -> None:
    version = int(server.sql("show server_version_num", "postgres")) // 10000
    wanted = {one.name: one.value for one in sessions.SETTINGS if one.since <= version <= one.until}
    set_by_role = []
    server.sql("create role clerk; create role checker superuser login", "postgres")
    if version >= 17:
        server.sql("create table public.seen (i int); create function public.seen() returns event_trigger language plpgsql as "
                   "'begin insert into public.seen values (1); end'; create event trigger seen on login execute function public.seen()")  # fmt: skip
    before = server.sql("select count(*) from public.seen") if version >= 17 else "0"
    for name, value in wanted.items():
        adverse = {"idle_session_timeout": "1ms", "transaction_timeout": "1ms", "lock_timeout": "1ms"}.get(
            name, ADVERSE[value]
        )
        quoted = adverse.replace("'", "''")
        scope = "role checker in database ehr" if len(set_by_role) % 2 else "database ehr"
        if name in {"role", "session_replication_role"}:
            scope = "role checker"
        done = as_postgres(
            [server.programs / "psql", "-X", "-q", "-h", server.host, "-U", "postgres", "-d", "postgres",
             "-c", f"set check_function_bodies = off; alter {scope} set {name} = '{quoted}'"], check=False
        )  # fmt: skip
        assert done == ""
        set_by_role.append(name)
    server.sql(
        "alter role checker set statement_timeout = 1; alter role checker set default_transaction_read_only = off",
        "postgres",
    )
    stated = server.sql("select count(*) from pg_db_role_setting, unnest(setconfig)", "postgres")
    assert int(stated) > len(wanted) * 0.8, (
        "most can be set for a role or database, so that there is something to outrank"
    )
    session = Session(
        LocalTarget("postgres"), Connection(host=str(server.host), port=5432, user="checker"), str(server.programs), 30
    )
    rows = session.rows("ehr", "SELECT pg_catalog.json_build_array(name, setting) FROM pg_catalog.pg_settings")
    shown = {row[0]: row[1] for row in rows if isinstance(row, list)}
    shown["role"] = str(session.rows("ehr", "SELECT pg_catalog.to_json(pg_catalog.current_setting('role'))")[0])
    assert {name: shown[name] for name in wanted} == wanted
    assert shown["default_transaction_read_only"] == "on"
    server.sql("alter database ehr reset all", "postgres")
    if version >= 17:
        after = server.sql("select count(*) from public.seen")
        assert int(after) == int(before) + 1, "this very session, and none of the check's"


def test_a_zone_of_the_database_shifts_no_watermark(server: Server, expectation: Expectation) -> None:
    server.sql(
        "alter database ehr set timezone = 'Asia/Tokyo'; alter database ehr set datestyle = 'SQL, DMY'", "postgres"
    )
    server.sql(
        "create table if not exists event (at timestamp, seen timestamptz); insert into event values ('2026-11-20 08:00', '2026-11-20 08:00Z')"
    )
    verifier = PostgresVerifier()
    for query in ("select at::timestamptz from event", "select seen from event", "select at from event"):
        newest = Newest(query=query, database="ehr", assume_utc=True)
        options = verifier.Options(
            host=str(server.host),
            user="postgres",
            binaries=str(server.programs),
            newest=newest,
            row_counts=False,
            amcheck=False,
        )
        results = {one.check: one for one in verifier.verify(LocalTarget("postgres"), options, expectation)}
        watermark = results["newest"].watermark
        assert watermark is not None, results["newest"]
        assert watermark.at.isoformat() == "2026-11-20T08:00:00+00:00"
