"""Which user ids a sandbox may have on this host, and who we are to hand them out.

Never host uid 0: as root each sandbox takes the ids of its own *slot* (one uid, or 65 536 of them), so that sandboxes
cannot touch each other's files and process limits count apart. Without root, the only uid there is is the caller's.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drp.domain.phrase import say
from drp.errors import SandboxError

PUBLIC = Path("/run/drp")
"""What all drp of a host share, and where sandboxes live whose run directory is closed to other users."""
FIRST_UID = 64001
FIRST_RANGE = 300_000
RANGE_SIZE = 65_536
SLOTS = 256
_ATTEMPTS = 1000
_WHOLE = 4_294_967_295

Standing = Literal["root", "mapped", "user"]
"""root: uid 0 of the host · mapped: uid 0 of a user namespace of our own · user: a plain user."""


@dataclass(frozen=True, slots=True)
class UidMap:
    """One line of /proc/self/uid_map."""

    inside: int
    outside: int
    count: int


def uid_map(process: str = "self") -> tuple[UidMap, ...]:
    """Return the user id map of a process."""
    lines = Path(f"/proc/{process}/uid_map").read_text(encoding="ascii").splitlines()
    return tuple(UidMap(*map(int, line.split())) for line in lines)


def standing() -> Standing:
    """Return who we are: uid 0 alone says nothing, since ``unshare --map-root-user`` gives it to anybody."""
    if os.geteuid() != 0:
        return "user"
    return "root" if uid_map() == (UidMap(0, 0, _WHOLE),) else "mapped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The host ids of one sandbox."""

    uid: int
    """Owner of its files and, for a single identity, the uid that everything inside runs as."""
    range_size: int = 0
    """Zero: a single uid is mapped; otherwise that many, beginning at ``uid``."""
    drop: bool = False
    """Whether the launcher must change to ``uid`` first (we are real root)."""

    @property
    def uid_offset(self) -> int | None:
        """Host uid = uid inside + offset, where ids are mapped as a range."""
        return self.uid if self.range_size else None

    def host_uid_of(self, inside: int) -> int:
        """Return the host uid that a uid inside stands for."""
        return self.uid + inside if self.range_size else self.uid


def make_enterable(directory: Path) -> None:
    """Make a directory and what is missing above it, so that every user may walk through, whatever the umask."""
    for missing in [each for each in (*reversed(directory.parents), directory) if not each.exists()]:
        missing.mkdir(exist_ok=True)
        missing.chmod(0o711)


class Slot:
    """A place among the host's sandboxes, held by a lock that the kernel releases when this process ends."""

    def __init__(self, directory: Path) -> None:
        """Take the first free slot; the lock files lie in ``directory``. Raises SandboxError when all are taken."""
        for number in range(SLOTS):
            path = directory / f"slot-{number}"
            if (descriptor := _locked(path)) is not None:
                self.number, self._path, self._descriptor = number, path, descriptor
                return
        message = say("all {slots} sandbox slots of this host are taken", slots=SLOTS)
        raise SandboxError(message, hint="wait for running drills, or run fewer at once")

    def release(self) -> None:
        """Give the slot back, and leave no file behind; safe to call again."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)  # while it is locked: who waits at the door sees that it has gone
            os.close(self._descriptor)
            self._descriptor = -1
            _leave(self._path.parent)


def sweep_slots(directory: Path) -> None:
    """Remove the lock files of slots whose holders were killed."""
    for path in directory.glob("slot-*"):
        if (descriptor := _locked(path)) is not None:
            path.unlink(missing_ok=True)
            os.close(descriptor)
    _leave(directory)


def _leave(slots: Path) -> None:
    """Remove a directory of slots that holds none, and the host's own when nothing else is there."""
    remove_empty(slots, *((PUBLIC,) if slots.parent == PUBLIC else ()))


def remove_empty(*directories: Path) -> None:
    """Remove directories that hold nothing, one after the other, up to the first that holds something."""
    with suppress(OSError):
        for directory in directories:
            directory.rmdir()


def _locked(path: Path) -> int | None:
    """Return the locked descriptor of a lock file; None: somebody holds it. Raises OSError, SandboxError."""
    for _ in range(_ATTEMPTS):
        try:
            make_enterable(path.parent)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:  # the last who left took the directory along
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        os.close(descriptor)  # the file was another's, who left meanwhile
    message = say("{path} is taken away again and again", path=path)
    raise SandboxError(message, hint="see which program clears this directory, and keep it from doing so")


def identity_for(kind: Literal["single", "range"], slot: Slot) -> Identity:
    """Return the ids for a new sandbox. Raises SandboxError when a range is asked for and cannot be had."""
    who = standing()
    if kind == "single":
        if who == "root":
            return Identity(uid=FIRST_UID + slot.number, drop=True)
        return Identity(uid=os.geteuid())
    if who == "root":
        return Identity(uid=FIRST_RANGE + slot.number * RANGE_SIZE, range_size=RANGE_SIZE)
    spare = max((each for each in uid_map() if each.inside > 0), key=lambda each: each.count, default=None)
    if who == "mapped" and spare is not None and spare.count > 1000:
        return Identity(uid=spare.inside, range_size=spare.count)
    message = say("a sandbox with a range of user ids needs root, or sub-uids of this user")
    raise SandboxError(
        message,
        hint="install uidmap and add this user to /etc/subuid and /etc/subgid, or set `identity: single`",
    )
