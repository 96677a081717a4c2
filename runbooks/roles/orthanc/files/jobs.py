"""Name the jobs that a restored Orthanc keeps in an index on a database server. Reads a request and answers as JSON.

Kept, Orthanc would resume them; a drill has it forget them. It runs inside the sandbox on the bare Python of the
machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

if "__file__" in globals():  # run as a file, beside its parts; else they come before it
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from brake import Brake

SECONDS = 60
SOCKETS = ("/data/sockets", "/run")
QUERIES = (
    "SELECT value FROM ServerProperties WHERE property = 5",
    "SELECT value FROM GlobalProperties WHERE property = 5",
)


def ask(request: dict[str, Any], query: str) -> list[str] | None:
    """Return what the server answers, one value a line; nothing if there is no such table. None: nobody could ask."""
    if request["index"] == "mariadb":
        words = ["mariadb", "--no-defaults", "--socket=/data/sockets/mysqld.sock", "--batch", "--raw"]
        words += ["--skip-column-names"]
        words += [f"--execute={query}", request["database"]]
    else:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"), key=lambda path: number(path.parts[4]))
        psql = str(found[-1]) if found else "psql"
        words = [
            psql,
            "-XAtq",
            "-h",
            sockets(request["port"]),
            "-p",
            str(request["port"]),
            "-U",
            "postgres",
            "-d",
            request["database"],
            "-c",
            query,
        ]
    try:
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []


def sockets(port: object) -> str:
    """Return the folder of the server's socket."""
    return next((each for each in SOCKETS if os.path.exists(f"{each}/.s.PGSQL.{port}")), SOCKETS[-1])


def number(version: str) -> int:
    """Return the number that a version begins with."""
    digits = re.match(r"[0-9]+", version)
    return int(digits[0]) if digits else 0


def main() -> None:
    """Name them."""
    request, brake = json.load(sys.stdin), Brake({})
    for query in QUERIES:
        lines = ask(request, query)
        if lines is None:
            brake.note("held-back", "jobs", "could not be asked for; none of them is resumed")
            break
        for line in lines:
            try:
                brake.jobs(json.loads(line))
            except (ValueError, RecursionError):
                continue
    print(json.dumps({"notices": brake.notices}))


if __name__ == "__main__":
    main()
