"""The probe's own objects: made, looked at, removed. Their bytes follow from their names, so anybody can check them."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from drp.domain.ports import Clock
from drp.domain.worm.judging_probe import Control, Said, Sight
from drp.domain.worm.objects import ObjectVersion
from drp.domain.worm.policies import PROBE_FOLDER
from drp.repositories.locations.s3_writer import Answer, S3Writer
from drp.repositories.worm.extending import retention, shown

RETENTION = timedelta(hours=1)
LEAST_LEFT = timedelta(minutes=10)
"""A locked object of an earlier run is used again while it stays for so long."""
_OURS = re.compile(rf"{PROBE_FOLDER}/(probe|scratch)-[0-9a-f]{{32}}")
_MOST_REMOVED = 200
_MOST_LEFT = 20
NO_CONFIGURATION = frozenset(
    {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "ObjectLockConfigurationNotFoundErr"}
)
"""How stores say that a version has no retention, or a bucket no lock: it is there, and was asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sacrifice:
    """One locked version of the probe's own, and how it was last seen."""

    key: str
    version: str
    sight: Sight


def bytes_of(key: str) -> bytes:
    """Return what an object of that name holds."""
    return f"An object of drp's probe: {hashlib.sha256(key.encode()).hexdigest()}\n".encode()


def said(answer: Answer) -> Said:
    """Return what an answer is to the judge."""
    return "done" if answer.done else "refused" if answer.refused else "unclear"


