"""Many small applications in one drill, against a script that restores and reads as many by hand, interleaved.

By hand: for each application `restic restore` and `b3sum` of every file, two at a time, with keys as they are in
production. No sandbox, no proof, no record: what drp adds is inside its figure.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.many_site import PASSWORD, ManySite
from tests.support.restic_tools import executable

AIMS = {1: 3.0, 12: 15.0, 40: 50.0}
"""Applications → seconds on two cores that do nothing else."""
BY_HAND = r"""
set -eu
one() {
  "$RESTIC" --repo "$REPOSITORY" --no-lock --quiet restore "latest:$PRODUCTION/$1" --tag "app=$1" --target "$WORK/$1"
  find "$WORK/$1" -type f -print0 | xargs -0 b3sum >"$WORK/$1.sums"
}
seq -f 'app-%03g' 0 $((COUNT - 1)) | while read -r first && { read -r second || true; }; do
  one "$first" & [ -z "$second" ] || one "$second" &
  wait
done
"""


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that a piece of work takes, and of its processes' processor time."""
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return time.monotonic() - begun, used


def by_hand(site: ManySite, count: int) -> None:
    """Recover the first applications with a script."""
    work = Path(tempfile.mkdtemp(prefix="drp-by-hand-", dir="/dev/shm"))
    environment = {
        "PATH": os.environ["PATH"], "RESTIC": str(executable("current")), "REPOSITORY": str(site.site / "vault"), "RESTIC_PASSWORD": PASSWORD,
        "RESTIC_CACHE_DIR": str(site.folder / "cache"), "WORK": str(work), "PRODUCTION": str(site.folder / "srv"), "COUNT": str(count), "HOME": "/nonexistent",
    }  # fmt: skip
    try:
        subprocess.run(["sh", "-c", BY_HAND], env=environment, check=True, capture_output=True)
    finally:
        shutil.rmtree(work)


def by_drp(site: ManySite, count: int) -> None:
    """Drill them; whatever does not pass makes no figure."""
    status, _, words = site.run(f"first-{count}")
    if status != 0:
        raise SystemExit(f"the drill of {count} applications ended with {status}:\n{words}")


def rows(rounds: int = 3) -> list[str]:
    """Return a line for each number of applications."""
    folder = Path(tempfile.mkdtemp(prefix="drp-bench-many-", dir="/var/tmp"))
    found = []
    try:
        site = ManySite(folder).make(max(AIMS), quick_key=False)
        for count, aim in AIMS.items():
            site.drill(f"first-{count}", count)
            pairs = [
                (measured(lambda: by_drp(site, count)), measured(lambda: by_hand(site, count)))  # noqa: B023 - used up here
                for _ in range(rounds + 1)
            ][1:]  # the first round warms caches
            (ours, our_cpu), (theirs, their_cpu) = (
                tuple(statistics.median(figures) for figures in zip(*side, strict=True))
                for side in zip(*pairs, strict=True)
            )
            found.append(
                f"{count} applications of 1 MB, {rounds} interleaved rounds: drp {ours:.1f} s ({our_cpu:.1f} s of processor), "
                f"by hand {theirs:.1f} s ({their_cpu:.1f} s), ratio {ours / theirs:.1f} (aim: {aim:.0f} s: "
                f"{'reached' if ours <= aim else 'MISSED'})"
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def main() -> None:
    """Print the lines."""
    sys.stdout.write("\n".join(rows()) + "\n")


if __name__ == "__main__":
    main()
