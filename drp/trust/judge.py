"""Whom drp trusts: what steers it belongs to root or to the caller, and nobody else may write to it or replace it.

A path is walked from ``/`` on, every directory and symbolic link on the way judged before it is followed. Since each
of them can be changed by trusted accounts alone, what was judged stays what it is: nobody else can swap it before it
is used. Trusted are root, the effective caller, and whoever owns drp's own code, which runs anyway; never whoever
called sudo, which may be allowed to call drp and nothing else.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from drp.domain.phrase import NOTHING, Phrase, count, joined, say
from drp.domain.visible import printable
from drp.errors import ConfigError, Untrusted
from drp.trust.accounts import account, account_name, others_who_write

_MOST_LINKS = 40
_MOST_SHOWN = 20
_MOST_COMMANDS = 4
_DEEPEST = 64
_MOST_FILES = 500_000
_UNMAPPED = 0xFFFFFFFF
_users_judged_before: set[int] = set()
_groups_judged_before: set[int] = set()


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a path is not trusted, and the command that fixes it."""

    path: str
    reason: Phrase
    mend: str


class _Doubted(Exception):
    """Carries the first doubt on a way."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt)
        self.doubt = doubt


def judged_by_parent() -> None:
    """Take owners that this user namespace does not map as judged already: the process outside it has done so.

    A drill worker of a plain user cannot tell root's files from others'; its supervisor can, and judges them first.
    """
    for kind, judged in (("uid", _users_judged_before), ("gid", _groups_judged_before)):
        judged |= {_UNMAPPED, _overflow(kind)}


def _overflow(kind: str) -> int:
    """Return the id under which a user namespace shows all that it does not map (user_namespaces(7))."""
    try:
        return int(Path(f"/proc/sys/kernel/overflow{kind}").read_bytes())
    except (OSError, ValueError):
        return 65534


class Trust:
    """Judges paths for the caller, each directory once; ``accounts`` are trusted besides (user ids)."""

    def __init__(self, accounts: Collection[int] = ()) -> None:
        """Take who else may write: whom a site declares for a folder that others fill."""
        # an owner that this namespace does not map may be anybody, drp's own code notwithstanding
        code = {Path(__file__).stat().st_uid} - {_overflow("uid")}
        self.accounts = frozenset({0, os.geteuid(), *code, *_users_judged_before, *accounts})
        self._mounters: dict[int, int] | None = None
        self._ways: set[str] = set()
        """Directories that may lie on a way, by their physical path."""

    def doubt(self, path: Path) -> Doubt | None:
        """Return the first doubt about a path or the way to it; what is absent or closed to us cannot mislead us."""
        try:
            self._follow(path)
        except _Doubted as doubted:
            return doubted.doubt
        except OSError:
            return None
        return None

    def doubts(self, root: Path) -> Iterator[Doubt]:
        """Yield the doubts about a tree: the way to it, everything in it, and where its symbolic links lead."""
        seen: set[tuple[int, int]] = set()
        pending, left = [(str(root), True, 0)], _MOST_FILES
        while pending:
            path, leads, depth = pending.pop()
            try:
                physical, status = self._follow(Path(path)) if leads else (path, os.lstat(path))
                if (found := self._judge(physical, status, way=False)) is not None:
                    yield found
                    continue
                if not stat.S_ISDIR(status.st_mode) or (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                left -= len(names := os.listdir(physical))  # noqa: PTH208 - hot
            except _Doubted as doubted:
                yield doubted.doubt
                continue
            except OSError:  # gone, or closed to us: nothing of it can be read
                continue
            if depth > _DEEPEST or left < 0:
                yield Doubt(physical, say("holds too much to be judged"), f"rm -r {_word(physical)}")
                return
            for name in names:
                inside = f"{physical}/{name}"
                pending.append((inside, os.path.islink(inside), depth + 1))  # noqa: PTH114 - hot

    def open(self, path: Path) -> int:
        """Return the descriptor of a plain file to read, judged before and after it was opened.

        Raises Untrusted, and OSError as ``os.open`` does, IsADirectoryError and ValueError for what is no plain file.
        """
        try:
            physical = self._follow(path)[0]
        except _Doubted as doubted:
            raise refusal([doubted.doubt]) from None
        descriptor = os.open(physical, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            self._require_plain(physical, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _require_plain(self, path: str, status: os.stat_result) -> None:
        if (found := self._judge(path, status, way=False)) is not None:
            raise refusal([found])
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(say("is not a file"))

    def _follow(self, path: Path) -> tuple[str, os.stat_result]:
        """Return the physical path and its status, having judged it and every step on the way."""
        here, links = "/", 0
        pending = [part for part in reversed(path.absolute().parts[1:]) if part != "."]
        status = os.lstat(here)
        self._step(here, status, last=not pending)
        while pending:
            part = pending.pop()
            if part == "..":
                here = os.path.dirname(here)  # noqa: PTH120 - physical already
                status = os.lstat(here)
                continue
            here_next = os.path.join(here, part)  # noqa: PTH118 - hot
            status = os.lstat(here_next)
            if stat.S_ISLNK(status.st_mode):
                links += 1
                self._step(here_next, status, last=False)
                if links > _MOST_LINKS:
                    reason = say("leads through too many symbolic links")
                    raise _Doubted(Doubt(here_next, reason, f"ls -l {_word(here)}"))
                target = Path(here_next).readlink()
                here = "/" if target.is_absolute() else here
                pending += [each for each in reversed(target.parts) if each not in {"/", "."}]
                status = os.lstat(here)
                continue
            self._step(here_next, status, last=not pending)
            here = here_next
        if stat.S_ISDIR(status.st_mode):
            self._step(here, status, last=True)
        return here, status

    def _step(self, path: str, status: os.stat_result, *, last: bool) -> None:
        way = not last
        if way and path in self._ways:
            return
        if (found := self._judge(path, status, way=way)) is not None:
            raise _Doubted(found)
        if way and stat.S_ISDIR(status.st_mode):
            self._ways.add(path)

    def _judge(self, path: str, status: os.stat_result, *, way: bool) -> Doubt | None:
        """Return what is wrong with one object; ``way``: only what lies behind it counts, so a sticky bit protects."""
        mode = status.st_mode
        if status.st_uid not in self.accounts:
            return Doubt(path, say("belongs to {owner}", owner=account(status.st_uid)), _chown(path, mode))
        if (mounter := self._mounter(status.st_dev)) not in self.accounts:
            reason = say("lies in a file system that {owner} made up", owner=account(mounter))
            return Doubt(path, reason, f"umount {_word(path)}")
        if stat.S_ISLNK(mode) or (way and stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
            return None
        if mode & stat.S_IWOTH:
            return Doubt(path, say("may be written by everybody"), f"{_sudo(status)}chmod o-w {_word(path)}")
        if not mode & stat.S_IWGRP:
            return None
        others = others_who_write(path, status, self.accounts, _groups_judged_before)
        mend = f"{_sudo(status)}chmod g-w {_word(path)}"
        return Doubt(path, say("may be written by {others}", others=others), mend) if others is not None else None

    def _mounter(self, device: int) -> int:
        """Return who answers for a device's owners and modes: the kernel (root), or whoever serves it (FUSE)."""
        if self._mounters is None:
            self._mounters = _fuse_mounters()
        return self._mounters.get(device, 0)