class Altar:
    """Makes the objects of one probe, in one bucket, with one pair of keys, and knows the store's time."""

    def __init__(self, writer: S3Writer, mode: str, clock: Clock) -> None:
        """Take who may write, and the mode that is demanded of locks."""
        self.writer, self.mode, self._clock = writer, mode, clock
        self._ahead = timedelta(0)
        self.told_time = False
        self.asked_until = self.now()
        """Until when the last object that was made has to be locked."""

    def beside(self, writer: S3Writer) -> Altar:
        """Return one in another bucket of the same store."""
        other = Altar(writer, self.mode, self._clock)
        other._ahead, other.told_time = self._ahead, self.told_time
        return other

    def now(self) -> datetime:
        """Return the store's time, in whole seconds, as it follows from its last answer; else this machine's."""
        return (self._clock.now().wall - self._ahead).replace(microsecond=0)

    @property
    def clock_ahead_ms(self) -> int | None:
        """By how much this machine's clock was ahead of the store's; None: it tells no time."""
        return self._ahead // timedelta(milliseconds=1) if self.told_time else None

    @property
    def place(self) -> str:
        """Return where the probe's own objects are, in one line."""
        return f"{self.writer.location.shown}/{PROBE_FOLDER}/"

    def name(self, key: str, version: str) -> str:
        """Return what a version is called in what is told of it."""
        return f"{self.writer.location.shown}/{key}@{version}"

    def note_time(self, answer: Answer) -> None:
        """Take the store's time from an answer."""
        if answer.at is not None:
            self._ahead, self.told_time = self._clock.now().wall - answer.at, True

    def listed(self) -> tuple[Answer, tuple[ObjectVersion, ...]]:
        """Return all that is there of the probe's own, of this run and others."""
        answer, found = self.writer.versions(f"{PROBE_FOLDER}/")
        self.note_time(answer)
        return answer, tuple(each for each in found if _OURS.fullmatch(each.key))

    def lock(self, until: datetime) -> dict[str, Any]:
        """Return the arguments that make an object locked until then."""
        return {"ObjectLockMode": self.mode.upper(), "ObjectLockRetainUntilDate": until}

    def make(self) -> tuple[Answer, Sacrifice | None]:
        """Make a locked object and look at it; None where the store refused it or gave no version."""
        key = f"{PROBE_FOLDER}/probe-{secrets.token_hex(16)}"
        self.asked_until = until = self.now() + RETENTION
        answer = self.writer.ask("put_object", Key=key, Body=bytes_of(key), **self.lock(until))
        self.note_time(answer)
        version = str(answer.found.get("VersionId") or "")
        if not answer.done or not version:
            return answer, None
        return answer, Sacrifice(key=key, version=version, sight=self.look(key, version))

    def look(self, key: str, version: str) -> Sight:
        """Return what is there of a version: whether it is listed, its bytes, its retention. Each may be unanswered."""
        asked, found = self.writer.versions(key)
        if not asked.done:
            return Sight(unseen=shown(asked))
        if all((each.key, each.version) != (key, version) or each.marker for each in found):
            return Sight(there=False)
        wanted = bytes_of(key)
        read, content = self.writer.read(key, version, limit=len(wanted))
        if read.absent:
            return Sight(there=False)
        if content is None:
            return Sight(unseen=shown(read))
        answer, mode, until = retention(self.writer, key, version)
        if answer.absent:
            return Sight(there=False)
        if not answer.done and answer.code not in NO_CONFIGURATION:
            return Sight(unseen=shown(answer))
        self.note_time(answer)
        held = read.found.get("ObjectLockLegalHoldStatus") == "ON"
        return Sight(whole=content == wanted, mode=mode.lower(), until=until, held=held)

    def mark(self, key: str) -> tuple[Answer, str]:
        """Lay a delete marker over an object; return its version, empty where there is none to be seen afterwards."""
        answer = self.writer.ask("delete_object", Key=key)
        version = str(answer.found.get("VersionId") or "")
        return answer, version if version and self._has_marker(key, version) else ""

    def may_delete(self, who: S3Writer, key: str, *, batch: bool = False, bypass: bool = False) -> Control:
        """Return whether keys can delete a version that no lock forbids to delete: a delete marker of the probe's."""
        made, version = self.mark(key)
        if not version:
            return Control(able=None, answer=shown(made))
        answer = delete(who, key, version, batch=batch, bypass=bypass)
        seen, found = self.writer.versions(key)
        there = any(each.marker and each.version == version for each in found)
        if there:
            delete(self.writer, key, version)
        if not seen.done or (there and answer.unclear):
            return Control(able=None, answer=shown(answer if seen.done else seen))
        return Control(able=not there, answer=shown(answer))

    def may_set_retention(self, who: S3Writer, subject: Sacrifice, *, bypass: bool = False) -> tuple[Control, Sight]:
        """Return whether keys can set retention where nothing forbids it, a second longer; and the new state."""
        until = (subject.sight.until or self.now()) + timedelta(seconds=1)
        answer = set_retention(who, subject, {"Mode": self.mode.upper(), "RetainUntilDate": until}, bypass=bypass)
        sight = self.look(subject.key, subject.version)
        if sight.unseen or answer.unclear:
            return Control(able=None, answer=sight.unseen or shown(answer)), sight
        able = sight.until is not None and sight.until >= until and sight.mode == self.mode
        return Control(able=able, answer=shown(answer)), sight

    def clean(self, found: Iterable[ObjectVersion], *, keep: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Remove what is there of earlier runs and is not locked any more; return what should have gone and did not.

        Versions in ``keep``, and those that are locked still, stay. A marker is never locked.
        """
        left: list[str] = []
        for each in list(found)[:_MOST_REMOVED]:
            if each.version in keep or not (each.marker or self._ended(each)):
                continue
            answer = delete(self.writer, each.key, each.version)
            if answer.done and not self._is_there(each):
                continue
            left.append(self.name(each.key, each.version))
        return tuple(left[:_MOST_LEFT])

    def again(self, found: Iterable[ObjectVersion]) -> Sacrifice | None:
        """Return an object of an earlier run that is whole and locked for long enough still."""
        whole = [each for each in found if not each.marker and "/probe-" in each.key]
        for each in whole[:_MOST_REMOVED]:
            sight = self.look(each.key, each.version)
            enough = sight.until is not None and sight.until - self.now() >= LEAST_LEFT
            usable = sight.there and sight.whole and sight.mode == self.mode and not sight.held
            if not sight.unseen and usable and enough:
                return Sacrifice(key=each.key, version=each.version, sight=sight)
        return None

    def _ended(self, each: ObjectVersion) -> bool:
        answer, _, until = retention(self.writer, each.key, each.version)
        if not answer.done:
            return answer.code in NO_CONFIGURATION
        return until is None or until < self.now()

    def _is_there(self, each: ObjectVersion) -> bool:
        answer, found = self.writer.versions(each.key)
        return not answer.done or any(one.version == each.version for one in found)

    def _has_marker(self, key: str, version: str) -> bool:
        _, found = self.writer.versions(key)
        return any(each.marker and (each.key, each.version) == (key, version) for each in found)


def delete(who: S3Writer, key: str, version: str, *, batch: bool = False, bypass: bool = False) -> Answer:
    """Ask to delete a version."""
    more = {"BypassGovernanceRetention": True} if bypass else {}
    if batch:
        return who.delete_batch({key: version}, **more)
    return who.ask("delete_object", Key=key, VersionId=version, **more)


def set_retention(who: S3Writer, subject: Sacrifice, wanted: dict[str, Any], *, bypass: bool = False) -> Answer:
    """Ask for another retention of a version; nothing wanted: for none."""
    more = {"BypassGovernanceRetention": True} if bypass else {}
    return who.ask("put_object_retention", Key=subject.key, VersionId=subject.version, Retention=wanted, **more)
