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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from drp.domain.precheck import Needs, Promised
from drp.errors import SandboxError
from drp.sandboxes.host import cgroups
from drp.sandboxes.host.identity import PUBLIC, make_enterable, remove_empty, standing, uid_map

_SECONDS = 30.0
"""Whoever holds it looks and writes, which takes no time: longer than this only one that was stopped does."""
_PAUSE_SECONDS = 0.02
_RUNTIME = Path("/run/user")
_VOLUME = "volume-"
"""Begins the names of what live volumes in memory hold, each within the promise of its drill."""


def ledger_directory(run_directory: Path) -> Path:
    """Return where promises lie for whoever holds drills in a run directory."""
    if standing() == "root":
        return PUBLIC / "ledger"
    own = _RUNTIME / str(uid_map()[0].outside if standing() == "mapped" else os.getuid())
    return own / "drp-ledger" if os.access(own, os.W_OK | os.X_OK) else run_directory / "ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promise:
    """One drill's, as it is written down: four numbers in this order."""

    memory_most_bytes: int
    memory_least_bytes: int
    disk_bytes: int
    device: int
    """Of the file system that its volumes are on."""


class Ledger:
    """The ledger while nobody else may look or write: judge and promise in one."""

    def __init__(self, directory: Path, device: int) -> None:
        """Take the directory, which is locked, and the file system that volumes would be on."""
        self._directory, self._device = directory, device

    def promised(self) -> Promised:
        """Return what the living hold, all together; what the dead left is removed. Raises ``SandboxError``."""
        living = [promise for path in self._entries() if (promise := _read(path)) is not None]
        return Promised(
            drills=len(living),
            memory_most_bytes=sum(each.memory_most_bytes for each in living),
            memory_least_bytes=sum(each.memory_least_bytes for each in living),
            disk_bytes=sum(each.disk_bytes for each in living if each.device == self._device),
            memory_used_bytes=(cgroups.used_bytes() or 0) if living else 0,
        )

    def promise(self, needs: Needs) -> int:
        """Write a promise down and return its descriptor: it stands until every process that has it has closed it."""
        own = _Promise(
            memory_most_bytes=needs.memory_most_bytes,
            memory_least_bytes=needs.memory_least_bytes,
            disk_bytes=needs.disk_bytes,
            device=self._device,
        )
        return self._write(self._directory / secrets.token_hex(8), own)

    def reserved(self) -> int:
        """Return the quotas of all live volumes in memory that nobody has filled yet, as far as anybody can tell."""
        found = [_read(path) for path in self._directory.iterdir() if path.name.startswith(_VOLUME)]
        quotas = sum(each.memory_most_bytes for each in found if each is not None)
        return max(0, quotas - (cgroups.used_bytes() or 0))

    def reserve(self, memory_bytes: int) -> Reservation:
        """Hold the quota of a volume in memory until it is released, or this process ends."""
        own = _Promise(memory_most_bytes=memory_bytes, memory_least_bytes=0, disk_bytes=0, device=self._device)
        path = self._directory / f"{_VOLUME}{secrets.token_hex(8)}"
        return Reservation(path, self._write(path, own))

    @staticmethod
    def _write(path: Path, own: _Promise) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, " ".join(map(str, astuple(own))).encode())
        return descriptor

    def _entries(self) -> tuple[Path, ...]:
        return tuple(each for each in self._directory.iterdir() if not each.name.startswith(_VOLUME))


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
        message = f"the ledger of drills at work cannot be kept in {directory}: {error.strerror}"
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
    raise BlockingIOError(errno.EWOULDBLOCK, f"another drp has held it for {_SECONDS:.0f} s: is one stopped?")


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
        most, least, disk, device = map(int, os.pread(descriptor, 200, 0).split())
        return _Promise(memory_most_bytes=most, memory_least_bytes=least, disk_bytes=disk, device=device)
    except ValueError as error:
        message = f"{path} is no promise that drp wrote"
        raise SandboxError(message, hint="end the process that holds it, and remove it") from error
    finally:
        os.close(descriptor)
