"""Wait until the server has finished recovery and accepts connections, and judge where its recovery ended.

The state is read from the control file and the port, so that no role or password is needed.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pg_end
from pg_common import (
    RUN,
    SOCKETS,
    Failure,
    Limit,
    answer,
    launched,
    opened_plain,
    printable,
    recall,
    remember,
    run_tool,
    running,
    server_folder,
)

_STATE = re.compile(r"^Database cluster state: *in production", re.MULTILINE)
_FATAL = re.compile(r"(?:FATAL|PANIC): +(.*)$", re.MULTILINE)
_ANSWERS = re.compile(r"the database system is |terminating connection|connection to client lost")
"""What the server says to those who knock while it recovers: to drp itself."""


_LIBRARY = re.compile(r"^could not (access|load) (file|library) ")
_HERE = re.compile(rf"{_LIBRARY.pattern}|Cannot allocate memory|No space left on device|^out of memory")


def log_text() -> str:
    """Return the end of the server's log."""
    try:
        with opened_plain(RUN / "server.log") as stream:
            stream.seek(max(0, (RUN / "server.log").stat().st_size - (4 << 20)))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def newest(pattern: str) -> str:
    """Return the newest of what the log says by an expression."""
    found = re.findall(pattern, log_text())
    return printable(found[-1]) if found else ""


def wait(request: dict[str, Any]) -> dict[str, Any]:
    """Return how the server came up. Raises Failure when it ends, or has not recovered in time."""
    data = Path(request["data"])
    version, programs = server_folder(data, request["programs"])
    deadline = time.monotonic() + float(request["ready_seconds"])
    pause = 0.02
    while not ready(data, programs, request["port"]):
        if not running(data) and not launched():
            why = reason(request)
            raise (Limit if _HERE.search(why) else Failure)("the server ended: {why}" + _needs(why), why=why)
        if time.monotonic() >= deadline:
            raise Failure(
                "the server has not recovered within {ready_seconds} s", ready_seconds=request["ready_seconds"]
            )
        time.sleep(pause)
        pause = min(pause * 1.1, 0.25)
    state: dict[str, Any] = {"recovered": True}
    notices: list[dict[str, str]] = []
    plan = recall("plan")
    if plan and not recall("recovered"):
        judged = pg_end.judge(data, plan, request["target"])
        notices = judged.pop("notices")
        state.update(judged)
        if request["target"]:
            state["recovery_target_time"] = request["target"]
        for name, pattern in (
            ("stopped_before", r"recovery stopping before (?:commit|abort) of transaction \d+, time (.*)"),
            ("newest_transaction", r"last completed transaction was at log time (.*)"),
        ):
            if found := newest(pattern):
                state[name] = found
        remember("state", state)
    elif plan:
        state = recall("state") or state
    remember("recovered", True)
    return {**state, "version": version, "notices": notices}


def ready(data: Path, programs: Path, port: int) -> bool:
    """Return whether it is this server that answers, and the control file says that it is in production."""
    words = ["-q", "-h", SOCKETS, "-p", port, "-U", "postgres", "-d", "postgres"]
    if not running(data) or run_tool([programs / "pg_isready", *words]).returncode:
        return False
    return _STATE.search(run_tool([programs / "pg_controldata", "-D", data]).stdout) is not None


def reason(request: dict[str, Any]) -> str:
    """Return why the server ended: the first thing that its own processes had against it."""
    said = [text for text in _FATAL.findall(log_text()) if not _ANSWERS.match(text)]
    why = printable(said[0], 300) if said else "its log does not say why"
    why += "".join(f"; {one['subject']} {one['reason']}" for one in pg_end.refused()[:1])
    if not re.search(r"before configured recovery target|before consistent recovery point", why):
        return why
    last = newest(r"last completed transaction was at log time (.*)") or "an unknown time"
    file = (pg_end.fetched() or [{"name": "none"}])[-1]["name"]
    bad = pg_end.missing(recall("plan") or {"bad": []})
    why += f": {request['target']} cannot be reached; the newest transaction that was recovered is of {last}"
    return f"{why}, the last WAL file {file}{f'; {bad}' if bad else ''}"


def _needs(why: str) -> str:
    """Return what a complaint says about this machine rather than about the backup."""
    if _LIBRARY.match(why):
        return ": a library of this server is not installed where drills run; nothing is wrong with the backup"
    if _HERE.search(why):
        return ": more than the sandbox has; give it more, or the server less by postgres_settings"
    return ""


def main(request: dict[str, Any]) -> None:
    """Do what the request says."""
    answer(wait, request)
