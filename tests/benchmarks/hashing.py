"""Measures hashing against the machine's limit and its peers: `python -m tests.benchmarks hashing --table FILE`.

All programs run in turn, round after round, as whole processes, so that a noisy moment hits everybody; medians are
compared. CPU seconds (user + system, all children) stand beside wall time: they hold on a busy machine. Cold runs
drop the page cache before every run (needs root). See README.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import hashing_scale
from tests.benchmarks.hashing_aims import COLD_SHAPES
from tests.benchmarks.hashing_programs import Program, cold_programs, missing, programs
from tests.benchmarks.hashing_table import Results, Run, Section, page
from tests.benchmarks.hashing_trees import DIRECTORY, SHAPES, room, tree


def main(arguments: list[str] | None = None) -> int:
    """Measure and write; return 1 when --gate is given and an aim is missed."""
    options = _options(arguments)
    room([*options.shape, *([] if options.warm_only else ["volumes"])], options.scale)  # fio reads the volumes
    sections: list[Section] = []
    for cold in (False, True):
        for shape in options.shape:
            if (cold and (options.warm_only or shape not in COLD_SHAPES)) or (not cold and options.cold_only):
                continue
            root = tree(shape, options.scale)
            made = cold_programs(shape, root, options.scale) if cold else programs(root)
            chosen = [one for one in made if not options.only or any(part in one.name for part in options.only)]
            results = measure(chosen, root, options.rounds, cold=cold)
            sections.append(Section(shape, cold, results, options.rounds))
            _write(options.table, sections, {}, options.scale)
    steps = hashing_scale.steps(options.entries) if options.entries else {}
    missed = _write(options.table, sections, steps, options.scale)
    return 1 if options.gate and missed else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks hashing", description=__doc__)
    parser.add_argument("--table", type=Path, help="file for the table; default: standard output")
    parser.add_argument("--shape", action="append", choices=SHAPES, help="default: all of them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of each tree's files; 1.0 takes 15.7 GB of disk"
    )
    parser.add_argument("--entries", type=int, default=2_000_000, help="of the synthetic manifests; 0: none")
    parser.add_argument("--only", action="append", help="programs whose name contains this")
    parser.add_argument("--warm-only", action="store_true")
    parser.add_argument("--cold-only", action="store_true")
    parser.add_argument("--gate", action="store_true", help="exit 1 when an aim is missed")
    options = parser.parse_args(arguments)
    options.shape = options.shape or list(SHAPES)
    if not options.warm_only and os.geteuid() != 0:
        print("cold runs need root: only warm ones are measured", file=sys.stderr)
        options.warm_only = True
    for name in missing():
        print(f"{name} is not installed: `sh tests/setup/system.sh bench` installs every peer", file=sys.stderr)
    return options


def _write(table: Path | None, sections: list[Section], steps: dict[str, hashing_scale.Step], scale: float) -> int:
    """Write what there is so far; return how many aims were missed."""
    text, missed = page(sections, steps, scale, missing())
    if table is None:
        if steps or not sections:
            print(text)
    else:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(text, encoding="utf-8")
    return missed


def measure(chosen: list[Program], root: Path, rounds: int, *, cold: bool) -> Results:
    """Return every run of every program."""
    results: Results = {program.name: [] for program in chosen}
    for number in range(rounds):
        for program in chosen:
            if cold:
                os.sync()
                Path("/proc/sys/vm/drop_caches").write_text("3")
            else:  # idle pages may have been reclaimed meanwhile
                subprocess.run(["sh", "-c", f"find {root} -type f -print0 | xargs -0 cat >/dev/null"], check=True)
            results[program.name].append(_run(program))
        print(f"{root.name} {'cold' if cold else 'warm'}: round {number + 1} of {rounds}", file=sys.stderr)
    return results


def _run(program: Program) -> Run:
    with tempfile.TemporaryFile(dir=DIRECTORY) as told:
        actions = [(os.POSIX_SPAWN_DUP2, told.fileno(), 1)]
        busy, started = _busy(), time.perf_counter()
        pid = os.posix_spawnp(program.command[0], list(program.command), os.environ, file_actions=actions)
        _, status, used = os.wait4(pid, 0)
        wall, own = time.perf_counter() - started, used.ru_utime + used.ru_stime
        foreign = max(0.0, _busy() - busy - own) / (wall * (os.cpu_count() or 1))
        if status:
            raise SystemExit(f"{program.name} ended with {os.waitstatus_to_exitcode(status)}")
        if program.seconds is not None:
            told.seek(0)
            wall = program.seconds(told.read())
    return Run(wall, own, foreign)


def _busy() -> float:
    """Return the seconds for which the processors have been busy since the machine started."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:8])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
