"""How long verbs take as a user types them: from the shell to the end, interleaved with a Python that does nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from drp.config.template import lay_site
from drp.hashing.tree import create_manifest

AIM_SECONDS = 0.1
ROUNDS = 15


def main(rounds: int = ROUNDS) -> None:
    """Print a line for each verb: medians of wall clock and processor time, and what is asked."""
    with tempfile.TemporaryDirectory(prefix="drp-bench-") as folder:
        verbs = commands(Path(folder))
        for argv in verbs.values():  # once, so that everything is compiled and in memory
            subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in verbs}
        for _ in range(rounds):
            for name, argv in verbs.items():
                taken[name].append(once(argv))
    for name, runs in taken.items():
        wall, busy = (statistics.median(each[index] for each in runs) for index in (0, 1))
        aim = (
            ""
            if name == "python -c pass"
            else f"; asked: {AIM_SECONDS:.1f} s, {'met' if wall <= AIM_SECONDS else 'MISSED'}"
        )
        sys.stdout.write(f"start: {name}: {wall:.3f} s, processor {busy:.3f} s{aim}\n")


def commands(folder: Path) -> Mapping[str, Sequence[str]]:
    """Return the verbs, on the example site that nobody ever drilled, and on a tree of one file."""
    lay_site(folder / "site")
    (folder / "tree").mkdir()
    (folder / "tree/file").write_text("content")
    create_manifest(folder / "tree", folder / "tree.drpm", application="ehr", workers=1)
    drp = str(Path(sys.executable).parent / "drp")
    site = [drp, "--site", str(folder / "site")]
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "drp --help": [drp, "--help"],
        "drp manifest verify": [drp, "manifest", "verify", str(folder / "tree"), "-m", str(folder / "tree.drpm")],
        "drp status": [*site, "status"],
        "drp repo list": [*site, "repo", "list"],
        "drp config check": [*site, "config", "check"],
    }


def once(argv: Sequence[str]) -> tuple[float, float]:
    """Run a program to its end and return its wall clock and its processor time, that of all its children included."""
    with Path(os.devnull).open("wb") as nowhere:
        actions = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), number) for number in (1, 2)]
        began = time.perf_counter()
        pid = os.posix_spawn(argv[0], list(argv), os.environ, file_actions=actions)
        _, _, used = os.wait4(pid, 0)
        return time.perf_counter() - began, used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
