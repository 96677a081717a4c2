"""Builds the C yardstick that stands for the machine's limit, with Debian's BLAKE3 sources when they can be had."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from tests.benchmarks.hashing_trees import DIRECTORY

_SOURCE = Path(__file__).with_name("hashing_yardstick.c")
_FINDER = Path(__file__).resolve().parents[1] / "setup" / "blake3.sh"
_UNITS = ("blake3.c", "blake3_dispatch.c", "blake3_portable.c")
_FAST = "blake3_*_x86-64_unix.S"


@cache
def yardstick() -> tuple[Path, bool]:
    """Return the program and whether it knows BLAKE3; without it SHA-256 (OpenSSL) must do."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    sources = _blake3()
    program = DIRECTORY / ("yardstick-blake3" if sources else "yardstick")
    if not program.exists() or program.stat().st_mtime < _SOURCE.stat().st_mtime:
        extra = ["-DWITH_BLAKE3", f"-I{sources}", *(str(sources / unit) for unit in _UNITS)] if sources else []
        extra += map(str, sorted(sources.glob(_FAST))) if sources else []
        command = ["cc", "-O3", "-march=native", "-pthread", "-o", str(program), str(_SOURCE), *extra, "-lcrypto"]
        subprocess.run(command, check=True)
    return program, sources is not None


def _blake3() -> Path | None:
    """Return the C sources of BLAKE3 that the compiled core is built from, too: installed, or unpacked."""
    if os.uname().machine != "x86_64":
        return None
    found = subprocess.run(["sh", str(_FINDER), str(DIRECTORY)], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.stdout.strip() else None
