"""What the ways to erase cost: `python -m tests.benchmarks.volumes`, as root.

One run: the same tree is written to a volume of each kind, settled, and hashed; then the volume is let go.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from pathlib import Path

from drp.domain.sandbox import SandboxProfile
from drp.sandboxes.host.volume import Volumes

KINDS = ("memory", "overwrite", "encrypt")
_CHUNK = 1 << 20


def profile(kind: str, size: int) -> SandboxProfile:
    """Return a profile with a volume of a kind."""
    quota = size + size // 8 + (32 << 20)
    if kind == "memory":
        return SandboxProfile(name=kind, data_bytes=quota)
    return SandboxProfile(
        name=kind, data_bytes=quota, data_backing="disk", erase="encrypt" if kind == "encrypt" else "overwrite"
    )


def write(folder: Path, size: int) -> None:
    """Write files of 64 MiB that do not compress."""
    block = os.urandom(_CHUNK)
    for number in range(-(-size // (64 << 20))):
        with (folder / f"{number}").open("wb") as stream:
            for _ in range(min(64, (size >> 20) - number * 64)):
                stream.write(block)


def read(folder: Path) -> None:
    """Hash them, as a verification reads them."""
    for file in sorted(folder.iterdir()):
        with file.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")


def one(kind: str, size: int, run_directory: Path) -> tuple[float, float, float]:
    """Return the seconds that writing (and settling), hashing and letting go take."""
    live = run_directory / "sandboxes" / f"drp-{os.urandom(6).hex()}"
    live.mkdir(parents=True)
    volumes = Volumes(live, run_directory)
    try:
        volumes.make(profile(kind, size), uid=0)
        began = time.monotonic()
        write(volumes.path / "files", size)
        volumes.settle()
        wrote = time.monotonic()
        read(volumes.path / "files")
        hashed = time.monotonic()
    finally:
        erased = volumes.close()
    assert all(each.done for each in erased)
    return wrote - began, hashed - wrote, time.monotonic() - hashed


def main() -> None:
    """Print a line a kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--under", type=Path, default=Path("/var/tmp"), help="on the disk that is measured")
    chosen = parser.parse_args()
    size = chosen.mebibytes << 20
    for _ in range(chosen.rounds):
        for kind in KINDS:
            with tempfile.TemporaryDirectory(dir=chosen.under) as place:
                wrote, hashed, gone = one(kind, size, Path(place))
            rates = f"write {size / wrote / 1e6:.0f} MB/s, hash {size / hashed / 1e6:.0f} MB/s"
            print(f"{kind:<10} {rates}, let go {gone / (size / 1e9):.2f} s/GB")


if __name__ == "__main__":
    main()
