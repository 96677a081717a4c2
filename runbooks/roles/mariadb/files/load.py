"""Load dump and binary log into a running MariaDB, once. Reads a request as JSON, answers as JSON.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. What
is wrong with dump or log is named before anything of them is carried out.
"""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

if "__file__" in globals():  # run as a file, beside its parts; else they come before it
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import dumps as dump_files
import entrance
import global_settings
from binary_log import BinaryLog, Wanted
from client import CLIENT, LOADED, RUN, Failure, Limit, Notices, run, tool


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Load the dump and replay the binary log, once."""
    begun = RUN / "loading"
    if LOADED.exists():
        return {"changed": False}
    if begun.exists():
        raise Limit("the binary log was replayed in part, by a start that was cut off: restore again")
    answer: dict[str, Any] = {"changed": bool(request["dumps"] or request["binlog"])}
    notices, found = Notices(), []
    position, gtid = request["position"], request.get("gtid") or ""
    if request["dumps"]:
        paths = dump_files.listed(Path(request["dumps"]), notices)
        found = [dump_files.read(path, request.get("database") or "") for path in paths]
        dump_files.require_one_state(found)
        if request["binlog"]:
            position, gtid = dump_files.position_of(found)
    log = the_log(request, position, gtid)
    before = global_settings.read()
    if found:
        answer["databases"] = dump_files.load(found)
        dump_files.tell(found, notices)
    if log is not None:
        begun.touch()
        log.replay()
        answer |= told(log)
        begun.unlink()
    if answer["changed"]:
        global_settings.give_back(before, notices)
        tool(CLIENT, "who may administer the server could not be said", input=entrance.script())
        global_settings.asleep(notices)
    entrance.tell(notices)
    LOADED.touch()
    answer["notices"] = notices.told() + (log.folder.notices.told() if log is not None else [])
    return answer


def the_log(request: dict[str, Any], position: list[Any] | None, gtid: str) -> BinaryLog | None:
    """Return the binary log, looked through; None where there is none to replay."""
    if not request["binlog"]:
        if request["target"]:
            raise Failure(
                "{target} cannot be reached: without a binary log the backup holds one instant",
                target=request["target"],
            )
        return None
    if position is None:
        raise Failure(
            "the backup does not say where its binary log goes on: neither xtrabackup_binlog_info nor --master-data"
        )
    wanted = Wanted(
        file=position[0],
        start=position[1],
        now=datetime.now(timezone.utc) + timedelta(days=1),  # production's clock need not be this machine's
        gtid=gtid,
        before=second(request["target"]),
        only_closed=bool(request.get("only_closed")),
    )
    return BinaryLog(Path(request["binlog"]), wanted)


def told(log: BinaryLog) -> dict[str, Any]:
    """Return what the log brought."""
    answer: dict[str, Any] = {"replayed": log.names, "ends": "cut off" if log.broken else "whole"}
    if log.wanted.before is not None:
        answer["stopped_before"] = log.wanted.before.isoformat()
    elif log.newest is not None:
        answer["newest_transaction"] = log.newest.isoformat()
    return answer


def second(target: str) -> datetime | None:
    """Return the second before which to stop, so that nothing younger comes back."""
    if not target:
        return None
    try:
        wanted = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", target))
    except ValueError:
        raise Failure(
            "recovery_target_time {target} is no instant: write 2026-11-21T02:00:00Z", target=target
        ) from None
    if wanted.tzinfo is None:
        raise Failure("recovery_target_time {target} has no time zone: write 2026-11-21T02:00:00Z", target=target)
    return wanted.astimezone(timezone.utc).replace(microsecond=0)


if __name__ == "__main__":
    run(lambda: print(json.dumps(load(json.load(sys.stdin)))))
