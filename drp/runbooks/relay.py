"""Progress on its way out: from the datagrams of a running task, or from the growth of the data volume, to drp."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from drp.domain.ports import Progress, Report
from drp.domain.strict_json import Malformed, parse_object

_QUIET_SECONDS = 2.0
_FIRST_BYTE_SECONDS = 0.1
"""How often the volume is looked at until something is in it: the first byte is an instant of the drill's clock."""
_COUNTS = ("done_bytes", "total_bytes", "done_files", "total_files")


class Relay:
    """Hands progress on to ``report`` from threads of its own, so that a slow listener never slows a run.

    It listens on a datagram socket at ``path``. While nothing is said and there is a ``volume``, its growth is
    reported every two seconds: for tools that restore in silence.
    """

    def __init__(self, path: Path, report: Report, volume: Path | None) -> None:
        self._report, self._volume = report, volume
        self._queue: queue.SimpleQueue[Progress | None] = queue.SimpleQueue()
        self._used_before = _used_bytes(volume)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._listen, self._hand_on)]

    def push(self, progress: Progress) -> None:
        """Hand this on soon."""
        self._queue.put(progress)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)
        self._threads[0].join()
        self._socket.close()
        self._queue.put(None)
        self._threads[1].join()

    def _listen(self) -> None:
        while datagram := self._socket.recv(1 << 16):
            if (progress := _read(datagram)) is not None:
                self._queue.put(progress)

    def _hand_on(self) -> None:
        counted_at = time.monotonic()
        empty = self._volume is not None
        while True:
            try:
                progress = self._queue.get(timeout=_FIRST_BYTE_SECONDS if empty else _QUIET_SECONDS)
            except queue.Empty:
                progress = self._growth()
                if empty and not (progress is not None and progress.done_bytes):
                    continue
                empty = False
            else:
                if progress is None:
                    return
            if progress is None:
                continue
            if progress.done_bytes is None and time.monotonic() - counted_at > _QUIET_SECONDS:
                progress = self._growth(progress.message) or progress
            if progress.done_bytes is not None:
                counted_at = time.monotonic()
            self._report(progress)

    def _growth(self, message: str = "") -> Progress | None:
        used = _used_bytes(self._volume)
        if used is None or self._used_before is None:
            return None
        return Progress(message=message, done_bytes=max(0, used - self._used_before))


def _used_bytes(volume: Path | None) -> int | None:
    if volume is None:
        return None
    try:
        facts = os.statvfs(volume)
    except OSError:
        return None
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


def _read(datagram: bytes) -> Progress | None:
    try:
        fields = parse_object(datagram)
    except Malformed:
        return None
    counts = {name: fields[name] for name in _COUNTS if type(fields.get(name)) is int and fields[name] >= 0}
    return Progress(**counts) if counts else None
