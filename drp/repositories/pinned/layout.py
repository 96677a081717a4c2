"""Which keys of a bucket belong to a restic repository's view, and by what names restic asks for them. Pure."""

from __future__ import annotations

import re

from drp.repositories.pinned.requests import KINDS

_KEY = re.compile(r"(?:index|keys|snapshots)/[0-9a-f]{64}|data/(?P<two>[0-9a-f]{2})/(?P=two)[0-9a-f]{62}")
CONFIG = "config"


def belongs(key: str) -> bool:
    """Return whether a key, below the repository's prefix, is in the view: locks and foreign names are not."""
    return key == CONFIG or _KEY.fullmatch(key) is not None


def key_of(kind: str, name: str) -> str:
    """Return the key of an object that is asked for by kind and name."""
    if kind == CONFIG:
        return CONFIG
    assert kind in KINDS
    return f"data/{name[:2]}/{name}" if kind == "data" else f"{kind}/{name}"


def named(key: str) -> tuple[str, str]:
    """Return kind and name of a key that belongs to the view."""
    return key.partition("/")[0], key.rpartition("/")[2] if "/" in key else ""


def digest_in(key: str) -> str:
    """Return the SHA-256 that a key says its content has; empty for ``config``, which says none."""
    return key.rpartition("/")[2] if "/" in key else ""
