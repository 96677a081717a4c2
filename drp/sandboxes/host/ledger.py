"""What drills at work on this host were promised: so that two never count on the same memory and disk.

Each promise is a small file, locked as long as a process that holds it lives: the kernel's word, proof against reused
process ids. Whoever looks removes those of the dead. Under root there is one ledger a host; a plain user has one of
his own, where he has a runtime directory, else one a site.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from drp.domain.phrase import say
from drp.domain.precheck import Needs, Promised
from drp.errors import SandboxError
from drp.sandboxes.host import cgroups
from drp.sandboxes.host.identity import PUBLIC, make_enterable, remove_empty, standing, uid_map

_SECONDS = 30.0
"""Whoever holds it looks and writes, which takes no time: longer than this only one that was stopped does."""
_PAUSE_SECONDS = 0.02
_RUNTIME = Path("/run/user")
_LONGEST = 8192
_VOLUME = "volume-"
"""Begins the names of what live volumes in memory hold, each within the promise of its drill."""


def ledger_directory(run_directory: Path) -> Path:
    """Return where promises lie for whoever holds drills in a run directory."""
    if standing() == "root":
        return PUBLIC / "ledger"
    own = _RUNTIME / str(uid_map()[0].outside if standing() == "mapped" else os.getuid())
    return own / "drp-ledger" if os.access(own, os.W_OK | os.X_OK) else run_directory / "ledger"


@dataclass(frozen=True, slots=True)
class _Promise:
    """One drill's, or one live volume's."""

    memory_most_bytes: int
    memory_least_bytes: int
    disks: Mapping[int, int]
    """Number of a file system → bytes there."""

    def text(self) -> str:
        """Return it as it is written down: memory at most, at least, then bytes and number of each file system."""
        pairs = [number for device, size in (self.disks or {0: 0}).items() for number in (size, device)]
        return " ".join(map(str, (self.memory_most_bytes, self.memory_least_bytes, *pairs)))

    @classmethod
    def of(cls, text: str) -> Self:
        """Return what is written down. Raises ValueError."""
        most, least, *pairs = map(int, text.split())
        return cls(most, least, dict(zip(pairs[1::2], pairs[::2], strict=True)))


class Ledger:
    """The ledger while nobody else may look or write: judge and promise in one."""

    def __init__(self, directory: Path, device: int) -> None:
        """Take the directory, which is locked, and the file system that volumes would be on."""
        self._directory, self._device = directory, device

    def promised(self) -> Promised:
        """Return what the living hold, all together; what the dead left is removed. Raises ``SandboxError``."""
        living, live = self._read(volumes=False), self._read(volumes=True)
        disks = {device: 0 for each in living for device in each.disks}
        for device in disks:  # what a volume has been given is not free any more
            given = sum(each.disks.get(device, 0) for each in live)
            disks[device] = max(0, sum(each.disks.get(device, 0) for each in living) - given)
        return Promised(
            drills=len(living),
            memory_most_bytes=sum(each.memory_most_bytes for each in living),
            memory_least_bytes=sum(each.memory_least_bytes for each in living),
            disk_bytes=disks.get(self._device, 0),
            disks=disks,
            memory_used_bytes=(cgroups.used_bytes() or 0) if living else 0,
        )

    def promise(self, needs: Needs, disks: Mapping[int, int] | None = None) -> int:
        """Write a promise down and return its descriptor: it stands until every process that has it has closed it.

        ``disks``: bytes of each file system by its number; left out: all of it where this site's volumes are.
        """
        found = {self._device: needs.disk_bytes} if disks is None else disks
        own = _Promise(needs.memory_most_bytes, needs.memory_least_bytes, found)
        return self._write(self._directory / secrets.token_hex(8), own)

    def reserved(self) -> int:
        """Return what live volumes in memory may still fill of their quotas, as far as anybody can tell."""
        quotas = sum(each.memory_most_bytes for each in self._read(volumes=True))
        return max(0, quotas - (cgroups.used_bytes() or 0))

    def reserve(self, *, memory_bytes: int = 0, disk_bytes: int = 0, device: int = 0) -> Reservation:
        """Hold what a volume has of memory, or of a file system, until it is released or this process ends."""
        path = self._directory / f"{_VOLUME}{secrets.token_hex(8)}"
        return Reservation(path, self._write(path, _Promise(memory_bytes, 0, {device: disk_bytes})))

    @staticmethod
    def _write(path: Path, own: _Promise) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, own.text().encode())
        return descriptor

    def _read(self, *, volumes: bool) -> tuple[_Promise, ...]:
        """Return what the living hold, of live volumes or of drills; what the dead left is removed."""
        paths = [each for each in self._directory.iterdir() if each.name.startswith(_VOLUME) == volumes]
        return tuple(found for path in paths if (found := _read(path)) is not None)


class Reservation:
    """What a live volume holds."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take its entry, and the descriptor that locks it."""
        self._path, self._descriptor = path, descriptor

    def release(self) -> None:
        """Give it back; safe to call again."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def open_ledger(run_directory: Path) -> Iterator[Ledger]:
    """Yield the ledger, locked; a directory that holds nothing afterwards is removed. Raises ``SandboxError``."""
    directory = ledger_directory(run_directory)
    try:
        descriptor = _locked(directory)
    except OSError as error:
        message = say(
            "the ledger of drills at work cannot be kept in {directory}: {why}",
            directory=directory,
            why=error.strerror,
        )
        raise SandboxError(message, hint="let drp's user write there") from error
    try:
        yield Ledger(directory, _device(run_directory))
    finally:
        remove_empty(directory, *([PUBLIC] if directory.parent == PUBLIC else []))
        os.close(descriptor)


def promised_now(run_directory: Path) -> Promised:
    """Return what drills at work were promised; where this user may not look, or nobody is at work, nothing."""
    directory = ledger_directory(run_directory)
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return Promised()
    with open_ledger(run_directory) as ledger:
        return ledger.promised()


def tidy(run_directory: Path) -> None:
    """Remove what the dead left, and the ledger where nobody is at work. Raises ``SandboxError``."""
    directory = ledger_directory(run_directory)
    if os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        with open_ledger(run_directory) as ledger:
            ledger.promised()
            ledger.reserved()


def _device(run_directory: Path) -> int:
    return next(each for each in (run_directory, *run_directory.parents) if each.exists()).stat().st_dev


def _locked(directory: Path) -> int:
    """Return the descriptor of a directory that is locked and still stands at its name. Raises OSError."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        try:
            make_enterable(directory)
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        with suppress(FileNotFoundError, BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), directory.stat()):
                return descriptor
        os.close(descriptor)  # somebody is in it, or the last who was took it away
        time.sleep(_PAUSE_SECONDS)
    raise BlockingIOError(
        errno.EWOULDBLOCK, say("another drp has held it for {seconds} s: is one stopped?", seconds=f"{_SECONDS:.0f}")
    )


def _read(path: Path) -> _Promise | None:
    """Return a promise that somebody alive holds; one of the dead is removed. Raises ``SandboxError``."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            return None
        return _Promise.of(os.pread(descriptor, _LONGEST, 0).decode("ascii"))
    except ValueError as error:
        message = say("{path} is no promise that drp wrote", path=path)
        raise SandboxError(message, hint="end the process that holds it, and remove it") from error
    finally:
        os.close(descriptor)
