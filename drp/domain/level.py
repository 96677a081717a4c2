"""How deep a drill goes, and what a shallower one leaves unsaid. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Level = Literal["full", "sample", "hash"]
"""full: everything the plan says, up to a working application. hash: restored whole and compared byte by byte, nothing
is started. sample: some files, drawn by chance, are restored and compared. Only ``full`` proves that an application
comes back and measures its RTA."""

LEVELS: tuple[Level, ...] = ("full", "hash", "sample")
"""Deepest first."""

COVERS: Mapping[str, tuple[Level, ...]] = {
    "full": ("full", "hash", "sample"),
    "hash": ("hash", "sample"),
    "sample": ("sample",),
}
"""Level → the levels that a passed drill of it proves as well."""

SAMPLE_FILES = 3000
"""Files that a drill of level sample draws unless somebody says otherwise: of any number of files of which one in a
thousand is corrupt, it meets one with 95 % (1 - 0.999 ** 3000)."""

MOST_SAMPLED = 10_000
"""No sample is larger: each file is named to the backup tool."""
