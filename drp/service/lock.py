"""One drp at a time may run drills on a site: a lock that the kernel releases with the last process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drp.atomic import storage_errors
from drp.errors import Busy


@contextmanager
def site_lock(state_directory: Path) -> Iterator[int]:
    """Hold the site's lock and yield its descriptor, which a worker inherits. Raises ``Busy``, ``StorageFull``."""
    path = state_directory / "lock"
    with storage_errors(path):
        state_directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip() or "another process"
            message = f"{path} is held: drp already runs a drill on this site ({owner})"
            raise Busy(message) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)
