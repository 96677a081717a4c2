"""The versions and markers that a restic repository leaves behind in a versioned bucket, operation by operation."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from drp.domain.worm.objects import ObjectVersion

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class History:
    """A repository that is used, and attacked; its clock tells whole seconds, as most stores do."""

    at: datetime = BEGAN
    written: list[ObjectVersion] = field(default_factory=list)
    needs: dict[str, set[str]] = field(default_factory=dict)
    """Snapshot → packs."""
    indexed: set[str] = field(default_factory=set)
    index: str = ""
    number: int = 0

    def init(self) -> History:
        self.put("config", 155)
        self.key()
        return self

    def pass_time(self, seconds: int = 60) -> None:
        self.at += timedelta(seconds=seconds)

    def put(self, key: str, size: int = 100, content: str = "") -> str:
        self.number += 1
        etag = hashlib.md5(f"{key} {size} {content}".encode()).hexdigest()
        self._add(ObjectVersion(
            key=key, version=f"v{self.number}", size=size, modified=self.at, latest=True, marker=False, etag=etag
        ))  # fmt: skip
        return key

    def hide(self, key: str) -> None:
        if key in self.visible():
            self.number += 1
            self._add(ObjectVersion(
                key=key, version=f"m{self.number}", size=0, modified=self.at, latest=True, marker=True
            ))  # fmt: skip

    def named(self, folder: str) -> str:
        self.number += 1
        return f"{folder}/{hashlib.sha256(str(self.number).encode()).hexdigest()}"

    def key(self) -> str:
        return self.put(self.named("keys"), 450)

    def backup(self, packs: int = 2, *, finished: bool = True) -> None:
        self.locked()
        made = {self.put(self.named("data"), 1000 + count) for count in range(packs)}
        if finished:
            older = set().union(*list(self.needs.values())[-1:])
            self.indexed |= made
            self.put(self.named("index"))
            self.pass_time(1)
            self.needs[self.put(self.named("snapshots"), 250)] = made | older
        self.pass_time()

    def forget(self, keep: int = 1) -> None:
        self.locked()
        for snapshot in list(self.needs)[: -keep or None]:
            self.hide(snapshot)
            del self.needs[snapshot]
        self.pass_time(1)

    def prune(self) -> None:
        self.locked()
        needed = set().union(*self.needs.values())
        here = self.visible()
        for pack in sorted(key for key in here if key.startswith("data/") and key not in self.indexed):
            self.hide(pack)
        stale = sorted(key for key in here if key in self.indexed and key not in needed)
        if stale:
            old = sorted(key for key in here if key.startswith("index/"))
            self.put(self.named("index"))
            for each in (*old, *stale):
                self.hide(each)
            self.indexed -= set(stale)
        self.pass_time()

    def change_password(self) -> None:
        old = [key for key in self.visible() if key.startswith("keys/")]
        self.key()
        for key in old:
            self.hide(key)
        self.pass_time()

    def upgrade(self) -> None:
        self.hide("config")
        self.put("config", 155, content="format 2")
        self.pass_time()

    def send_again(self) -> None:
        """Upload something twice, as a client does that lost the answer."""
        newest = {version.key: version for version in self.written if version.key.startswith("data/")}
        for version in list(newest.values())[-1:]:
            if not version.marker:
                self.number += 1
                self._add(replace(version, version=f"v{self.number}", modified=self.at, latest=True))

    def locked(self) -> None:
        lock = self.put(self.named("locks"))
        self.hide(lock)

    def expire(self) -> None:
        """Remove what lies hidden, and then the markers, as a lifecycle rule does."""
        hidden = {version.key for version in self.written if version.latest and version.marker}
        self.written = [version for version in self.written if version.key not in hidden]

    def visible(self, until: datetime | None = None) -> set[str]:
        newest: dict[str, ObjectVersion] = {}
        for version in self.written:
            if until is None or version.modified <= until:
                newest[version.key] = version
        return {key for key, version in newest.items() if not version.marker}

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for key in self.visible():
            counts[key.partition("/")[0]] += 1
        return counts

    def _add(self, version: ObjectVersion) -> None:
        self.written = [
            replace(each, latest=False) if each.key == version.key and each.latest else each for each in self.written
        ]
        self.written.append(version)
