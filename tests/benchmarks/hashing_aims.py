"""What hashing aims at: how many times faster than another program it is, on which tree; and how much memory it takes."""

from __future__ import annotations

from tests.benchmarks.hashing_trees import SHAPES

VERIFY, CREATE = "drp-hash verify", "drp-hash create"
VERIFY_SHA256 = "drp-hash verify sha256"
COLD_SHAPES = ("small", "images")

COMPILED = ", native core"
"""What follows our programs' names where the compiled core computes; without it, it is the pure one."""

_WARM: dict[tuple[str, str], dict[str, float]] = {
    ("native, all cores", VERIFY): {"small": 0.80, "images": 0.90, "volumes": 0.90, "mixed": 0.90, "estate": 0.90},
    ("native, all cores", CREATE): {"small": 0.80, "images": 0.90, "volumes": 0.90, "mixed": 0.90, "estate": 0.90},
    ("native sha256, all cores", VERIFY_SHA256): dict.fromkeys(SHAPES, 0.95),
    ("b3sum, xargs -P2", CREATE): {"small": 1.5, "images": 1.2, "volumes": 1.0, "mixed": 1.5, "estate": 1.5},
    ("b3sum --check", VERIFY): {"small": 2.0, "images": 1.8, "volumes": 1.0, "mixed": 2.0, "estate": 2.0},
    ("sha256sum -c", VERIFY_SHA256): dict.fromkeys(SHAPES, 3.0),
    ("hashdeep -a -j2", VERIFY_SHA256): dict.fromkeys(SHAPES, 6.0),
    ("rclone checksum", VERIFY_SHA256): dict.fromkeys(SHAPES, 9.0),
    ("bagit --processes 2", VERIFY_SHA256): {"small": 6.0, "images": 6.0, "mixed": 6.0, "estate": 6.0},
    (CREATE, VERIFY): dict.fromkeys(SHAPES, 1 / 1.05),
    ("drp-hash verify, 1 worker", VERIFY): dict.fromkeys(SHAPES, 1.8),
    ("sha256sum -c", VERIFY): {},
    ("hashdeep -a -j2", VERIFY): {},
    ("rclone checksum", VERIFY): {},
    ("bagit --processes 2", VERIFY): {},
}
_COLD: dict[tuple[str, str], dict[str, float]] = {
    ("b3sum --check", VERIFY): {"small": 4.0, "images": 1.5},
    ("b3sum, xargs -P2", CREATE): {},
    ("native, all cores", VERIFY): {},
    ("native, 8 threads, read ahead", VERIFY): {},
    ("fio, 256 deep", VERIFY): {"small": 0.9, "images": 0.9},
}


def _of_both(
    aims: dict[tuple[str, str], dict[str, float]], cores: tuple[str, ...]
) -> dict[tuple[str, str], dict[str, float]]:
    """Return the aims for each core: the same is asked of both."""
    return {
        (other + core if other.startswith("drp-hash") else other, ours + core): asked
        for (other, ours), asked in aims.items()
        for core in cores
    }


WARM, COLD = _of_both(_WARM, ("", COMPILED)), _of_both(_COLD, ("", COMPILED))
"""Of files that are in memory, and of those that are not: (other, ours) → tree → at least. Without a figure the ratio
is told, and nothing is asked of it."""
SCALE: dict[str, tuple[float, float]] = {
    "diff": (2e6, 128),
    "merge": (0, 512),
    "verify an empty tree": (0, 512),
}
"""step → entries a second at least, MiB at most."""
