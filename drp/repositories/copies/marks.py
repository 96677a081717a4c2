"""Small files that say something of a dated folder: that it is whole, of which instant it is, which manifest it has."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime

from drp.domain.phrase import Phrase, say
from drp.domain.visible import one_line
from drp.repositories.copies.settings import BesideFile, CopiesSettings

_LIMIT = 256
_ID = re.compile(r"(?:drp-manifest=)?([0-9a-f]{64})")
_LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is said of a folder."""

    instant: datetime | None = None
    manifest_id: str | None = None
    manifest_trouble: str = ""
    identities: tuple[tuple[int, int], ...] = ()
    """Device and inode of the marks that were read inside the folder, for what hard links betray."""


class Unfinished(Exception):
    """A folder is no recovery point, or none yet."""

    def __init__(self, reason: Phrase) -> None:
        """Take why."""
        super().__init__(reason)
        self.reason = reason


class _Mark:
    """One small file, opened without following a link."""

    def __init__(self, text: str | None, identity: tuple[int, int] | None) -> None:
        self.text, self.identity = text, identity


def read_marks(settings: CopiesSettings, parent: int, name: str, folder: int) -> Marks:
    """Return what is said of a folder.

    ``parent`` and ``folder`` are descriptors. Raises ``Unfinished``, ``OSError``, and ``ValueError`` for marks that
    make no sense.
    """
    identities = []
    if settings.complete is not None:
        mark = _read(settings.complete, parent, name, folder)
        if mark is None:
            raise Unfinished(say("is not complete: {complete} is not there", complete=_shown(settings.complete, name)))
        identities += _own(settings.complete, mark)
    instant = None
    if settings.instant is not None:
        mark = _read(settings.instant, parent, name, folder)
        if mark is None:
            raise Unfinished(say("states no instant: {instant} is not there", instant=_shown(settings.instant, name)))
        instant = _instant(mark.text, _shown(settings.instant, name))
    manifest_id, trouble = _manifest(settings.manifest, parent, name, folder)
    return Marks(instant=instant, manifest_id=manifest_id, manifest_trouble=trouble, identities=tuple(identities))


def _own(place: BesideFile, mark: _Mark) -> list[tuple[int, int]]:
    return [mark.identity] if not place.beside and mark.identity is not None else []


def _shown(place: BesideFile, name: str) -> str:
    return one_line(name + place.path if place.beside else place.path, _LONGEST)


def _instant(text: str | None, shown: str) -> datetime:
    stated = (text or "").strip()
    try:
        instant = datetime.fromisoformat(stated)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ValueError(
            say(
                "{shown} states no instant with its offset from UTC: {stated}",
                shown=shown,
                stated=repr(one_line(stated, _LONGEST)),
            )
        )
    return instant.astimezone(UTC)


def _manifest(place: BesideFile, parent: int, name: str, folder: int) -> tuple[str | None, str]:
    """Return the id of the manifest, and what stands where it should, when that is not one id."""
    try:
        mark = _read(place, parent, name, folder)
    except (OSError, ValueError) as error:
        words = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
        return None, f"{_shown(place, name)}: {words}"
    if mark is None:
        return None, ""
    said = (mark.text or "").strip()
    found = _ID.fullmatch(said)
    return (found[1], "") if found else (None, repr(one_line(said, _LONGEST)))


def _read(place: BesideFile, parent: int, name: str, folder: int) -> _Mark | None:
    """Return a mark; None when it is not there. A link, a pipe or a folder is none, which is said."""
    *folders, last = place.path.split("/") if not place.beside else [name + place.path]
    at, opened = (parent if place.beside else folder), []
    try:
        for each in folders:
            at = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            opened.append(at)
        mark = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        opened.append(mark)
        facts = os.fstat(mark)
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError(say("{place} is no regular file", place=_shown(place, name)))
        raw = os.read(mark, _LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}:
            raise ValueError(say("{place} is no regular file", place=_shown(place, name))) from None
        raise
    finally:
        for descriptor in reversed(opened):
            os.close(descriptor)
    text = raw.decode("utf-8", "replace") if len(raw) <= _LIMIT else raw[:_LONGEST].decode("utf-8", "replace") + "…"
    return _Mark(text, (facts.st_dev, facts.st_ino))
