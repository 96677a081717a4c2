"""Tries on one sacrificial file what its protection must refuse: to write, rename, delete it, and to change its mode.

It touches nothing but the file that the site names, and that one only when it says by itself that it may be destroyed.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drp.domain.phrase import say
from drp.domain.repository import RepositorySettings
from drp.domain.worm.probe import Attempt, Probe, Tried
from drp.domain.worm.sacrificed import Said, came_of, findings_of
from drp.errors import UsageError
from drp.repositories.locations.attributes import in_read_only_snapshot, is_append_only, is_immutable

SACRIFICE = b"drp: this file may be destroyed\n"
"""What the sacrificial file has to hold, and nothing else."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REFUSED = {errno.EPERM, errno.EROFS, errno.EACCES}


def probe_files(settings: RepositorySettings, folder: Path, at: datetime) -> Probe:
    """Return what came of the attempts on the sacrificial file of a repository in a folder.

    Raises ``UsageError`` where the site names none, or one that could be somebody's: it is a plain file of one name, on
    the repository's own file system, and holds `SACRIFICE`.
    """
    path = settings.worm.sacrifice
    if path is None:
        raise UsageError(
            say("repository {name} names no file to probe its protection with", name=settings.name),
            hint="give it `worm.sacrifice`: a file under the same protection, which drp may destroy",
        )
    try:
        place = os.open(path.parent, _FOLDER)
    except OSError as error:
        raise _unfit(path, os.strerror(error.errno or 0)) from error
    try:
        victim = _victim(path, place, folder)
        tried = victim.all()
    finally:
        os.close(place)
    return Probe(
        at=at,
        subject=str(path),
        retained_until=None,
        tried=tried,
        findings=tuple(findings_of(tried, "files")),
        mode="files",
    )


def _unfit(path: Path, why: str) -> UsageError:
    return UsageError(
        say("{path} is no sacrificial file: {why}", path=path, why=why),
        hint=say("write it once, and protect it as the backup is: echo '{text}'", text=SACRIFICE.decode().strip()),
    )


def _victim(path: Path, place: int, folder: Path) -> _Victim:
    try:
        file = os.open(path.name, _FILE, dir_fd=place)
    except OSError as error:
        raise _unfit(path, os.strerror(error.errno or 0)) from error
    try:
        facts, above = os.fstat(file), os.fstat(place)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise _unfit(path, say("no plain file of one name"))
        if os.pread(file, len(SACRIFICE) + 1, 0) != SACRIFICE:
            raise _unfit(path, say("it does not say that it may be destroyed"))
        try:
            same = folder.stat().st_dev == facts.st_dev
        except OSError as error:
            raise _unfit(path, os.strerror(error.errno or 0)) from error
        if not same:
            raise _unfit(path, say("it is on another file system than the repository"))
        root = os.geteuid() == 0
        return _Victim(
            name=path.name,
            place=place,
            mode=stat.S_IMODE(facts.st_mode),
            of_file=is_immutable(file) or is_append_only(file),
            of_folder=is_immutable(place) or is_append_only(place),
            snapshot=in_read_only_snapshot(path.parent, place),
            owns=root or facts.st_uid == above.st_uid == os.geteuid(),
        )
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Victim:
    """The sacrificial file, by an open folder: whatever becomes of its path, no other file is touched."""

    name: str
    place: int
    mode: int
    of_file: bool
    """Whether an attribute of its own protects it."""
    of_folder: bool
    snapshot: bool
    owns: bool
    """Whether drp's user may do everything to it where no attribute forbids it."""

    def all(self) -> tuple[Tried, ...]:
        """Try everything, deletion last, and put right what came through."""
        return (
            self._try("write-file", self._write, by_folder=False),
            self._try("write-file", self._append, by_folder=False),
            self._try("change-file-mode", self._change_mode, by_folder=False),
            self._try("rename-file", self._rename, by_folder=True),
            self._try("delete-file", self._delete, by_folder=True),
        )

    def _try(self, attempt: Attempt, act: Callable[[], None], *, by_folder: bool) -> Tried:
        said: Said = "done"
        answer, able = "", None
        before = self._marks()
        try:
            act()
        except OSError as error:
            answer = errno.errorcode.get(error.errno or 0, str(error.errno))
            said = "refused" if error.errno in _REFUSED else "unclear"
            able = self._is_for_protection(error.errno, by_folder=by_folder)
        whole = self._marks() == before if before is not None else None
        if said == "done" and whole:  # what was done leaves no trace, as the same mode
            whole = False
        came, ground, why = came_of(said, whole=whole, able=able)
        if came == "succeeded":
            self._put_right()
        return Tried(attempt=attempt, came=came, by="user", answer=answer, ground=ground, why=why)

    def _is_for_protection(self, number: int | None, *, by_folder: bool) -> bool:
        """Return whether a refusal is that of an attribute, or of a snapshot, and not one of a right that lacks."""
        if number == errno.EROFS:
            return self.snapshot
        return number == errno.EPERM and self.owns and (self.of_file or (by_folder and self.of_folder))

    def _marks(self) -> tuple[object, ...] | None:
        """Return what tells the file from another one, or a changed one; None: nobody can look."""
        try:
            file = os.open(self.name, _FILE, dir_fd=self.place)
        except FileNotFoundError:
            return ("gone",)
        except OSError:
            return None
        try:
            facts = os.fstat(file)
            return facts.st_ino, facts.st_size, stat.S_IMODE(facts.st_mode), os.pread(file, len(SACRIFICE) + 1, 0)
        finally:
            os.close(file)

    def _write(self) -> None:
        self._open_and_put(os.O_WRONLY | os.O_TRUNC)

    def _append(self) -> None:
        self._open_and_put(os.O_WRONLY | os.O_APPEND)

    def _open_and_put(self, flags: int) -> None:
        file = os.open(self.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.place)
        try:
            os.write(file, b"drp was here\n")
        finally:
            os.close(file)

    def _change_mode(self) -> None:
        file = os.open(self.name, _FILE, dir_fd=self.place)
        try:
            os.fchmod(file, self.mode)
        finally:
            os.close(file)

    def _rename(self) -> None:
        other = f"{self.name}.{secrets.token_hex(8)}"
        os.rename(self.name, other, src_dir_fd=self.place, dst_dir_fd=self.place)
        os.rename(other, self.name, src_dir_fd=self.place, dst_dir_fd=self.place)

    def _delete(self) -> None:
        os.unlink(self.name, dir_fd=self.place)

    def _put_right(self) -> None:
        """Make the file as it was, for the next probe; where that is refused, the next one says that it is unfit."""
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(self.name, flags, self.mode, dir_fd=self.place)
            try:
                os.write(file, SACRIFICE)
            finally:
                os.close(file)
