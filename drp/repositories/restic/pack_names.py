"""What restic calls its files: by the SHA-256 of their bytes, so that they can be checked without the key.

Layout and names: restic's *References*, "Repository Layout": ``config``, and below ``data/XX/``, ``index/``, ``keys/``,
``locks/`` and ``snapshots/`` a file named by the digest of its content, ``XX`` being the first two digits.
"""

from __future__ import annotations

import re

from drp.domain.worm.scrub import Named

_FLAT = re.compile(r"(index|keys|locks|snapshots|data)/([0-9a-f]{64})")
_PACK = re.compile(r"data/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_NONE = Named()


def keyless_pack_name(name: str) -> dict[str, str]:
    """Return what a restic pack must digest to: its own name is its SHA-256, so it can be checked without the key."""
    last = name.rpartition("/")[2]
    return {"sha256": last} if re.fullmatch(r"[0-9a-f]{64}", last) else {}


def named(key: str) -> Named:
    """Return what the name of a stored object says of it; nothing for what is not where restic would look for it."""
    if key == "config":
        return Named(part="config")
    found = _FLAT.fullmatch(key)
    if found is not None:
        return Named(part=found[1], sha256=found[2], passing=found[1] == "locks")
    pack = _PACK.fullmatch(key)
    return Named(part="data", sha256=pack[2]) if pack is not None else _NONE
