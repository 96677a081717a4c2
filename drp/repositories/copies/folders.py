"""Finds dated folders and reads what small files say of them. No link is followed, and nothing is believed unseen.

A folder that looks like a recovery point and is none is told, with why: an unfinished copy, a name that is no instant,
two folders that state the same one, such as a hard-linked copy whose own marks were not written yet.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from drp.domain.phrase import Phrase, fact, quoted, say
from drp.domain.visible import one_line
from drp.errors import RepositoryError
from drp.repositories.copies.doubles import refuse_doubles, refuse_shared_marks
from drp.repositories.copies.found import LONGEST, DatedFolder, Found, Refused, RefusedKind
from drp.repositories.copies.marks import Marks, Unfinished, read_marks
from drp.repositories.copies.pattern import FolderPattern, instant_of
from drp.repositories.copies.settings import CopiesSettings

MOST_ENTRIES = 1_000_000
MOST_FOLDERS = 100_000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_UNFINISHED = re.compile(
    r"^\.+|[._~-]+(?:partial|part|tmp|temp|incomplete|in[._-]?progress|unfinished|new|old|bak|deleted|trash)?[._~-]*$",
    re.IGNORECASE,
)
_DATED = re.compile(r"[0-9]{4}[^0-9]?[0-9]{2}[^0-9]?[0-9]{2}")
"""What only a day is written like: a folder of such a name is meant to be dated."""


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    descriptor: int
    """Of the folder that it is in."""
    name: str
    is_folder: bool
    is_link: bool


def find(root: Path, settings: CopiesSettings) -> Found:
    """Return what is below a folder. Raises ``OSError`` for the folder itself, ``RepositoryError`` for too much."""
    found = _Search(settings).below(root)
    refuse_doubles(found)
    refuse_shared_marks(found)
    found.folders.sort(key=lambda folder: (folder.consistent_at, folder.path), reverse=True)
    return found


class _Search:
    """One walk along the patterns."""

    def __init__(self, settings: CopiesSettings) -> None:
        self._settings = settings
        self._found = Found()
        self._seen = 0

    def below(self, root: Path) -> Found:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._level(descriptor, "", [(FolderPattern(text), 0, {}) for text in self._settings.patterns])
        finally:
            os.close(descriptor)
        return self._found

    def _level(self, descriptor: int, at: str, wanted: list[tuple[FolderPattern, int, Mapping[str, str]]]) -> None:
        for entry in self._entries(descriptor, at):
            deeper: list[tuple[FolderPattern, int, Mapping[str, str]]] = []
            matched = False
            for pattern, level, parts in wanted:
                if (match := pattern.levels[level].fullmatch(entry.name)) is None:
                    continue
                matched = True
                known = {**parts, **match.groupdict()}
                if not entry.is_folder:
                    what = (
                        fact("symbolic-link-which-not", "is a symbolic link, which is not followed")
                        if entry.is_link
                        else fact("no-folder", "is no folder")
                    )
                    self._refuse(entry.path, "unfinished", what, known)
                elif level + 1 < len(pattern.levels):
                    deeper.append((pattern, level + 1, known))
                else:
                    self._take(entry, known, pattern.text)
            if deeper:
                self._descend(entry, deeper)
            elif not matched and entry.is_folder:
                self._stray(entry, wanted)

    def _entries(self, descriptor: int, at: str) -> Iterator[_Entry]:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                self._seen += 1
                if self._seen > MOST_ENTRIES:
                    message = say(
                        "repository {name} holds more than {most} names to look at",
                        name=self._settings.name,
                        most=MOST_ENTRIES,
                    )
                    raise RepositoryError(message, hint="keep dated folders in a directory of their own")
                path = f"{at}/{entry.name}" if at else entry.name
                yield _Entry(path, descriptor, entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink())

    def _descend(self, entry: _Entry, deeper: list[tuple[FolderPattern, int, Mapping[str, str]]]) -> None:
        try:
            descriptor = os.open(entry.name, _DIRECTORY, dir_fd=entry.descriptor)
        except OSError as error:
            self._refuse_error(entry.path, error, deeper[0][2])
            return
        try:
            self._level(descriptor, entry.path, deeper)
        finally:
            os.close(descriptor)

    def _stray(self, entry: _Entry, wanted: list[tuple[FolderPattern, int, Mapping[str, str]]]) -> None:
        """Tell of a folder whose name is nearly one that is looked for; others are nobody's concern."""
        bare = _UNFINISHED.sub("", entry.name)
        near = [parts for pattern, level, parts in wanted if pattern.levels[level].fullmatch(bare)]
        if bare != entry.name and near:
            self._refuse(entry.path, "unfinished", say("is named as an unfinished or a former copy"), near[0])
        elif _DATED.search(entry.name) and any(pattern.is_dated for pattern, _, _ in wanted):
            reason = fact(
                "named-like-dated-folder", "is named like a dated folder, and as no pattern of `folders` has it"
            )
            self._refuse(entry.path, "unfinished", reason, wanted[0][2])

    def _refuse(self, path: str, kind: RefusedKind, reason: Phrase, parts: Mapping[str, str]) -> None:
        host, tag = parts.get("host") or "", parts.get("tag") or ""
        self._found.refused.append(Refused(path=path, kind=kind, reason=reason, host=host, tag=tag))
        self._require_few()

    def _refuse_error(self, path: str, error: OSError, parts: Mapping[str, str]) -> None:
        denied = error.errno in {errno.EACCES, errno.EPERM}
        words = os.strerror(error.errno or 0)
        self._refuse(path, "denied" if denied else "unreadable", say("cannot be read: {why}", why=words), parts)

    def _require_few(self) -> None:
        if len(self._found.folders) + len(self._found.refused) > MOST_FOLDERS:
            raise RepositoryError(
                say(
                    "repository {name} holds more than {most} dated folders",
                    name=self._settings.name,
                    most=MOST_FOLDERS,
                ),
                hint="keep fewer, or split the repository by application",
            )

    def _take(self, entry: _Entry, parts: Mapping[str, str], pattern: str) -> None:
        if not entry.name.isprintable() or not entry.path.isprintable():
            self._refuse(entry.path, "unreadable", say("has a name that cannot be printed"), parts)
            return
        try:
            with _opened(entry) as descriptor:
                facts = os.fstat(descriptor)
                marks = read_marks(self._settings, entry.descriptor, entry.name, descriptor)
                folder = self._dated(entry, parts, marks, (facts.st_dev, facts.st_ino), pattern)
        except FileNotFoundError:  # a rotation goes on while we look: it was there, and is another's name now
            self._refuse(entry.path, "unfinished", say("went away while it was looked at"), parts)
        except OSError as error:
            self._refuse_error(entry.path, error, parts)
        except Unfinished as error:
            self._refuse(entry.path, "unfinished", error.reason, parts)
        except (ValueError, OverflowError) as error:
            self._refuse(entry.path, "unreadable", _said(error), parts)
        else:
            self._found.folders.append(folder)
            self._require_few()

    def _dated(
        self, entry: _Entry, parts: Mapping[str, str], marks: Marks, identity: tuple[int, int], pattern: str
    ) -> DatedFolder:
        known = {name: value for name, value in parts.items() if value is not None}
        named_at = instant_of(known, self._settings.zone) if "Y" in known or "s" in known else None
        stated = marks.instant if self._settings.instant is not None else named_at
        if stated is None:
            raise Unfinished(say("nothing states an instant"))
        if named_at is not None and stated > named_at:
            raise ValueError(say("states {stated}, which is after the instant of its name", stated=stated.isoformat()))
        return DatedFolder(
            path=entry.path,
            pattern=pattern,
            host=known.get("host", ""),
            tag=known.get("tag", ""),
            consistent_at=stated,
            named_at=named_at,
            number=int(known["number"]) if "number" in known else None,
            identity=identity,
            marks=marks,
        )


def _said(error: Exception) -> Phrase:
    """Return what an error says: words of ours as they are, others' in one line."""
    words = error.args[0] if error.args else ""
    return words if isinstance(words, Phrase) else quoted(one_line(str(error), LONGEST))


@contextmanager
def _opened(entry: _Entry) -> Iterator[int]:
    """Open a dated folder that holds something."""
    descriptor = os.open(entry.name, _DIRECTORY, dir_fd=entry.descriptor)
    try:
        with closing(os.scandir(descriptor)) as inside:
            if next(inside, None) is None:
                raise Unfinished(say("is empty"))
        yield descriptor
    finally:
        os.close(descriptor)
