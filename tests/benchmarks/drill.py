"""A whole drill against a shell script that does the same by hand, interleaved; and how long `drp --help` takes.

By hand: restic restore, b3sum of every file, PostgreSQL start, the same query, stop. No isolation, no proof, no checks
of pages and rows, no record: what drp adds is inside its figure.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.ehr import binaries
from tests.support.restic_tools import executable
from tests.support.rig import Rig

BY_HAND = r"""
set -eu
"$RESTIC" --repo "$REPOSITORY" --no-lock --quiet restore "$POINT" --target "$WORK"
cd "$WORK$ROOT"
b3sum --quiet --check "$SUMS"
chown -R "$OWNER" pg && chmod 0700 pg
$AS "$BIN/pg_ctl" -D "$PWD/pg" -w -s -l "$WORK/log" -o "-c listen_addresses='' -c unix_socket_directories=$WORK" start
$AS "$BIN/psql" -h "$WORK" -U postgres -d ehr -Atc "select count(*), max(recorded_at) from encounter"
$AS "$BIN/pg_ctl" -D "$PWD/pg" -m fast -s stop
"""


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a piece of work takes."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def by_hand(rig: Rig, sums: Path, root: str, point: str) -> None:
    """Recover as an engineer would with a script."""
    work = Path(tempfile.mkdtemp(prefix="drp-by-hand-", dir="/dev/shm"))
    work.chmod(0o777)
    uid, gid = rig.ehr._owner
    environment = {
        "PATH": os.environ["PATH"], "RESTIC": str(executable(rig.restic)), "REPOSITORY": str(rig.medium / "restic"), "POINT": point,
        "RESTIC_PASSWORD": rig.secret("medium-password"), "RESTIC_CACHE_DIR": str(rig.folder / "cache"), "WORK": str(work), "ROOT": root,
        "SUMS": str(sums), "BIN": str(binaries()), "OWNER": f"{uid}:{gid}", "HOME": "/nonexistent",
        "AS": f"setpriv --reuid={uid} --regid={gid} --clear-groups --" if os.geteuid() == 0 else "",
    }  # fmt: skip
    try:
        subprocess.run(["sh", "-c", BY_HAND], env=environment, check=True, capture_output=True)
    finally:
        shutil.rmtree(work)


def drill_against_script(rounds: int = 5) -> list[str]:
    """Return the table of the comparison."""
    folder = Path(tempfile.mkdtemp(prefix="drp-bench-", dir="/var/tmp"))
    ours: list[float] = []
    theirs: list[float] = []
    try:
        with Rig(folder, patients=20_000, encounters=400_000, document_megabytes=100) as rig:
            points = rig.backup(worm=False)
            root = str(rig.ehr.staging / "ehr")
            sums = folder / "sums"
            with sums.open("wb") as stream:
                subprocess.run(
                    "find . -type f -print0 | xargs -0 b3sum", shell=True, cwd=root, stdout=stream, check=True
                )
            for number in range(rounds + 1):
                one = timed(lambda: rig.drp("--quiet", "drill", "run", "ehr-airgap"))
                other = timed(lambda: by_hand(rig, sums, root, points["medium"]))
                if number:  # the first round warms caches
                    ours.append(one)
                    theirs.append(other)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    drp, script = statistics.median(ours), statistics.median(theirs)
    within = drp <= max(1.25 * script, script + 6)
    return [
        (
            f"whole drill, {rounds} interleaved rounds: drp {drp:.1f} s, by hand {script:.1f} s, ratio "
            f"{drp / script:.2f}, difference {drp - script:.1f} s (aim: at most 1.25 times or 6 s more: "
            f"{'reached' if within else 'MISSED'})"
        )
    ]


def help_page(rounds: int = 15) -> list[str]:
    """Return how long the help page takes, beside a Python that does nothing."""
    program = [str(Path(sys.executable).parent / "drp"), "--help"]
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(timed(lambda: subprocess.run(program, check=True, capture_output=True)))
        theirs.append(timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)))
    drp, python = statistics.median(ours), statistics.median(theirs)
    return [f"drp --help: median {drp:.2f} s of {rounds} (aim 0.2 s); python alone {python:.2f} s"]


def main() -> None:
    """Print the tables."""
    for row in [*help_page(), *drill_against_script()]:
        sys.stdout.write(row + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
