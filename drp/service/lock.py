"""One drp at a time may run drills on a site: a lock that the kernel releases with the last process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drp.atomic import storage_errors
from drp.clock import utc_now
from drp.domain.phrase import say
from drp.domain.visible import printable
from drp.errors import Busy, NotReadable

_MOST = 400


@contextmanager
def site_lock(state_directory: Path, what: str = "") -> Iterator[int]:
    """Hold the site's lock and yield its descriptor, which a worker inherits. Raises ``Busy``, ``StorageFull``.

    ``what`` it is held for: whoever comes meanwhile is told, with since when.
    """
    path = state_directory / "lock"
    with storage_errors(path):
        state_directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            said = os.pread(descriptor, _MOST, 0).decode("utf-8", "replace").strip()
            owner = printable(said) or say("another process")
            message = say("{path} is held: drp already runs a drill on this site ({owner})", path=path, owner=owner)
            raise Busy(message, hint="watch it with `drp drill watch latest`, or wait for its end") from error
        say_what_for(descriptor, what)
        yield descriptor
    finally:
        os.close(descriptor)


def say_what_for(descriptor: int, what: str) -> None:
    """Leave word of what the lock is held for from now on. Raises OSError."""
    since = f"since {utc_now():%Y-%m-%d %H:%M:%SZ}"
    said = ", ".join(part for part in (f"pid {os.getpid()}", what, since) if part)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{said}\n".encode("utf-8", "replace")[:_MOST], 0)


def is_held(state_directory: Path) -> bool:
    """Return whether another drp works on the site, without waiting for it or getting into its way.

    Raises NotReadable.
    """
    try:
        descriptor = os.open(state_directory / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError as error:  # running and cut off are not the same
        raise NotReadable(
            say(
                "cannot tell whether a drill runs: {filename}: {why}",
                filename=error.filename,
                why=error.strerror,
            )
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
