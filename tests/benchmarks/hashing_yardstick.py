"""Builds the C yardstick that stands for the machine's limit, with Debian's BLAKE3 sources when they can be had."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from tests.benchmarks.hashing_trees import DIRECTORY

_SOURCE = Path(__file__).with_name("hashing_yardstick.c")
_REGISTRY = Path("usr/share/cargo/registry/blake3-1.3.1/c")
_UNITS = (
    "blake3.c",
    "blake3_dispatch.c",
    "blake3_portable.c",
    "blake3_sse2_x86-64_unix.S",
    "blake3_sse41_x86-64_unix.S",
    "blake3_avx2_x86-64_unix.S",
    "blake3_avx512_x86-64_unix.S",
)


@cache
def yardstick() -> tuple[Path, bool]:
    """Return the program and whether it knows BLAKE3; without it SHA-256 (OpenSSL) must do."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    sources = _blake3()
    program = DIRECTORY / ("yardstick-blake3" if sources else "yardstick")
    if not program.exists() or program.stat().st_mtime < _SOURCE.stat().st_mtime:
        extra = ["-DWITH_BLAKE3", f"-I{sources}", *(str(sources / unit) for unit in _UNITS)] if sources else []
        command = ["cc", "-O3", "-march=native", "-pthread", "-o", str(program), str(_SOURCE), *extra, "-lcrypto"]
        subprocess.run(command, check=True)
    return program, sources is not None


def _blake3() -> Path | None:
    """Return Debian's C sources of BLAKE3: installed, or unpacked from its package without installing it."""
    if os.uname().machine != "x86_64":
        return None
    for base in (Path("/"), DIRECTORY / "blake3"):
        if (base / _REGISTRY).is_dir():
            return base / _REGISTRY
    folder = DIRECTORY / "blake3"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    got = subprocess.run(
        ["apt-get", "download", "-q", "librust-blake3-dev"], cwd=folder, capture_output=True, check=False
    )
    packages = list(folder.glob("librust-blake3-dev*.deb"))
    if got.returncode or not packages:
        return None
    subprocess.run(["dpkg", "-x", str(packages[0]), str(folder)], check=True)
    return folder / _REGISTRY if (folder / _REGISTRY).is_dir() else None
