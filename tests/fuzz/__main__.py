"""``python -m tests.fuzz [SECONDS] [TARGET …]``: try every parser of hostile bytes for so long, each its share.

What breaks one is told with its bytes; put them into the corpus (`tests/support/fuzzing.py`) with the fix. Inputs are
drawn anew each time, unlike those of the suites; where atheris is installed (`pip install atheris`) it draws them.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.support.fuzzing import TARGETS, hostile

_BATCH = 500
_SLOW_SECONDS = 5.0


def fuzz(name: str, seconds: float) -> str:
    """Return what broke a target, empty if nothing did within so many seconds."""
    ends, count, slowest = time.monotonic() + seconds, 0, 0.0

    def once(data: bytes) -> None:
        nonlocal count, slowest
        started = time.process_time()
        TARGETS[name](data)
        count, slowest = count + 1, max(slowest, time.process_time() - started)

    while time.monotonic() < ends:
        batch = settings(
            max_examples=_BATCH, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        try:
            seed(time.time_ns())(batch(given(hostile(name))(once)))()
        except Exception as error:
            return f"{type(error).__name__}: {error}\n" + "\n".join(getattr(error, "__notes__", ()))
    sys.stdout.write(f"{name}: {count} inputs, the slowest took {slowest * 1000:.0f} ms\n")
    return f"an input took {slowest:.1f} s" if slowest > _SLOW_SECONDS else ""


def guided(name: str, seconds: float) -> str:
    """Return what broke a target, as `fuzz` does, by a process that atheris guides."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "tests.fuzz.guided", name, str(max(1, round(seconds))), folder]
        done = subprocess.run(words, capture_output=True, check=False, timeout=seconds + 300)
        found = [path.read_bytes() for path in Path(folder).iterdir() if path.is_file()]
    said = done.stderr.decode("utf-8", "replace").splitlines()
    if done.returncode == 0 and not found:
        sys.stdout.write(f"{name}: {next((line for line in reversed(said) if line.startswith('Done')), 'done')}\n")
        return ""
    return "\n".join([*said[-30:], *(repr(content[:2000]) for content in found)])


def main(arguments: list[str]) -> int:
    """Try the named targets, or all."""
    seconds, names = float(arguments[0]) if arguments else 300.0, arguments[1:] or list(TARGETS)
    broken, way = 0, guided if importlib.util.find_spec("atheris") else fuzz
    for name in names:
        if said := way(name, seconds / len(names)):
            broken += 1
            sys.stdout.write(f"{name}: BROKEN: {said}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
