"""Which keys of a bucket belong to a restic repository's view, and by what names restic asks for them. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from drp.domain.worm.objects import ObjectVersion
from drp.repositories.pinned.requests import KINDS

_KEY = re.compile(r"(?:index|keys|snapshots)/[0-9a-f]{64}|data/(?P<two>[0-9a-f]{2})/(?P=two)[0-9a-f]{62}")
CONFIG = "config"
_TOGETHER = timedelta(hours=1)
_LAST = "\U0010ffff"
"""After every key."""


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


def unsucceeded(versions: Iterable[ObjectVersion], at: datetime) -> frozenset[str]:
    """Return the index files that a marker hides at an instant although none was written in their place.

    restic removes an index file only once another one lists what is left of it. One that was written before it is
    none; nor is one that was hidden along with it, within an hour. One of the same second counts as written after it.
    """
    made: dict[str, datetime] = {}
    hidden: dict[str, datetime] = {}
    shown: dict[str, datetime] = {}
    for each in versions:
        if each.key.startswith("index/") and belongs(each.key) and each.modified <= at:
            if each.marker:
                hidden[each.key] = max(each.modified, hidden.get(each.key, each.modified))
            else:
                made[each.key] = min(each.modified, made.get(each.key, each.modified))
                shown[each.key] = max(each.modified, shown.get(each.key, each.modified))
    hidden = {key: then for key, then in hidden.items() if key in shown and then >= shown[key]}
    by_date = sorted((then, key) for key, then in made.items())
    return frozenset(key for key, then in hidden.items() if not _succeeded(key, then, made[key], by_date, hidden))


def _succeeded(
    key: str, then: datetime, since: datetime, by_date: list[tuple[datetime, str]], hidden: Mapping[str, datetime]
) -> bool:
    for place in range(bisect_right(by_date, (then, _LAST)) - 1, -1, -1):
        date, other = by_date[place]
        if date < since:
            return False
        if other != key and (other not in hidden or hidden[other] > then + _TOGETHER):
            return True
    return False
