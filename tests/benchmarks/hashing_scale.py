"""Manifests of many millions of synthetic entries: `python -m tests.benchmarks.hashing_scale [ENTRIES]`.

Two manifests that differ in one directory of five hundred are written; then, each in a process of its own, so that
its peak memory is its own: their diff, a full read, the merge that ends the making of a manifest, and a verification
of an empty tree, in which everything is missing.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from drp.hashing.difference import differences
from drp.hashing.verification import Plan, verify_tree
from drp.manifests.layout import FIXED, OWNER, Group, encode, sort_key
from drp.manifests.opening import open_manifest
from drp.manifests.writer import Writer
from tests.benchmarks.hashing_trees import DIRECTORY

_ROWS = 100
_HEADER = {
    "application": "pacs",
    "algorithms": ["blake3"],
    "codec": "zstd",
    "facts": {},
    "host": "h",
    "key": "00" * 32,
    "options": {},
    "root": "/archive",
    "started_at": "2026-01-01T00:00:00+00:00",
    "tool": "drp",
}


def directory(number: int) -> bytes:
    return b"archive/%04d/%06d/1.2.840.113619.2.55.3.%010d" % (number // 20_000, number // 20, number)


def group(number: int, source: random.Random) -> Group:
    names = [b"1.2.840.113619.2.%08d.dcm" % image for image in range(_ROWS)]
    fixed = b"".join(
        [FIXED.pack(0o100640, 524_288 + number, 1_700_000_000_000_000_000 + number + image) for image in range(_ROWS)]
    )
    made = Group(directory(number), True, True, names, fixed, OWNER.pack(33, 33) * _ROWS, source.randbytes(32 * _ROWS))
    made.size = _ROWS * (524_288 + number)
    return made


def write(entries: int, first: Path, second: Path) -> None:
    source = random.Random(1)
    with first.open("wb") as one, second.open("wb") as two:
        ours, theirs = Writer(one, _HEADER), Writer(two, _HEADER)
        for number in range(entries // _ROWS):
            made = group(number, source)
            stored = encode(made)
            ours.add(stored, bytes(32))
            if number % 500 == 7:
                made.digests = source.randbytes(32) + made.digests[32:]
                stored = encode(made)
            theirs.add(stored, bytes(32))
        for writer in (ours, theirs):
            writer.finish({"finished_at": "2026-01-01T00:00:00+00:00"})


def diff(first: Path, second: Path) -> int:
    with open_manifest(first) as left, open_manifest(second) as right:
        return sum(1 for _ in differences(left, right))


def read(first: Path, second: Path) -> int:
    del second
    with open_manifest(first) as manifest:
        return sum(len(made.names) for made in manifest.all_groups())


def verify(first: Path, second: Path) -> int:
    del second
    empty = DIRECTORY / "empty"
    empty.mkdir(exist_ok=True)
    return verify_tree(empty, first, Plan()).difference.counts["missing"]


def merge(first: Path, second: Path) -> int:
    """Spool the manifest's groups as workers do, in runs of eight megabytes, and merge them."""
    from drp.hashing.creation import _merged
    from drp.hashing.workers.create_job import CreateJob

    del second
    with open_manifest(first) as manifest, (DIRECTORY / "spool").open("wb+") as spool:
        job = CreateJob({"key": bytes(32), "options": {"algorithms": ["blake3"]}}, (), [spool], DIRECTORY)
        pending, held = [], 0
        for made in manifest.all_groups():
            stored = bytes(32) + encode(made)
            pending.append((sort_key(made.directory), stored))
            held += len(stored)
            if held > 8 << 20:
                job.runs.append((0, spool.tell(), held))
                spool.writelines(stored for _, stored in sorted(pending))
                pending, held = [], 0
        job.runs.append((0, spool.tell(), held))
        spool.writelines(stored for _, stored in sorted(pending))
        spool.flush()
        started = time.perf_counter()
        with open(os.devnull, "wb") as sink:
            writer = Writer(sink, _HEADER)
            for stored, root in _merged(job, [spool]):
                writer.add(stored, root)
            writer.finish({"finished_at": "2026-01-01T00:00:00+00:00"})
        print(f"merge and write alone: {time.perf_counter() - started:.1f} s", file=sys.stderr)
        (DIRECTORY / "spool").unlink()
        return writer.entries


STEPS = {"diff": diff, "read": read, "merge": merge, "verify an empty tree": verify}


@dataclass(frozen=True, slots=True)
class Step:
    """What one step took."""

    entries: int
    wall: float
    memory: float
    """Peak MiB of one process."""
    result: int


def main() -> None:
    if len(sys.argv) > 2:
        step, first, second = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
        started = time.perf_counter()
        result = STEPS[step](first, second)
        wall = time.perf_counter() - started
        memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        print(json.dumps({"wall": wall, "memory": memory / 1024, "result": result}))
        return
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    print("| step | wall | entries/s | peak MiB |\n|---|---|---|---|", flush=True)
    for name, one in steps(entries).items():
        rate = one.entries / one.wall / 1e6
        print(f"| {name} ({one.result}) | {one.wall:.1f} s | {rate:.2f} M | {one.memory:.0f} |", flush=True)


def steps(entries: int) -> dict[str, Step]:
    """Return what each step took, each in a process of its own."""
    first, second = DIRECTORY / f"scale-{entries}-a", DIRECTORY / f"scale-{entries}-b"
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    if not second.exists():
        started = time.perf_counter()
        write(entries, first, second)
        print(f"two manifests of {entries} entries written in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    size = first.stat().st_size
    print(f"{entries} entries: {size / 1e6:.0f} MB, {size / entries:.1f} bytes an entry", file=sys.stderr)
    done = {}
    for step in STEPS:
        # a shell between, which forks: a process's peak memory begins with that of the one that forked it, also by exec
        command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-m", "tests.benchmarks.hashing_scale"]
        command += [str(entries), step, str(first), str(second)]
        told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        done[step] = Step(entries, told["wall"], told["memory"], told["result"])
    return done


if __name__ == "__main__":
    main()
