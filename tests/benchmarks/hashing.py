"""Measures hashing against the machine's limit and its peers: `python -m tests.benchmarks.hashing`, by `make bench`.

All programs run in turn, round after round, as whole processes, so that a noisy moment hits everybody; medians are
compared. CPU seconds (user + system, all children) stand beside wall time: they hold on a busy machine. With --cold
the page cache is dropped before every run (needs root). A table in Markdown goes to standard output.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.hashing_programs import Program, programs
from tests.benchmarks.hashing_trees import SHAPES, tree

_AIMS = {
    ("native, all cores", "drp-hash verify"): {"small": 0.80, "images": 0.90, "volumes": 0.90, "mixed": 0.90},
    ("native, all cores", "drp-hash create"): {"small": 0.80, "images": 0.90, "volumes": 0.90, "mixed": 0.90},
    ("native sha256, all cores", "drp-hash verify sha256"): dict.fromkeys(SHAPES, 0.95),
    ("b3sum, xargs -P2", "drp-hash create"): {"small": 1.5, "images": 1.2, "volumes": 1.0, "mixed": 1.5},
    ("b3sum --check", "drp-hash verify"): {"small": 2.0, "images": 1.8, "volumes": 1.0, "mixed": 2.0},
    ("sha256sum -c", "drp-hash verify sha256"): dict.fromkeys(SHAPES, 3.0),
    ("hashdeep -a -j2", "drp-hash verify sha256"): dict.fromkeys(SHAPES, 6.0),
    ("rclone checksum", "drp-hash verify sha256"): dict.fromkeys(SHAPES, 9.0),
    ("bagit --processes 2", "drp-hash verify sha256"): {"small": 6.0, "images": 6.0, "mixed": 6.0},
    ("drp-hash create", "drp-hash verify"): dict.fromkeys(SHAPES, 1 / 1.05),
    ("drp-hash verify, 1 worker", "drp-hash verify"): dict.fromkeys(SHAPES, 1.8),
}


def main() -> int:
    """Measure and print; return 1 when --gate is given and an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", action="append", choices=SHAPES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of each tree's files")
    parser.add_argument("--only", action="append", help="programs whose name contains this")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--gate", action="store_true", help="exit 1 when an aim is missed")
    options = parser.parse_args()
    missed = 0
    for shape in options.shape or SHAPES:
        root = tree(shape, options.scale)
        chosen = [
            program
            for program in programs(shape, root)
            if not options.only or any(part in program.name for part in options.only)
        ]
        results = measure(chosen, root, options.rounds, cold=options.cold)
        missed += report(shape, results, cold=options.cold)
    return 1 if options.gate and missed else 0


def measure(chosen: list[Program], root: Path, rounds: int, *, cold: bool) -> dict[str, list[tuple[float, float]]]:
    """Return wall seconds and CPU seconds of every run."""
    results: dict[str, list[tuple[float, float]]] = {program.name: [] for program in chosen}
    if not cold:
        subprocess.run(["sh", "-c", f"find {root} -type f -print0 | xargs -0 cat >/dev/null"], check=True)
    for number in range(rounds):
        for program in chosen:
            if cold:
                os.sync()
                Path("/proc/sys/vm/drop_caches").write_text("3")
            results[program.name].append(_run(program))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return results


def _run(program: Program) -> tuple[float, float]:
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    started = time.perf_counter()
    path = program.command[0]
    pid = os.posix_spawnp(path, list(program.command), os.environ, file_actions=quiet)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"{program.name} ended with {os.waitstatus_to_exitcode(status)}")
    return wall, used.ru_utime + used.ru_stime


def report(shape: str, results: dict[str, list[tuple[float, float]]], *, cold: bool) -> int:
    """Print medians and ratios; return how many aims were missed."""
    load = os.getloadavg()[0]
    print(f"\n### {shape}, {'cold' if cold else 'warm'} cache (load at the end {load:.1f})\n")
    print("| program | wall s | best | CPU s | best |\n|---|---|---|---|---|")
    middle = {}
    for name, runs in results.items():
        wall, cpu = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
        middle[name] = (wall, cpu)
        best = min(run[0] for run in runs), min(run[1] for run in runs)
        print(f"| {name} | {wall:.3f} | {best[0]:.3f} | {cpu:.3f} | {best[1]:.3f} |")
    print("\n| ratio | wall | CPU | aim | |\n|---|---|---|---|---|")
    missed = 0
    for (other, ours), aims in _AIMS.items():
        if other not in middle or ours not in middle or shape not in aims or cold:
            continue
        wall = middle[other][0] / middle[ours][0]
        cpu = middle[other][1] / middle[ours][1]
        met = wall >= aims[shape]
        missed += not met
        print(f"| {other} / {ours} | {wall:.2f} | {cpu:.2f} | ≥ {aims[shape]:.2f} | {'met' if met else 'MISSED'} |")
    return missed


if __name__ == "__main__":
    sys.exit(main())
