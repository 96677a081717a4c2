"""One heartbeat of an application at a time: cron starts the next one whether or not the last one came to an end."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drp.domain.phrase import fact, say
from drp.errors import Busy


@contextmanager
def alone(application: str, file: Path) -> Iterator[None]:
    """Hold the application's file, which needs no right but to read it and leaves nothing behind.

    The kernel lets go of it with the process that held it. Raises ``Busy``. Where the file system has no such locks
    (NFS, for who may only read) nothing is held: the deadline still bounds how many there can be.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(
                    say(
                        "another heartbeat of {application} is being written{descriptor}",
                        application=application,
                        descriptor=_holder(descriptor),
                    ),
                    hint="it ends at its own deadline (`canary.timeout`); run it less often than that",
                ) from None
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """Return who holds the file, as far as the kernel tells this process."""
    pattern = re.compile(rf"FLOCK\s+ADVISORY\s+WRITE\s+([1-9]\d*)\s+\S+:{os.fstat(descriptor).st_ino}\s")
    try:
        match = pattern.search(Path("/proc/locks").read_text(encoding="ascii", errors="replace"))
    except OSError:
        return ""
    return fact("process", ": process {match}", match=match[1]) if match else ""
