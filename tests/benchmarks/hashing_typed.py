"""`drp manifest verify` as a user types it, against `b3sum --check`: whole processes, the start of Python included."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence

from drp.hashing.tree import create_manifest
from tests.benchmarks.hashing_programs import find
from tests.benchmarks.hashing_trees import DIRECTORY, room, tree
from tests.benchmarks.start import once

AIMS = {0.2: 1.0, 1.0: 2.0}
"""Share of the 200,000 files of 4 KiB → how many times as fast as b3sum, with the compiled core."""


def main(arguments: Sequence[str] = ()) -> None:
    """Print a line for each tree: how many times as fast each core is; ``arguments``: other shares of the files."""
    if find("b3sum") is None:
        sys.stdout.write("hashing as typed: b3sum is not installed\n")
        return
    for share in [float(each) for each in arguments] or list(AIMS):
        room(["small"], share)
        sys.stdout.write(measured(share) + "\n")


def measured(share: float, rounds: int = 7) -> str:
    """Return the line of one tree."""
    root = tree("small", share)
    manifest, sums = DIRECTORY / f"{root.name}-typed.drpm", DIRECTORY / f"{root.name}-typed.b3"
    create_manifest(root, manifest, application="bench")
    subprocess.run(["sh", "-c", f"find {root} -type f -print0 | xargs -0 b3sum -- >{sums}"], check=True)
    verify = [str(find("drp")), "manifest", "verify", str(root), "-m", str(manifest), "--core"]
    programs = {
        "b3sum": [str(find("b3sum")), "--check", "--quiet", str(sums)],
        "pure": [*verify, "pure"],
        "native": [*verify, "native"],
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, argv in programs.items():
            taken[name].append(once(argv))
    wall, busy = (
        {name: statistics.median(each[index] for each in runs) for name, runs in taken.items()} for index in (0, 1)
    )
    asked = AIMS.get(share)
    ratio = wall["b3sum"] / wall["native"]
    aim = "" if asked is None else f"; asked: {asked:.1f}, {'met' if ratio >= asked else 'MISSED'}"
    return (
        f"hashing as typed, {200_000 * share:,.0f} files of 4 KiB: b3sum --check {wall['b3sum']:.2f} s; times as fast: "
        f"compiled {ratio:.2f}, pure {wall['b3sum'] / wall['pure']:.2f} (of processor time: "
        f"{busy['b3sum'] / busy['native']:.2f}, {busy['b3sum'] / busy['pure']:.2f}){aim}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
