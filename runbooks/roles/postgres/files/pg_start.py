"""Start a restored PostgreSQL server with the overrides of a drill."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pg_base
import pg_entrances
import pg_fresh
import pg_log
from pg_common import RUN, SOCKETS, Control, Failure, answer, instant, recall, remember, running, server_folder
from pg_configuration import Configuration, overrides

_TELLING = re.compile(r"where drills run|\b(?:drp|drill)\w*")
_FETCHER = ("pg_common", "pg_wal", "pg_archive")


def start(request: dict[str, Any]) -> dict[str, Any]:
    """Start the server, once."""
    data, root = Path(request["data"]), Path(request["root"])
    if request["dumps"] and request["target"]:
        raise Failure("a dump holds one instant: it cannot be rolled to {target}", target=request["target"])
    target = instant(request["target"])
    RUN.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = pg_fresh.make(request) if request["dumps"] else {"preload": [], "settings": []}
    version, programs = server_folder(data, request["programs"])
    if running(data):
        return {**(recall("started") or {}), "changed": False, "notices": []}
    if recall("launched") and not recall("recovered") and not request["dumps"]:
        raise Failure("an earlier start began to recover and did not end well: restore again")
    state: dict[str, Any] = {"version": version, "programs": str(programs)}
    notices: list[dict[str, str]] = []
    words: list[str] = []
    if request["dumps"]:
        (data / "postmaster.pid").unlink(missing_ok=True)
        state.update(base_verified=False, base="dumps")
    else:
        prepared, words = prepare(request, programs, target)
        notices += prepared.pop("notices")
        state.update(prepared)
    configuration = Configuration(programs, data, request["config_file"], root)
    SOCKETS.mkdir(mode=0o755, exist_ok=True)
    pg_entrances.shut()
    own, told = overrides(request, configuration, int(version), fresh["preload"])
    notices += [*configuration.notices, *told.pop("notices")]
    state.update(told, passwords=request["passwords"])
    launch(programs, data, [*own, *fresh["settings"], *words])
    remember("started", state)
    return {**state, "changed": True, "notices": notices}


def prepare(request: dict[str, Any], programs: Path, target: datetime | None) -> tuple[dict[str, Any], list[str]]:
    """Make a restored data directory ready to recover; returns what is told, and settings of its recovery."""
    data, root = Path(request["data"]), Path(request["root"])
    if recall("recovered"):  # stopped and started again: like any other server
        for name in ("recovery.signal", "standby.signal"):
            (data / name).unlink(missing_ok=True)
        return {**recall("base"), "notices": []}, []
    control = Control(programs, data)
    base = pg_base.what_it_is(data, control, request["copied_while_running"])
    notices = pg_base.put_right(data)
    pg_base.lead_links(data, root)
    if base.kind == "cold-copy" and control.state == "shut down" and pg_log.ran_again(control):
        raise Failure(
            "{data} was copied while its server was started again: its log goes on behind the shutdown", data=data
        )
    folders = {name: root / name for name in (request["wal_archive"], request["wal_stream"]) if name}
    verified, how = pg_base.compare(base, data, programs, folders.values(), wanted=request["verify_base"])
    told = {"base_verified": verified, "base": f"{base.statement}; {how}"}
    if target is not None and target < base.at:
        raise Failure(
            "{target} cannot be reached: the base itself holds a checkpoint of {at}; take an older backup",
            target=request["target"],
            at=base.at.isoformat(),
        )
    words: list[str] = []
    for name in ("recovery.signal", "standby.signal"):
        (data / name).unlink(missing_ok=True)  # a standby would wait for its primary for ever
    remember("base", told)
    if base.kind != "cold-copy" or control.state != "shut down" or folders or target:
        plan = pg_log.plan(base, control, folders, int(request["timeline"] or 0), programs)
        notices += plan.pop("notices")
        remember("plan", {**plan, "kind": base.kind})
        words = [f"recovery_target_timeline={'current' if plan['target'] == base.timeline else plan['target']}"]
        words += [f"restore_command={restore_command(request, folders)}"]
        if target is not None:  # last: a target that is emptied after it would count as a second one
            words.append(f"recovery_target_time={target.isoformat(sep=' ')}")
        (data / "recovery.signal").touch()
    pg_base.lead_map(data, root)
    return {**told, "notices": notices}, words


def restore_command(request: dict[str, Any], folders: dict[str, Path]) -> str:
    """Return the command that gives the server one file of the log, and lay out what it needs."""
    if not folders:
        return "false"
    for name in _FETCHER:
        (RUN / f"{name}.py").write_text(bare(request["parts"][name]))
    (RUN / "pg_fetch.py").write_text(bare(request["fetch"]))
    (RUN / "fetched").write_text("")
    # a whole file that is not packed needs no program of ours, which takes longer to start than the copy itself
    plain = f'cp {RUN}/log/plain/%f "%p" 2>/dev/null && echo %f >>{RUN}/fetched'
    return f'{plain} || exec /usr/bin/python3 -I -S {RUN}/pg_fetch.py %f "%p"'


def bare(program: str) -> str:
    """Return a program without what it says of itself: the restored server can read it."""
    tree = ast.parse(program)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = _TELLING.sub("here", node.value)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                said = [one for one in block if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)]
                setattr(node, name, [one for one in block if one not in said] or ([ast.Pass()] if block else []))
    return ast.unparse(tree)


def launch(programs: Path, data: Path, words: list[str]) -> None:
    """Start the server in a session of its own, without waiting for it."""
    options = [part for word in words for part in ("-c", word)]
    with (RUN / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=data,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8"), "TZ": "UTC"},
        )
    remember("launched", server.pid)


def main(request: dict[str, Any]) -> None:
    """Do what the request says."""
    answer(start, request)
