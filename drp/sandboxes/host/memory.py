"""What a sandbox is handed without a path: small files in memory, and a Python that nobody inside can look into."""

from __future__ import annotations

import errno
import functools
import os
from pathlib import Path

from drp.sandboxes.packing import PYTHON

_MFD_EXEC = 0x10


def memory_file(content: bytes) -> int:
    """Return the descriptor of an anonymous file with this content, at its beginning; the caller closes it."""
    descriptor = os.memfd_create("file", os.MFD_CLOEXEC)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


@functools.cache
def unreadable_interpreter() -> int:
    """Return a descriptor of a copy of Python that may be executed and not read, kept for good; or -1.

    The kernel lets nobody of the same user look into a process whose program he may not read (ptrace(2), proc(5)).
    """
    content = Path(PYTHON).read_bytes()
    try:
        descriptor = _executable_memory()
    except OSError:  # vm.memfd_noexec
        return -1
    try:
        os.write(descriptor, content)
        os.fchmod(descriptor, 0o111)
        return os.open(f"/proc/self/fd/{descriptor}", os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return -1
    finally:
        os.close(descriptor)


def _executable_memory() -> int:
    try:
        return os.memfd_create("python3", os.MFD_CLOEXEC | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:  # before Linux 6.3 every memory file may be executed
            raise
        return os.memfd_create("python3", os.MFD_CLOEXEC)
