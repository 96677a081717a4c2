"""Load roles and dumps into the empty cluster that was made for them, each database under its own name, once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pg_common import (
    RUN,
    Failure,
    Limit,
    answer,
    complaint,
    printable,
    recall,
    remember,
    run_tool,
    server_folder,
)
from pg_dumps import GLOBALS, find, look
from pg_sections import Loader
from pg_whole import require_roles

_OWN_ROLE = re.compile(r"(CREATE|ALTER) ROLE postgres[ ;]")
_ROLE = re.compile(r'role ".*" does not exist')
_SPACE = re.compile(r"^(CREATE TABLESPACE .* LOCATION )'(?:[^']|'')*';$")


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Return the databases that were loaded, and notices of what lay beside the dumps."""
    data, folder = Path(request["data"]), Path(request["dumps"])
    if recall("loaded"):
        return {"loaded": False, "notices": []}
    version, programs = server_folder(data, request["programs"])
    hint = roles(request, folder, data, programs)
    paths, _ = find(folder)
    loader = Loader(request, programs, int(version))
    names = []
    for path in paths:
        dump = look(path, programs)
        ended = loader.load(dump)
        if ended.returncode:
            said = complaint(ended, "pg_restore")
            lacking = _needs(said)
            words = "the dump {name} could not be loaded: {why}"
            if lacking:
                words += "; {extension} is not installed where drills run, nothing is wrong with the dump"
                raise Limit(words, name=path.name, why=said, extension=lacking)
            raise Failure(words + (hint if _ROLE.search(said) else ""), name=path.name, why=said)
        names.append(printable(dump.database))
    loader.close()
    remember("loaded", True)
    notices = [*(recall("dumps") or {}).get("folder", []), *loader.notices]
    return {"loaded": True, "databases": names, "notices": notices}


def _needs(said: str) -> str:
    """Return what this machine lacks by a complaint that is not about the dump; empty: nothing."""
    found = re.search(r'(?:extension|access method|library|file) "([^"]+)"', said)
    if found and re.search(
        r"not available|could not open extension|could not access file|shared_preload_libraries", said
    ):
        return printable(found.group(1), 80)
    return ""


def roles(request: dict[str, Any], folder: Path, data: Path, programs: Path) -> str:
    """Make the roles that the dumps want; returns what to say when that is why a dump cannot be loaded."""
    given = folder / GLOBALS
    if given.exists():
        own = RUN / "globals.sql"
        text = require_roles(given)
        own.write_text("\n".join(_lines(text, Path(f"{data}.tablespaces"))) + "\n", "utf-8", "surrogateescape")
        _run(own, GLOBALS, request, programs)
        own.unlink()
        return ""
    if request["roles_file"]:
        _run(Path(request["roles_file"]), "the role that the application's configuration names", request, programs)
        return ""
    return "; there is no globals.sql with the roles beside the dumps"


def _lines(text: str, spaces: Path) -> list[str]:
    """Return the lines of globals.sql that apply here: the superuser is there already, tablespaces were elsewhere."""
    spaces.mkdir(mode=0o700, exist_ok=True)
    lines, number = [], 0
    for line in text.split("\n"):
        if _OWN_ROLE.match(line):
            continue
        if space := _SPACE.match(line):
            number += 1
            place = spaces / str(number)
            place.mkdir(mode=0o700, exist_ok=True)
            lines.append(f"{space.group(1)}'{place}';")
        else:
            lines.append(line)
    return lines


def _run(path: Path, what: str, request: dict[str, Any], programs: Path) -> None:
    words = [programs / "psql", "-X", "-q", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-f", os.fspath(path)]
    ended = run_tool(words, seconds=None, environment=Loader(request, programs, 0).environment())
    if ended.returncode:
        raise Failure("{what} could not be loaded: {how}", what=what, how=complaint(ended, "psql"))


def main(request: dict[str, Any]) -> None:
    """Do what the request says."""
    answer(load, request)
