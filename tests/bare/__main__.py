"""Builds bare machines and lets each kind of user run the README's first command there; prints what came of it.

``python3 -m tests.bare``: every release with every user, or those that are named, as ``trixie-sudo``. ``--one SEED``: one
release and user who may install, chosen by the seed, and the one who may not, who takes a second. Ends with 1 when
something does not hold, 10 when it cannot be tried.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bare.roots import RELEASES, CannotBuild, build, machine
from tests.bare.visits import VISITS, Unmet, Visit

_HEAD = ("release", "who", "result", "seconds", "exit")
_LAST_LINES = 60
_INSIDE = "--inside"
"""First argument once we are in a mount namespace of our own."""
_NOT_TRIED = 10


def main(arguments: list[str]) -> int:
    """Return the exit status."""
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        print(
            "bare machines are made by root, with mmdebstrap\nHINT: run `make bare` as root or with sudo",
            file=sys.stderr,
        )
        return _NOT_TRIED
    if arguments[:1] != [_INSIDE]:  # whatever is mounted is gone with us, however we end
        words = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "--",
            sys.executable,
            "-B",
            "-m",
            "tests.bare",
            _INSIDE,
        ]
        os.execvp(words[0], [*words, *arguments])
    every = [(release, visit) for release in RELEASES for visit in VISITS]
    chosen = [(release, visit) for release, visit in every if f"{release}-{visit.who}" in arguments] or every
    if arguments[1:2] == ["--one"]:
        chosen = one_of(arguments[2])
        told = ", ".join(f"{RELEASES[release]} {visit.who}" for release, visit in chosen)
        print(f"chosen by {arguments[2][:12]}: {told}", flush=True)
    try:
        with work_folder() as folder:
            rows = [tried(release, visit, folder) for release, visit in chosen]
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return _NOT_TRIED
    table = [_HEAD, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    print("\n" + "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in table))
    return 0 if all(row[2] == "as promised" for row in rows) else 1


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make the folder of this run, without what a killed one left. Raises ``CannotBuild`` while another run has it."""
    folder = Path(os.environ.get("DRP_BARE", "/var/tmp/drp-bare"))
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != 0:
        raise CannotBuild(f"{folder} belongs to another user: name another folder in DRP_BARE")
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotBuild(f"another `make bare` works in {folder}") from None
        for left in folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
        yield folder
        shutil.rmtree(folder)


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
    row = (RELEASES[release], visit.who, result, f"{time.monotonic() - started:.0f}", status)
    print("  ".join(row), flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
