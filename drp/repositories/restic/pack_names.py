"""What restic names its packs by, so that they can be checked without the key."""

from __future__ import annotations

import hashlib


def keyless_pack_name(name: str) -> dict[str, str]:
    """Return what a restic pack must digest to: its own name is its SHA-256, so it can be checked without the key."""
    last = name.rpartition("/")[2]
    plain = len(last) == hashlib.sha256().digest_size * 2 and all(one in "0123456789abcdef" for one in last)
    return {"sha256": last} if plain else {}
