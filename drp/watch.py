"""Watches over a running program: collects its lines, and ends it at its time limits or on request.

Nothing here starts a program; `command.py` does, and hands over what it started.
"""

from __future__ import annotations

import collections
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

from drp.redact import redact

Stream = Literal["stdout", "stderr"]
OnLine = Callable[[Stream, str], None]

_TAIL_LINES = 40
_LINE_LIMIT = 400
_CAPTURE_LIMIT = 64 << 20
GRACE_SECONDS = 5.0
"""Between the request to end and the end."""


class Collector:
    """Takes lines as they come; an exception inside a callback of sh would be swallowed with the rest of the output."""

    def __init__(self, on_line: OnLine | None, *, capture: bool, touch: Callable[[], None]) -> None:
        self.tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        self.captured: list[str] = []
        self._size = 0
        self._on_line, self._capture, self._touch = on_line, capture, touch

    def callback(self, stream: Stream) -> Callable[[str | bytes], None]:
        """Return what takes the lines of one stream."""

        def take(raw: str | bytes) -> None:
            try:
                self._take(stream, raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw)
            except Exception as error:  # noqa: BLE001 - see the class docstring
                self.tail.append(f"<reading {stream}: {error!r}>")

        return take

    def _take(self, stream: Stream, line: str) -> None:
        self._touch()
        if self._capture and stream == "stdout" and self._size < _CAPTURE_LIMIT:
            self.captured.append(line)
            self._size += len(line)
        text = line.rstrip("\n")
        if text.strip():
            self.tail.append(redact(text[:_LINE_LIMIT]))
        if self._on_line is not None:
            self._on_line(stream, text)


class Watch:
    """Ends a program at its time limits or on request: SIGINT to its group, then SIGKILL."""

    def __init__(
        self,
        timeout: float,
        idle: float | None,
        cancelled: Callable[[], bool],
        activity: Callable[[], object] | None,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self.finished = threading.Event()
        self.ended_by: Literal["itself", "timeout", "idle"] = "itself"
        self.was_cancelled = False
        self._timeout, self._idle, self._grace = timeout, idle, grace
        self._cancelled, self._activity = cancelled, activity
        self._started = self._last = time.monotonic()
        self._last_activity: object = None

    def touch(self) -> None:
        """Note a sign of life."""
        self._last = time.monotonic()

    @property
    def intervened(self) -> bool:
        """Whether the program was made to end."""
        return self.was_cancelled or self.ended_by != "itself"

    def elapsed_ms(self) -> int:
        """Return for how long it has run."""
        return int((time.monotonic() - self._started) * 1000)

    def over(self, process: Any) -> None:
        """Watch until it is finished; ask it to end when it must, then make it."""
        deadline: float | None = None
        while not self.finished.wait(0.05):
            now = time.monotonic()
            if deadline is None and self._must_end(now):
                self._signal(process, signal.SIGINT)
                deadline = now + self._grace
            elif deadline is not None and now > deadline:
                self._signal(process, signal.SIGKILL)

    def _must_end(self, now: float) -> bool:
        if self._activity is not None and (value := self._activity()) != self._last_activity:
            self._last_activity = value
            self.touch()
        if self._cancelled():
            self.was_cancelled = True
        elif now - self._started > self._timeout:
            self.ended_by = "timeout"
        elif self._idle is not None and now - self._last > self._idle:
            self.ended_by = "idle"
        else:
            return False
        return True

    @staticmethod
    def _signal(process: Any, number: int) -> None:
        with suppress(ProcessLookupError):
            process.signal_group(number)
