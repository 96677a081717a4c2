"""The instant, and the exact object versions, that a drill is bound to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from drp.domain.phrase import NOTHING, Phrase
from drp.domain.worm.objects import ObjectVersion

Why = Literal["now", "before-tampering", "asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadVersion:
    """One object version as it was read through the view."""

    key: str
    version: str
    size: int
    digest: str
    """SHA-256 of the bytes, hex; empty where it was not read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A repository as it was at an instant: an attack during or after it changes nothing of it."""

    at: datetime
    """Versions that the store wrote at this instant or before, by its own clock."""
    why: Why = "now"
    tampering: Phrase = NOTHING
    """What happened to the repository after that instant."""
    objects: int = 0
    """Keys in the view."""
    digest: str = ""
    """SHA-256 over ``key NUL version LF`` of the whole view, in the order of the keys' bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a view gave to one restore, and what it could not give."""

    read: tuple[ReadVersion, ...] = ()
    """In the order of their keys."""
    gone: tuple[ReadVersion, ...] = ()
    """Versions of the view that the store does not have any more, or gives other bytes for by that name."""
    altered: tuple[ReadVersion, ...] = ()
    """Read whole, and their bytes are not what their names say; among ``read`` too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which version of each key counts at an instant."""

    at: datetime
    objects: Mapping[str, ObjectVersion] = field(default_factory=dict)
    later: int = 0
    """Versions and markers that the store dates after the instant: they are in no view of it."""
    newest: datetime | None = None
    """The latest date of anything that was listed."""

    @property
    def digest(self) -> str:
        """Return what `Pinned.digest` is."""
        total = hashlib.sha256()
        for key in sorted(self.objects, key=lambda name: name.encode("utf-8", "surrogateescape")):
            total.update(f"{key}\0{self.objects[key].version}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()


def view_at(versions: Iterable[ObjectVersion], at: datetime, *, wanted: Callable[[str], bool]) -> View:
    """Return the view of an instant from a listing that has each key's versions newest first, as S3 lists them.

    Of versions that the store dates alike the one listed first counts. A marker that is dated as a version is counts
    only where it is the latest of its key: services list markers apart, so nothing else tells which came first, and to
    show what was deleted in the second of its making harms no recovery.
    """
    chosen: dict[str, ObjectVersion] = {}
    later = 0
    newest: datetime | None = None
    for each in versions:
        newest = each.modified if newest is None else max(newest, each.modified)
        if each.modified > at:
            later += 1
        elif wanted(each.key):
            before = chosen.get(each.key)
            if before is None or _comes_after(each, before):
                chosen[each.key] = each
    objects = {key: each for key, each in chosen.items() if not each.marker}
    return View(at=at, objects=objects, later=later, newest=newest)


def _comes_after(one: ObjectVersion, other: ObjectVersion) -> bool:
    if one.modified != other.modified:
        return one.modified > other.modified
    if one.marker != other.marker:
        return one.latest if one.marker else not other.latest
    return False
