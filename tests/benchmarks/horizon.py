"""What a point needs, in an index of a million packs: seconds and memory, against restic's own walk of the same index.

    .venv/bin/python -m tests.benchmarks.horizon [--packs 1000000]

Data packs are listed and do not exist: nobody reads them. Each run is a process of its own, whose peak memory the
kernel tells (getrusage(2), ru_maxrss); drp's is that of the program that holds index and trees, and of its starter.
The peer is ``restic stats --mode raw-data`` (newest restic): it loads the same index and follows the same trees.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from drp.domain.worm.objects import ObjectVersion
from drp.repositories.locations.stored_directory import StoredDirectory
from drp.repositories.restic.needs.listing import listing
from drp.repositories.restic.needs.session import Asked, needs_of
from tests.support.restic_made import MadeRepository, fill
from tests.support.restic_tools import PASSWORD, Restic, executable

BLOBS = 8
MOST_MIB = 512


class Listed(StoredDirectory):
    """A repository with packs that are only listed."""

    def __init__(self, folder: Path, names: Path) -> None:
        super().__init__("made", folder)
        self._names = names

    def versions(self, folder: str = "") -> Iterator[ObjectVersion]:
        yield from super().versions(folder)
        with self._names.open() as names:
            for line in names:
                pack = line.strip()
                yield ObjectVersion(
                    key=f"data/{pack[:2]}/{pack}",
                    version="",
                    size=8 << 20,
                    modified=datetime(2026, 11, 20, tzinfo=UTC),
                    latest=True,
                    marker=False,
                )


def ask(folder: Path, names: Path, cache: Path, point: str) -> dict[str, object]:
    """Ask once, in this process, and return what it took."""
    stored = Listed(folder, names)
    begun = time.monotonic()
    asked = Asked(
        name="made", stored=stored, listing=listing(stored.versions()), password=PASSWORD.encode(), cache=cache
    )
    ((_, needs),) = needs_of(asked, [point])
    return {
        "seconds": round(time.monotonic() - begun, 2),
        "names": len(needs.names),
        "unknown": needs.unknown,
        "missing": len(needs.missing),
        "program_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10,
        "starter_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def measured(*arguments: str) -> dict[str, object]:
    """Run `ask` in a process of its own."""
    argv = [sys.executable, "-m", "tests.benchmarks.horizon", "--ask", *arguments]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def restic_walk(folder: Path, point: str) -> dict[str, object]:
    """Let restic follow the same snapshot."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [executable("current"), "--repo", folder, "--no-cache", "--no-lock", "stats", "--mode", "raw-data", point],
        env={"PATH": os.defpath, "HOME": "/nonexistent", "RESTIC_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    told = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, told[-500:]
    return {"seconds": round(time.monotonic() - begun, 2), "program_mib": usage.ru_maxrss >> 10}


def main(packs: int = 1_000_000) -> int:
    """Make, measure, print; return 1 above 512 MiB."""
    with tempfile.TemporaryDirectory(prefix="drp-horizon-") as made_in:
        folder = Path(made_in, "repository")
        made = MadeRepository.of(Restic(executable("current"), str(folder)).init())
        point, names = fill(made, packs=packs, blobs=BLOBS)
        listed, cache = Path(made_in, "names"), Path(made_in, "cache")
        listed.write_text("\n".join(names))
        del names
        rows = {"drp, first": measured(str(folder), str(listed), str(cache), point)}
        rows["restic stats"] = restic_walk(folder, point)
        rows["drp, again"] = measured(str(folder), str(listed), str(cache), point)
        extra = made.index([(os.urandom(32).hex(), [])])
        rows["drp, one index more"] = measured(str(folder), str(listed), str(cache), point)
        rows["restic stats, again"] = restic_walk(folder, point)
        print(f"{packs} packs of {BLOBS} blobs, {len(extra) and packs * BLOBS} blobs in all")
        for name, row in rows.items():
            print(f"{name:22}", json.dumps(row))
        peak = max(
            int(str(row.get(key, 0)))
            for name, row in rows.items()
            if "drp" in name
            for key in ("program_mib", "starter_mib")
        )
        print(f"peak of drp: {peak} MiB of {MOST_MIB}")
        return 1 if peak > MOST_MIB else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--packs", type=int, default=1_000_000)
    parser.add_argument("--ask", nargs=4)
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(ask(*map(Path, options.ask[:3]), options.ask[3])))
    else:
        sys.exit(main(options.packs))
