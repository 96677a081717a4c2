"""Make an empty cluster for dumps, of their version or the next newer one here, unless they are loaded already."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from pg_common import Failure, Limit, complaint, recall, remember, run_tool, running
from pg_dumps import Dump, find, look, once
from pg_whole import require

PRELOADED = {
    "pg_cron": ["cron.database_name={database}"],
    "timescaledb": ["timescaledb.max_background_workers=0"],
    **{name: [] for name in ("citus", "pg_net", "pg_squeeze", "pglogical")},
}
"""Extensions that can be made only where their library was loaded with the server, and settings that they need."""


def installed(given: str) -> dict[int, Path]:
    """Return the servers that are installed, by version."""
    if given:
        said = run_tool([Path(given) / "postgres", "--version"]).stdout
        found = re.search(r"(\d+)", said)
        return {int(found.group(1)): Path(given)} if found else {}
    places = [*Path("/usr/lib/postgresql").glob("*/bin/postgres"), *Path("/usr").glob("pgsql-*/bin/postgres")]
    return {int(re.sub(r"\D", "", path.parent.parent.name)): path.parent for path in places}


def make(request: dict[str, Any]) -> dict[str, Any]:
    """Make the cluster; returns the libraries that the dumps' extensions want preloaded, and settings for them."""
    data = Path(request["data"])
    paths, told = find(Path(request["dumps"]))
    here = installed(request["programs"])
    if not here:
        raise Limit("no PostgreSQL is installed where drills run: install its server package")
    newest = here[max(here)]
    dumps = [look(path, newest) for path in paths]
    once(dumps)
    origin = max(dump.version for dump in dumps)
    fitting = [version for version in here if version >= origin]
    if not fitting:
        raise Limit(
            "the dumps came from PostgreSQL {origin}, and only {here} is installed here", origin=origin, here=max(here)
        )
    programs = here[min(fitting)]
    wanted = wishes(dumps, programs)
    if not recall("loaded"):
        for dump in dumps:
            require(dump)
        remember("dumps", {"folder": told})
        if running(data):
            run_tool([programs / "pg_ctl", "-D", data, "-s", "-m", "immediate", "stop"])
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(f"{data}.tablespaces", ignore_errors=True)
        # Files reach the disk with the first checkpoint; the time zone is given, since looking for it takes longest.
        words = ["-U", "postgres", "-k", "-N", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        ended = run_tool([programs / "initdb", "-D", data, *words])
        if ended.returncode:
            raise Failure("an empty server could not be made: {how}", how=complaint(ended, "initdb"))
    return wanted


def wishes(dumps: list[Dump], programs: Path) -> dict[str, Any]:
    """Return what has to be preloaded for the dumps. Raises Limit for an extension that is not installed here."""
    shared = Path(run_tool([programs / "pg_config", "--sharedir"]).stdout.strip() or "/nonexistent") / "extension"
    preload: dict[str, str] = {}
    for dump in dumps:
        for name in dump.extensions:
            if shared.is_dir() and not (shared / f"{name}.control").exists():
                raise Limit(
                    "the dump {name} needs the extension {extension}, which is not installed where drills run: "
                    "install its package there; nothing is wrong with the dump",
                    name=dump.path.name,
                    extension=name,
                )
            if name in PRELOADED:
                preload[name] = dump.database
    settings = [one.format(database=database) for name, database in preload.items() for one in PRELOADED[name]]
    return {"preload": list(preload), "settings": settings}
