"""What protects the files of a folder from being changed or deleted, as far as this machine can see.

A directory keeps no dates: nothing here is as good as a lock with a date that its service enforces. An attribute, or a
file system's snapshot, is lifted by whoever is root on the machine that keeps it: that is told as governance.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from drp.domain.phrase import Phrase, fact
from drp.domain.worm.hardened import SeenFolder
from drp.errors import PointGone
from drp.repositories.locations.attributes import (
    in_read_only_snapshot,
    is_append_only,
    is_immutable,
    is_mounted_read_only,
)

_MOST_ENTRIES = 1_000_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ANY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_UNPROTECTED = fact("unprotected", "a directory: whoever may write to it may delete every recovery point")


@dataclass(slots=True, kw_only=True)
class _Draw:
    """Entries of a folder, of which each has the same chance of being looked at (a reservoir)."""

    most: int
    random: Random
    chosen: list[str] = field(default_factory=list)
    total: int = 0
    unlisted: list[str] = field(default_factory=list)

    def take(self, name: str) -> None:
        """Take one more entry into account."""
        self.total += 1
        if len(self.chosen) < self.most:
            self.chosen.append(name)
        elif (place := self.random.randrange(self.total)) < self.most:
            self.chosen[place] = name


def observe(
    folder: Path,
    audited: int,
    *,
    identity: tuple[int, int] | None = None,
    grows: bool = False,
    apart: Sequence[str] = (),
) -> SeenFolder:
    """Return what protects a folder: a snapshot of its file system, or the attributes of what is in it.

    ``audited``: so many entries are looked at; above it a sample is, whose seed is told. ``identity``: device and inode
    that it must still have. ``grows``: a repository in use, whose folders take new files and which no link is part of;
    ``apart``: folders at its top that change by design. Raises ``PointGone``, also when another folder is there now.
    """
    try:
        descriptor = os.open(folder, _FOLDER)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise PointGone(
            fact("folder-gone", "{folder} is gone, or cannot be read: {why}", folder=folder, why=reason)
        ) from error
    try:
        facts = os.fstat(descriptor)
        if identity is not None and (facts.st_dev, facts.st_ino) != identity:
            raise PointGone(
                fact(
                    "folder-replaced",
                    "{folder} is another folder than it was when recovery points were listed",
                    folder=folder,
                )
            )
        return _observed(folder, descriptor, audited, grows=grows, apart=apart)
    finally:
        os.close(descriptor)


def _observed(folder: Path, descriptor: int, audited: int, *, grows: bool, apart: Sequence[str]) -> SeenFolder:
    remarks = _mount_remarks(descriptor)
    if in_read_only_snapshot(folder, descriptor):
        told = fact("in-snapshot", "a read-only snapshot of its file system: root of its machine can delete it")
        return SeenFolder(asked=1, needed=1, remarks=(*remarks, told))
    alone = SeenFolder(asked=1, needed=1, bare=(".",), remarks=(*remarks, _UNPROTECTED), writable=_may_write(folder))
    open_to_all = (".",) if _is_open(os.fstat(descriptor)) else ()
    if grows:
        begun = _keeps(descriptor, grows=True) or _is_protected(folder / "config", grows=True)[0]
    else:
        begun = is_immutable(descriptor)
    if not begun:
        return replace(alone, open_to_all=open_to_all)
    return _looked_at(folder, audited, replace(alone, bare=(), remarks=remarks), grows=grows, apart=apart)


def _mount_remarks(descriptor: int) -> tuple[Phrase, ...]:
    if not is_mounted_read_only(descriptor):
        return ()
    return (fact("mounted-read-only", "mounted read-only here, which keeps nobody else from writing to it"),)


def _looked_at(folder: Path, audited: int, seen: SeenFolder, *, grows: bool, apart: Sequence[str]) -> SeenFolder:
    seed = secrets.token_hex(8)
    drawn = _Draw(most=audited, random=Random(seed))  # noqa: S311 - a reproducible draw, not a secret
    for name in _below(folder, drawn.unlisted, apart=apart, links=grows):
        drawn.take(name)
        if drawn.total >= _MOST_ENTRIES:
            break
    names = sorted(drawn.chosen)
    judged = {name: _is_protected(folder / name, grows=grows, at_top=name == ".") for name in (".", *names)}
    remarks = seen.remarks
    if len(names) < drawn.total:
        sampled = fact(
            "sampled-with-seed",
            "a sample of {looked_at} of {total} was looked at, drawn with the seed {seed}",
            looked_at=len(names),
            total=drawn.total,
            seed=seed,
        )
        remarks = (*remarks, sampled)
    if drawn.total >= _MOST_ENTRIES:
        told = fact("most-entries", "more than the first {most} entries were not looked for", most=_MOST_ENTRIES)
        remarks = (*remarks, told)
    bare = tuple(name for name, (protected, _) in judged.items() if not protected)
    if not bare:
        told = fact("immutable-attribute", "immutable by attribute, which root of its machine can take away")
        remarks = (*remarks, told)
    return replace(
        seen,
        asked=len(names) + 1,
        needed=drawn.total + 1,
        bare=bare,
        open_to_all=tuple(name for name, (_, is_open) in judged.items() if is_open),
        unlisted=tuple(drawn.unlisted),
        remarks=remarks,
    )


def _below(folder: Path, unlisted: list[str], *, apart: Sequence[str], links: bool) -> Iterator[str]:
    """Yield files and folders below, special files too; links only where they are no content of their own."""

    def note(error: OSError) -> None:
        unlisted.append(os.path.relpath(error.filename or folder, folder))

    for place, folders, files in os.walk(folder, onerror=note):
        at = os.path.relpath(place, folder)
        if at == ".":
            folders[:] = [name for name in folders if name not in apart]
        folders.sort()
        for name in (*folders, *sorted(files)):
            path = os.path.normpath(f"{at}/{name}")
            try:
                linked = stat.S_ISLNK(os.lstat(folder / path).st_mode)
            except FileNotFoundError:  # it went meanwhile: nobody needs it
                continue
            if links or not linked:
                yield path


def _is_protected(path: Path, *, grows: bool, at_top: bool = False) -> tuple[bool, bool]:
    """Return whether something keeps a file or folder as it is, and whether every user may write to it."""
    try:
        descriptor = os.open(path, _ANY)
    except OSError:  # closed to us, or a link
        return False, False
    try:
        facts = os.fstat(descriptor)
        if not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):  # they have no attributes
            return not grows, False
        kept = _keeps(descriptor, grows=grows) or (grows and not at_top and _stays_below(path, facts))
        return kept, _is_open(facts)
    finally:
        os.close(descriptor)


def _keeps(descriptor: int, *, grows: bool) -> bool:
    """Return whether its own attributes keep it: a folder in use may take new files, and a file must not grow."""
    if is_immutable(descriptor):
        return True
    return grows and stat.S_ISDIR(os.fstat(descriptor).st_mode) and is_append_only(descriptor)


def _stays_below(path: Path, facts: os.stat_result) -> bool:
    """Return whether it is a folder that its own folder neither gives up nor lets be renamed.

    It may take new files, as restic must be able to write; each of these has its own attribute, or counts as bare.
    """
    if not stat.S_ISDIR(facts.st_mode):
        return False
    try:
        above = os.open(path.parent, _FOLDER)
    except OSError:
        return False
    try:
        return is_immutable(above) or is_append_only(above)
    finally:
        os.close(above)


def _is_open(facts: os.stat_result) -> bool:
    """Return whether every user of this machine may write to it; a sticky folder gives up nobody else's files."""
    return bool(facts.st_mode & stat.S_IWOTH) and not (stat.S_ISDIR(facts.st_mode) and facts.st_mode & stat.S_ISVTX)


def _may_write(folder: Path) -> bool:
    """Return whether the user that runs drp may write there, without being root, who may do anything anywhere."""
    return os.geteuid() != 0 and os.access(folder, os.W_OK, effective_ids=True)
