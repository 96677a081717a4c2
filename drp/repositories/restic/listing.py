"""Every object of a restic repository in a bucket, version by version, as it is seen now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drp.domain.phrase import Phrase, fact
from drp.domain.terms import listed
from drp.domain.worm.judging import Covered
from drp.domain.worm.objects import ObjectVersion
from drp.domain.worm.policies import PROBE_FOLDER
from drp.errors import AccessDenied
from drp.repositories.locations.s3 import S3Reader

_NAMED = 5
_APART = ("locks/", f"{PROBE_FOLDER}/")
"""What restic makes and deletes at every use, and what drp's own probe left: no point needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a listing shows."""

    versions: Mapping[str, ObjectVersion | None]
    """Name → the version that is read by it now; None: no version of it is known."""
    covered_by_marker: Mapping[str, ObjectVersion] = field(default_factory=dict)
    """Name → the newest version below a delete marker."""
    rewritten: frozenset[str] = frozenset()
    """Names whose newest version has, or may have, other content than the one before it."""
    over: frozenset[str] = frozenset()
    """Names over whose version in a view something newer lies now."""
    all_versions: frozenset[tuple[str, str]] | None = None
    """Name and version of everything that is there; None: the key may not list versions."""
    remarks: tuple[Phrase, ...] = ()

    def through(self, view: Mapping[str, ObjectVersion]) -> Listed:
        """Return the same with the versions of a view counted; what is over them now hides nothing of it."""
        mine = {key: each for key, each in view.items() if not key.startswith(_APART)}
        over = {
            key for key, each in mine.items() if (now := self.versions.get(key)) is None or now.version != each.version
        }
        return replace(
            self,
            versions=mine,
            covered_by_marker={key: each for key, each in self.covered_by_marker.items() if key not in mine},
            rewritten=self.rewritten - over,
            over=frozenset(over),
        )

    def counted(self, key: str) -> ObjectVersion | None:
        """Return the version that counts: the one that is read by name, or the newest that a marker hides."""
        return self.versions.get(key) or self.covered_by_marker.get(key)

    def version(self, key: str) -> str | None:
        """Return which version counts; None: the key may not list versions, or there is none."""
        found = self.counted(key)
        return found.version if found is not None else None

    def size(self, key: str) -> int:
        """Return how many bytes it has."""
        found = self.counted(key)
        return found.size if found is not None else 0

    def covered(self, key: str) -> Covered:
        """Return what lies over the version that was written first, or over the one of a view."""
        if key in self.over:
            return "view"
        if key in self.covered_by_marker:
            return "marker"
        return "version" if key in self.rewritten else ""

    def is_there(self, key: str) -> bool:
        """Return whether anything of that name is there, hidden or not."""
        return key in self.versions or key in self.covered_by_marker


def list_objects(reader: S3Reader) -> Listed:
    """List the repository, twice: what was changed below the lock may be in one list and not in the other.

    A key that may not list versions sees less, and it is said.
    """
    try:
        versions = sorted(
            (each for each in reader.versions() if not each.key.startswith(_APART)), key=lambda each: each.key
        )
    except AccessDenied:
        remark = fact(
            "older-versions-not-seen", "older versions were not looked at: the key lacks s3:ListBucketVersions"
        )
        names = sorted(name for name in reader.names() if not name.startswith(_APART))
        return Listed(versions=dict.fromkeys(names), remarks=(remark,))
    newest: dict[str, ObjectVersion] = {}
    others: dict[str, list[ObjectVersion]] = {}
    for each in versions:
        if each.latest:
            newest[each.key] = each
        elif not each.marker:
            others.setdefault(each.key, []).append(each)
    present: dict[str, ObjectVersion | None] = {key: each for key, each in newest.items() if not each.marker}
    strays = sorted(
        name for name in reader.names() if name not in newest and name not in others and not name.startswith(_APART)
    )
    remarks = (_strays(strays),) if strays else ()
    return Listed(
        versions={**present, **dict.fromkeys(strays)},
        covered_by_marker={
            key: max(below, key=lambda each: each.modified) for key, below in others.items() if key not in present
        },
        rewritten=frozenset(
            key
            for key, each in present.items()
            if each is not None and any(_differs(each, other) for other in others.get(key, ()))
        ),
        all_versions=frozenset((each.key, each.version) for each in versions if not each.marker),
        remarks=remarks,
    )


def _differs(newest: ObjectVersion, other: ObjectVersion) -> bool:
    """Return whether two versions may differ: a backup tool that got no answer writes the same once more."""
    return newest.size != other.size or not newest.etag or newest.etag != other.etag


def _strays(names: list[str]) -> Phrase:
    return fact(
        "no-version-although-listed",
        "no version of the bucket, although listed: {names}",
        names=listed(names[:_NAMED], len(names)),
    )