def refusal(doubts: Collection[Doubt], *, otherwise: Phrase = NOTHING) -> Untrusted:
    """Return the error that names what is doubted and the commands that fix it, or what to do ``otherwise``."""
    shown = [joined([_word(doubt.path), doubt.reason], " ") for doubt in list(doubts)[:_MOST_SHOWN]]
    if len(doubts) > _MOST_SHOWN:
        shown.append(count("… and {n} more", "… and {n} more", len(doubts) - _MOST_SHOWN))
    mends = list(dict.fromkeys(doubt.mend for doubt in doubts))
    commands = " && ".join([*mends[:_MOST_COMMANDS], *(["…"] if len(mends) > _MOST_COMMANDS else [])])
    hint = say("if it is yours, look through it, then: {commands}", commands=commands)
    return Untrusted(joined(shown, "\n"), hint=joined([hint, otherwise]))


def require(doubts: Iterable[Doubt | None], *, otherwise: Phrase = NOTHING) -> None:
    """Raise Untrusted when there is a doubt."""
    found = sorted({doubt for doubt in doubts if doubt is not None}, key=lambda doubt: doubt.path)
    if found:
        raise refusal(found, otherwise=otherwise)


def _fuse_mounters() -> dict[int, int]:
    """Return, by device, who serves each FUSE file system: it says of its files what its server likes."""
    found: dict[int, int] = {}
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ConfigError(
            say("the mount table cannot be read: {why}", why=error.strerror), hint="mount /proc"
        ) from error
    for line in lines:
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.partition(" ")
        if kind.startswith("fuse"):
            major, _, minor = fields.split(" ")[2].partition(":")
            users = [option.removeprefix("user_id=") for option in options.split(",") if option.startswith("user_id=")]
            found[os.makedev(int(major), int(minor))] = int(users[0]) if users else 0
    return found


def _chown(path: str, mode: int) -> str:
    owner = "root" if os.geteuid() == 0 else account_name(os.geteuid())
    flag = "--no-dereference " if stat.S_ISLNK(mode) else ""
    return f"{'' if os.geteuid() == 0 else 'sudo '}chown {flag}{owner} {_word(path)}"


def _sudo(status: os.stat_result) -> str:
    return "" if os.geteuid() in {0, status.st_uid} else "sudo "


def _word(path: str) -> str:
    """Return a path as a word of a shell; a name may hold what looks like another line of ours, with another hint."""
    if printable(path) == path:
        return shlex.quote(path)
    escaped = path.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(_byte(each) if "\udc80" <= each <= "\udcff" else printable(each) for each in escaped) + "'"


def _byte(surrogate: str) -> str:
    """Return how a byte of a name is written that is no text (PEP 383)."""
    return f"\\x{ord(surrogate) - 0xDC00:02x}"
