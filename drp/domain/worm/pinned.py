"""The instant, and the exact object versions, that a drill is bound to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from drp.domain.phrase import NOTHING, Phrase
from drp.domain.worm.objects import ObjectVersion

MOST_READ = 20_000
"""So many versions that were read are named in a record; all are counted, and under its digest."""

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
    """SHA-256 over ``key NUL version LF`` of the view, in the order of the keys' bytes, without what markers hide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """One object that was read from below something newer, which hides it from whoever reads by name."""

    read: ReadVersion
    over: str
    """The version, or the delete marker, that lies over it."""
    marker: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a view gave to one restore, and what it could not give."""

    read: tuple[ReadVersion, ...] = ()
    """In the order of their keys."""
    gone: tuple[ReadVersion, ...] = ()
    """Versions of the view that the store does not have any more."""
    altered: tuple[ReadVersion, ...] = ()
    """Their bytes are not what their names say; among ``read`` too where they were read whole."""
    below: tuple[Below, ...] = ()
    """Those of ``read`` that something hides."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 over ``key NUL version NUL digest LF`` of all that was read, hex; empty: nothing was."""
        total = hashlib.sha256()
        for each in self.read:
            total.update(f"{each.key}\0{each.version}\0{each.digest}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest() if self.read else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which version of each key counts at an instant."""

    at: datetime
    objects: Mapping[str, ObjectVersion] = field(default_factory=dict)
    over: Mapping[str, ObjectVersion] = field(default_factory=dict)
    """Key → what lies over the version that counts, and hides it: a delete marker, or a version with other bytes."""
    disputed: Mapping[str, tuple[ObjectVersion, ...]] = field(default_factory=dict)
    """Key → versions with different content, the newest first, of which the first counts as long as nobody looked."""
    later: int = 0
    """Versions and markers that the store dates after the instant: they are in no view of it."""
    newest: datetime | None = None
    """The latest date of anything that was listed."""

    @property
    def digest(self) -> str:
        """Return what `Pinned.digest` is; what a marker hides is not in it, since it may go without a drill's harm."""
        total = hashlib.sha256()
        for key in sorted(self.objects, key=lambda name: name.encode("utf-8", "surrogateescape")):
            if key not in self.over or not self.over[key].marker:
                total.update(f"{key}\0{self.objects[key].version}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()

    def settled(self, proven: Mapping[str, ObjectVersion]) -> View:
        """Return the view in which these versions of disputed keys count: their bytes are what their names say."""
        above = {
            key: self.disputed[key][0]
            for key, version in proven.items()
            if version is not self.disputed[key][0] and key not in self.over
        }
        return replace(self, objects={**self.objects, **proven}, over={**self.over, **above}, disputed={})


def view_at(
    versions: Iterable[ObjectVersion],
    at: datetime,
    *,
    wanted: Callable[[str], bool],
    provable: Callable[[str], bool] = lambda _: False,
    below_markers: Callable[[str], bool] = lambda _: False,
) -> View:
    """Return the view of an instant from a listing that has each key's versions newest first, as S3 lists them.

    Of versions that the store dates alike the one listed first counts. A marker that is dated as a version is counts
    only where it is the latest of its key: services list markers apart, so nothing else tells which came first, and to
    show what was deleted in the second of its making harms no recovery. ``provable``: keys whose names say what their
    bytes are, so that it can be told which of several versions is right; ``below_markers``: those that stay in the
    view though a marker hides them, because nobody asks for them unless they are needed.
    """
    top: dict[str, ObjectVersion] = {}
    others: dict[str, list[ObjectVersion]] = {}
    later = 0
    newest: datetime | None = None
    for each in versions:
        newest = each.modified if newest is None else max(newest, each.modified)
        if each.modified > at:
            later += 1
        elif wanted(each.key):
            before = top.get(each.key)
            first = before is None or _comes_after(each, before)
            under = before if first else each
            if first:
                top[each.key] = each
            if under is not None and not under.marker and (provable(each.key) or below_markers(each.key)):
                others.setdefault(each.key, []).append(under)
    objects = {key: each for key, each in top.items() if not each.marker}
    over: dict[str, ObjectVersion] = {}
    disputed: dict[str, tuple[ObjectVersion, ...]] = {}
    for key, below in others.items():
        known = sorted(below, key=lambda each: each.modified, reverse=True)
        if top[key].marker:
            if not below_markers(key):
                continue
            objects[key], over[key] = known.pop(0), top[key]
        different = [each for each in known if not _same(each, objects[key])]
        if different and provable(key):
            disputed[key] = (objects[key], *different)
    return View(at=at, objects=objects, over=over, disputed=disputed, later=later, newest=newest)


def _same(one: ObjectVersion, other: ObjectVersion) -> bool:
    return one.size == other.size and bool(one.etag) and one.etag == other.etag


def _comes_after(one: ObjectVersion, other: ObjectVersion) -> bool:
    if one.modified != other.modified:
        return one.modified > other.modified
    if one.marker != other.marker:
        return one.latest if one.marker else not other.latest
    return False
