"""Where sandboxes live on the host, and what is written there so that a crash can be cleaned up after.

Under root a sandbox runs as an unprivileged uid, which must be able to walk to its volume: a run directory below,
say, /root is closed to it, so the live part then goes to /run/drp. Names never carry the application's.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from drp.domain.phrase import say
from drp.errors import SandboxError
from drp.sandboxes.host.identity import PUBLIC, make_enterable, remove_empty, standing

PREFIX = "drp-"
_ATTEMPTS = 1000
_LONGEST = 80
"""A socket's path has 107 bytes; ours adds the sandbox's name."""


def home(run_directory: Path) -> Path:
    """Return the directory of live sandboxes for a run directory: itself, or a stand-in that every uid can enter."""
    run_directory = run_directory.absolute()
    short = len(os.fsencode(run_directory)) <= _LONGEST
    if standing() != "root":
        if not short:
            message = say(
                "the run directory {path} has too long a path for sockets (at most {most} bytes)",
                path=run_directory,
                most=_LONGEST,
            )
            raise SandboxError(message, hint="give drp a state directory with a shorter path")
        return run_directory
    if short and open_to_all(run_directory):
        return run_directory
    return PUBLIC / hashlib.sha256(os.fsencode(run_directory)).hexdigest()[:12]


def slots_directory(run_directory: Path) -> Path:
    """Return where slots are locked: one place a host under root, since uids are the host's."""
    return PUBLIC / "slots" if standing() == "root" else run_directory / "slots"


def open_to_all(path: Path) -> bool:
    """Return whether any user may walk through the path and each of its parents (as far as they exist)."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (path, *path.parents) if each.exists())


def new_id() -> str:
    """Return a fresh sandbox id."""
    return PREFIX + secrets.token_hex(6)


class LiveDirectory:
    """The directory of one sandbox, locked as long as the process that made it lives."""

    def __init__(self, parent: Path, name: str) -> None:
        """Make it and take its lock; the descriptor is close-on-exec, so that no child can hold the lock."""
        self.path = parent / name
        hidden = parent / f".{name}"  # becomes visible with its lock held: a reaper never sees it without
        try:
            _make_hidden(hidden)
            self._lock = os.open(hidden / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(self.path)
        except OSError as error:
            message = say("cannot make {path}: {why}", path=self.path, why=error.strerror)
            raise SandboxError(message, hint="give drp a run directory that it may write to") from error

    def record(self, **fields: object) -> None:
        """Write what the reaper needs, whole or not at all (no fsync: it matters only until the next boot)."""
        part = self.path / "meta.json.part"
        part.write_text(json.dumps(fields, sort_keys=True), encoding="utf-8")
        part.replace(self.path / "meta.json")

    def release(self) -> None:
        """Give up the lock, and a stand-in home that holds nothing any more; safe to call again."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
            forsake(self.path.parent)


def _make_hidden(hidden: Path) -> None:
    """Make a directory whose home the last other sandbox may just be taking away. Raises OSError."""
    for _ in range(_ATTEMPTS):
        with suppress(FileNotFoundError):
            make_enterable(hidden.parent)
            hidden.mkdir()
            break
    hidden.chmod(0o711)


def forsake(home: Path) -> None:
    """Remove a stand-in home that holds nothing; other homes belong to the site."""
    if home.parent == PUBLIC:
        remove_empty(home, PUBLIC)


def read_record(directory: Path) -> dict[str, object]:
    """Return what was recorded in a sandbox's directory; empty when there is nothing readable."""
    try:
        fields = json.loads((directory / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


def is_abandoned(directory: Path) -> bool:
    """Return whether no living process holds the sandbox: the kernel's word, proof against reused process ids."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def public_homes() -> tuple[Path, ...]:
    """Return every stand-in home on this host; none for a plain user, who has none and may not list root's."""
    return tuple(each for each in entries(PUBLIC) if each.is_dir()) if standing() == "root" else ()


def entries(directory: Path) -> tuple[Path, ...]:
    """Return what lies in a directory, which others may remove meanwhile; nothing when it is not there."""
    try:
        return tuple(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
