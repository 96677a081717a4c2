"""The trees that hashing is measured on: clinical sizes, incompressible, the same bytes every time.

small: 200 000 files of 4 KiB · images: 12 000 of 512 KiB (CT slices) · volumes: 4 of 1 GiB (databases) · mixed: 21 000
files of lognormal size (median 8 KB), read in a fifth of a second, of which a Python program needs a quarter to start ·
estate: four times as many. They are made once below ``$DRP_BENCH_DIR`` (default: `.cache/bench` of the project, which
`make clean` removes) and take 15.7 GB.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

DIRECTORY = Path(os.environ.get("DRP_BENCH_DIR", Path(__file__).parents[2] / ".cache" / "bench"))
SHAPES = ("small", "images", "volumes", "mixed", "estate")
DESCRIPTIONS = {
    "small": "200 000 files of 4 KiB in 2 000 directories.",
    "images": "12 000 files of 512 KiB in 120 directories.",
    "volumes": "4 files of 1 GiB.",
    "mixed": "21 000 files of lognormal size, median 8 KB, in 300 directories.",
    "estate": "84 000 files of lognormal size, median 8 KB, in 1 200 directories.",
}
_SIZES = {"small": 0.85e9, "images": 6.35e9, "volumes": 4.3e9, "mixed": 0.85e9, "estate": 3.4e9}
_SPARE = 2e9
_POOL = random.Random(7).randbytes(16 << 20)


def room(shapes: Sequence[str], scale: float) -> None:
    """Say how much disk the trees will take; end here when there is too little."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    absent = [shape for shape in dict.fromkeys(shapes) if not _mark(_root(shape, scale)).exists()]
    needed, free = sum(_SIZES[shape] for shape in absent) * scale, shutil.disk_usage(DIRECTORY).free
    print(f"trees to make below {DIRECTORY}: {needed / 1e9:.1f} GB; free: {free / 1e9:.1f} GB", file=sys.stderr)
    if needed + _SPARE * min(1.0, scale) > free:
        raise SystemExit("too little disk: free some, take --scale 0.1, or set DRP_BENCH_DIR")


def _root(shape: str, scale: float) -> Path:
    return DIRECTORY / (shape if scale == 1.0 else f"{shape}-{scale:g}")


def _mark(root: Path) -> Path:
    return root.parent / f".{root.name}.done"


def tree(shape: str, scale: float = 1.0) -> Path:
    """Return the tree of a shape, made if it is not there; ``scale`` shrinks the number of files."""
    root = _root(shape, scale)
    if _mark(root).exists():
        return root
    root.mkdir(parents=True, exist_ok=True)
    maker = {"small": _small, "images": _images, "volumes": _volumes, "mixed": _mixed, "estate": _estate}[shape]
    maker(root, scale)
    os.sync()
    _mark(root).touch()
    return root


def _write(path: str, size: int, number: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(descriptor, number.to_bytes(8, "little")[:size])
    left, state = size - 8, number
    while left > 0:
        length = min(left, 1 << 20)
        start = (state * 4099) % (len(_POOL) - length)
        os.write(descriptor, memoryview(_POOL)[start : start + length])
        left -= length
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**63
    os.close(descriptor)


def _small(root: Path, scale: float) -> None:
    for number in range(int(2000 * scale)):
        directory = f"{root}/s{number // 100:02d}/p{number:04d}"
        os.makedirs(directory, exist_ok=True)
        for image in range(100):
            _write(f"{directory}/IM{image:05d}.dcm", 4096, number * 100 + image)


def _images(root: Path, scale: float) -> None:
    for number in range(int(120 * scale)):
        directory = f"{root}/study{number:04d}/ser1"
        os.makedirs(directory, exist_ok=True)
        for image in range(100):
            _write(f"{directory}/IM{image:05d}.dcm", 512 << 10, number * 100 + image)


def _volumes(root: Path, scale: float) -> None:
    for number in range(4):
        _write(f"{root}/db{number}.mdf", int((1 << 30) * scale), number)


def _mixed(root: Path, scale: float) -> None:
    source = random.Random(3)
    for number in range(int(300 * scale)):
        directory = f"{root}/a{number // 20:02d}/b{number:03d}"
        os.makedirs(directory, exist_ok=True)
        for one in range(70):
            size = min(int(source.lognormvariate(math.log(8000), 1.75)), 64 << 20)
            _write(f"{directory}/f{one:04d}.bin", size, number * 70 + one)


def _estate(root: Path, scale: float) -> None:
    _mixed(root, 4 * scale)


if __name__ == "__main__":
    for name in SHAPES:
        print(tree(name))
