"""The compiled core asks the disk ahead: not in vain, and what it read is forgotten where that is asked."""

from __future__ import annotations

import ctypes
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from drp.hashing.reading.careful import OPEN
from drp.hashing.reading.rows import Options, Rows
from tests.conformance.test_hashing_cores import BOTH, Gate, Native, NativeAhead, folder, look
from tests.support.trees import write

__all__ = ["folder"]


def test_what_was_read_ahead_is_forgotten(folder):
    def in_memory(path: Path) -> bool:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT) == 1
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)

    for name in ("a", "b", "control"):
        write(folder / name, b"x" * 5000)
    os.sync()
    descriptor = os.open(folder / "control", os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    assert look(NativeAhead, folder, ["a", "b"])[0] == 2
    forgets = not in_memory(folder / "control")  # a file system in memory does not
    assert in_memory(folder / "a") == in_memory(folder / "b") == (not forgets)
    assert look(Native, folder, ["a", "b"])[0] == 2
    assert in_memory(folder / "a")


def test_few_files_are_opened_ahead_in_vain(folder):
    """Of linked files each is handed back, and the others that are open are closed: the square of them, if not few."""
    libc, opened = ctypes.CDLL(None, use_errno=True), 0x20  # inotify(7), IN_OPEN
    names = [f"{number:03}" for number in range(300)]
    for name in names:
        write(folder / name, b"x")
    (folder.parent / "other").hardlink_to(folder / "000")
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(watch, os.fsencode(folder), opened) > 0
    core = NativeAhead(Options(BOTH), Gate())
    core.core.ahead = 256
    directory = os.open(folder, os.O_RDONLY)
    span, rows = range(len(names)), Rows([os.fsencode(name) for name in names])
    for _ in range(2):  # the second time it has learned
        with suppress(BlockingIOError):
            os.read(watch, 1 << 16)
        row, descriptor, _ = core.run(directory, rows, span, set(), horizon=time.time_ns() + 10**9, flags=OPEN)
        assert (row, descriptor >= 0) == (0, True)
        os.close(descriptor)
    told = os.read(watch, 1 << 16)
    os.close(directory)
    os.close(watch)
    assert 1 <= len(set(re.findall(rb"\d{3}(?=\0)", told))) <= 8
