"""Watches a restore: its first byte, its rate, and whether it can come to its end at all."""

from __future__ import annotations

import time
from dataclasses import replace

from drp.domain.forecast import Forecast, Hopeless, Seen
from drp.domain.phrase import lasting, say
from drp.domain.ports import Progress
from drp.domain.repository_port import PinnedView
from drp.drill.context import PhaseContext
from drp.errors import DrpError, RunbookError, StorageFull

_MEGABYTE = 1_000_000
_ASKED_SECONDS = 0.5


class RestoreWatch:
    """Passes progress on, notes when the first restored byte was seen (clock t5), and stops what is hopeless."""

    def __init__(self, context: PhaseContext, *, forecasts: bool, view: PinnedView | None = None) -> None:
        """Begin the clock of one restore; ``forecasts``: its progress says what is truly left to write.

        ``view``: what it reads through; once it gives nothing any more, the tool would only ask again and again.
        """
        runbook = context.recovery.application.runbook
        assert runbook is not None
        self._context, self._limit, self._forecasts = context, runbook.timeout, forecasts
        self._forecast = Forecast(runbook.timeout.total_seconds())
        self._free = self._free_bytes()
        self._begun = time.monotonic()
        self._why: Hopeless = ""
        self._view, self._asked = view, self._begun
        self._trouble: DrpError | None = None
        self._last: Progress | None = None
        self.milliseconds = 0

    def report(self, progress: Progress) -> None:
        """Take a sign of life in."""
        elapsed = time.monotonic() - self._begun
        if not self.milliseconds and (progress.done_bytes or 0) > 0:
            self.milliseconds = max(1, int(elapsed * 1000))
        if progress.done_bytes is not None and progress.total_bytes is not None and not self._why:
            self._last, free = progress, self._free_bytes()
            seen = Seen(
                elapsed_seconds=elapsed,
                done_bytes=progress.done_bytes,
                total_bytes=progress.total_bytes,
                used_bytes=max(0, self._free - free),
                free_bytes=free,
            )
            self._why = self._forecast.hopeless(seen) if self._forecasts else ""
            if not progress.message and elapsed >= 1:
                rate = progress.done_bytes / elapsed / _MEGABYTE
                least = progress.total_bytes / self._limit.total_seconds() / _MEGABYTE
                progress = replace(
                    progress,
                    message=say("{rate} MB/s, planned are at least {least}", rate=f"{rate:.0f}", least=f"{least:.0f}"),
                )
        self._context.report(progress)

    def cancelled(self) -> bool:
        """Return whether the restore is to stop: somebody asked, or it is hopeless."""
        if self._view is not None and time.monotonic() - self._asked > _ASKED_SECONDS:
            self._asked, self._trouble = time.monotonic(), self._trouble or self._view.trouble()
        return bool(self._why) or self._trouble is not None or self._context.ports.cancelled()

    def error(self) -> DrpError | None:
        """Return why it was stopped before its end; None: it was not, or somebody asked to stop."""
        if self._context.ports.cancelled():
            return None
        if self._trouble is not None or not self._why:
            return self._trouble
        assert self._last is not None
        done, total = self._last.done_bytes or 0, self._last.total_bytes or 0
        if self._why == "room":
            message = say(
                "the restore would not fit: {done} of {total} bytes are there, and {free_bytes} are free",
                done=done,
                total=total,
                free_bytes=self._free_bytes(),
            )
            return StorageFull(message, hint="raise `data_bytes` of the sandbox profile, or give `data_volumes`")
        best = self._forecast.best_bytes_per_second / _MEGABYTE
        message = say(
            "the restore cannot end within {limit}: {done} of {total} bytes, at best {best} MB/s",
            limit=lasting(self._limit),
            done=done,
            total=total,
            best=f"{best:.1f}",
        )
        return RunbookError(message, hint="raise `timeout` of the application's runbook, or what it may read a second")

    def _free_bytes(self) -> int:
        rooms = self._context.ports.sandbox.rooms(self._context.prepared.sandbox)
        return sum(room.free_bytes for room in rooms) if rooms else 1 << 62
