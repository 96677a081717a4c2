"""Shows how far hashing is: a live line on a terminal, a JSON line now and then in a pipe.

It reads the counters that the workers share, a few times a second; they do nothing for it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from typing import TextIO

from drp.domain.manifest import show_path
from drp.domain.phrase import Phrase, Rate, Size, count, say

_QUIET_SECONDS = 10.0
_WINDOW_SECONDS = 5.0
_BAR = 16
_FILE_COST = 40_000
"""Bytes that could be hashed in the time that opening and closing a file takes."""
_LEAST_PATH = 12
Slowest = Callable[[], tuple[bytes, float, int] | None]


class Meter:
    """Tells files, bytes, rate, time left and the slowest file so far."""

    def __init__(
        self,
        stream: TextIO,
        *,
        live: bool,
        total_files: int = 0,
        total_bytes: int = 0,
        words: Callable[[Phrase], str] = str,
    ) -> None:
        """``live``: redraw one line. Totals are 0 when nobody knows them. ``words``: says a phrase to the reader."""
        self._stream, self._live, self._words = stream, live, words
        self._total_files, self._total_bytes = total_files, total_bytes
        self._started = self._said = time.monotonic()
        self._samples: list[tuple[float, int, int]] = [(self._started, 0, 0)]
        self._drawn = False
        self.slowest: Slowest = lambda: None

    def __call__(self, files: int, size: int, entries: int) -> None:
        """Take the counters."""
        now = time.monotonic()
        self._samples.append((now, files, size))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_SECONDS:
            del self._samples[0]
        if self._live:
            width = shutil.get_terminal_size().columns
            self._say("\r\x1b[K" + self.line(files, size, width - 1))
            self._drawn = True
        elif now - self._said >= _QUIET_SECONDS:
            self._said = now
            self._say(json.dumps(self.document(files, size, entries)) + "\n")

    def wipe(self) -> None:
        """Remove the live line."""
        if self._drawn:
            self._say("\r\x1b[K")
            self._drawn = False

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # hashing goes on, whether anybody sees how far it is or not
            self._stream.write(text)
            self._stream.flush()

    def rates(self) -> tuple[float, float]:
        """Return files and bytes a second over the last seconds."""
        (start, files, size), (now, more_files, more_size) = self._samples[0], self._samples[-1]
        span = max(now - start, 1e-6)
        return (more_files - files) / span, (more_size - size) / span

    def share(self, files: int, size: int) -> float:
        """Return how much is done, of bytes and of files together; 0 when nobody knows the totals."""
        total = self._total_bytes + _FILE_COST * self._total_files
        return min(1.0, (size + _FILE_COST * files) / total) if total else 0.0

    def seconds_left(self, files: int, size: int) -> float | None:
        """Return how long it will take at the present rate of bytes and files together; None when nobody can tell."""
        if not self._total_files:
            return None
        file_rate, byte_rate = self.rates()
        rate = byte_rate + _FILE_COST * file_rate
        left = self._total_bytes - size + _FILE_COST * (self._total_files - files)
        return max(0.0, left / rate) if rate > 0 else None

    def line(self, files: int, size: int, width: int = 1000) -> str:
        """Return the live line; of the slowest file's path, the end, as far as there is room."""
        file_rate, byte_rate = self.rates()
        words = [
            self._words(count("{n} file", "{n} files", files)),
            self._words(say("{size}", size=Size(size))),
            self._words(say("{rate}", rate=Rate(int(byte_rate), 1000))),
            self._words(say("{number} files/s", number=round(file_rate))),
        ]
        if self._total_files:
            share = self.share(files, size)
            filled = int(share * _BAR)
            words.insert(0, f"[{'█' * filled}{'·' * (_BAR - filled)}] {int(share * 100):3d}%")
        left = self.seconds_left(files, size)
        if left is not None:
            words.insert(1, self._words(say("{time} left", time=_time(int(left)))))
        text = "  ".join(words)
        worst = self.slowest()
        if worst is not None:
            slowest = say("slowest {rate}", rate=Rate(int(worst[2] / worst[1]), 1000))
            path, more = show_path(worst[0]), f"  {self._words(slowest)} "
            room = width - len(text) - len(more)
            if room >= _LEAST_PATH or room >= len(path):
                text += more + (path if len(path) <= room else "…" + path[1 - room :])
        return text[:width]

    def document(self, files: int, size: int, entries: int) -> dict[str, object]:
        """Return the same for machines."""
        file_rate, byte_rate = self.rates()
        left = self.seconds_left(files, size)
        worst = self.slowest()
        return {
            "schema": "drp/manifest-progress/1",
            "files": files,
            "bytes": size,
            "entries": entries,
            "total_files": self._total_files or None,
            "total_bytes": self._total_bytes or None,
            "files_per_second": round(file_rate, 1),
            "bytes_per_second": round(byte_rate),
            "seconds_left": None if left is None else round(left, 1),
            "slowest": None if worst is None else show_path(worst[0]),
        }


def _time(seconds: int) -> str:
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"
