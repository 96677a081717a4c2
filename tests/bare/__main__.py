"""Builds bare machines and lets each kind of user run the README's first command there; prints what came of it.

``python3 -m tests.bare``: every release with every user. ``--one SEED``: one release and user who may install, chosen by
the seed, and the one who may not, who takes a second. Ends with 1 when something does not hold, 10 when it cannot be tried.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bare.roots import RELEASES, CannotBuild, build, machine
from tests.bare.visits import VISITS, Unmet, Visit

_HEAD = ("release", "who", "result", "seconds", "exit")
_LAST_LINES = 60


def main(arguments: list[str]) -> int:
    """Return the exit status."""
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        print(
            "bare machines are made by root, with mmdebstrap\nHINT: run `make bare` as root or with sudo",
            file=sys.stderr,
        )
        return 10
    chosen = [(release, visit) for release in RELEASES for visit in VISITS]
    if arguments[:1] == ["--one"]:
        chosen = one_of(arguments[1])
        print("chosen by", arguments[1][:12], "→", ", ".join(f"{release} {visit.who}" for release, visit in chosen))
    rows = [_HEAD]
    with tempfile.TemporaryDirectory(prefix="drp-bare-", dir=os.environ.get("DRP_BARE", "/var/tmp")) as folder:
        for release, visit in chosen:
            try:
                rows.append(tried(release, visit, Path(folder)))
            except CannotBuild as error:
                print(error, file=sys.stderr)
                return 10
            print("  ".join(rows[-1]), flush=True)
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    print("\n" + "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows))
    return 0 if all(row[2] == "as promised" for row in rows[1:]) else 1


def one_of(seed: str) -> list[tuple[str, Visit]]:
    """Return a release with a user who may install packages and the one who may not: another one for another seed."""
    able = [(release, visit) for release in RELEASES for visit in VISITS if visit.who != "plain"]
    release, visit = able[hashlib.sha256(seed.encode()).digest()[0] % len(able)]
    return [*((release, other) for other in VISITS if other.who == "plain"), (release, visit)]


def tried(release: str, visit: Visit, work: Path) -> tuple[str, ...]:
    """Let one user try, and say how it went; the log's end is shown where it did not go as promised."""
    log = work / f"{release}-{visit.who}.log"
    base = build(release, work)
    started, result, status = time.monotonic(), "as promised", "-"
    try:
        with machine(base, work, visit.user, sudo=visit.sudo) as made:
            status = visit.work(made, log)
    except (Unmet, subprocess.TimeoutExpired) as error:
        said = log.read_text(errors="replace").splitlines() if log.exists() else []
        print("\n".join(said[-_LAST_LINES:]), file=sys.stderr)
        result = str(error)
    return (RELEASES[release], visit.who, result, f"{time.monotonic() - started:.0f}", status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
