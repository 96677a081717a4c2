"""Stop the restored PostgreSQL server cleanly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pg_common import Failure, answer, complaint, run_tool, running, server_folder


def stop(request: dict[str, Any]) -> dict[str, Any]:
    """Stop the server if it runs."""
    data = Path(request["data"])
    if not running(data):
        return {"changed": False}
    _, programs = server_folder(data, request["programs"])
    ended = run_tool([programs / "pg_ctl", "-D", data, "-s", "-w", "-t", "60", "-m", "fast", "stop"])
    if ended.returncode:
        raise Failure("the server did not stop: {how}", how=complaint(ended, "pg_ctl"))
    return {"changed": True}


def main(request: dict[str, Any]) -> None:
    """Do what the request says."""
    answer(stop, request)
