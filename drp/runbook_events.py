"""Listens to a running Ansible: its events become task results, its datagrams progress. Knows no Ansible library."""

from __future__ import annotations

import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drp.domain.ports import Progress, Report
from drp.domain.runbook import TaskOutcome, TaskResult
from drp.errors import RunbookError
from drp.redact import redact

_ENDS = {"runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_on_skipped"}
_MESSAGE_LIMIT = 600
_WORDS_LIMIT = 20
_TASK_LIMIT = 10_000
_QUIET_SECONDS = 2.0
_COUNTS = ("done_bytes", "total_bytes", "done_files", "total_files")


class Recording:
    """What happened in a run. ``take`` is called from inside the runner's read loop: it is quick and never raises."""

    def __init__(self) -> None:
        self.tasks: list[TaskResult] = []
        self.outputs: Mapping[str, object] = {}
        self.on_task: Callable[[str], None] = lambda _: None
        self._ended = False
        self._unreachable = ""
        self._current = ""
        self._words: list[str] = []

    def take(self, event: Mapping[str, Any]) -> bool:
        """Take one event; False: keep nothing of it on disk."""
        try:
            self._take(str(event.get("event")), event.get("event_data") or {}, str(event.get("stdout") or ""))
        except (AttributeError, TypeError, ValueError) as error:
            self._words.append(f"an event could not be read: {error}")
        return False

    def _take(self, kind: str, data: Mapping[str, Any], text: str) -> None:
        if kind == "playbook_on_task_start":
            self._current = str(data.get("task") or "")
            self.on_task(self._current)
        elif kind in _ENDS and len(self.tasks) < _TASK_LIMIT:
            self._end(kind, data)
        elif kind == "playbook_on_stats":
            self._ended = True
            self.outputs = _redacted(data.get("artifact_data") or {})
        elif kind in {"verbose", "error", "warning"} and text.strip():
            self._words = [*self._words, *text.strip().splitlines()][-_WORDS_LIMIT:]

    def _end(self, kind: str, data: Mapping[str, Any]) -> None:
        result = data.get("res") or {}
        outcome: TaskOutcome = "changed" if kind == "runner_on_ok" and result.get("changed") else "ok"
        if kind == "runner_on_skipped":
            outcome = "skipped"
        elif kind == "runner_on_unreachable":
            outcome = "unreachable"
        elif kind == "runner_on_failed" and not data.get("ignore_errors"):
            outcome = "failed"
        message = ""
        if kind in {"runner_on_failed", "runner_on_unreachable"}:
            message = redact(_message(result))[:_MESSAGE_LIMIT]
        if outcome == "unreachable":
            self._unreachable = message or "it does not answer"
        self.tasks.append(
            TaskResult(
                name=str(data.get("task") or ""),
                outcome=outcome,
                duration_ms=round(float(data.get("duration") or 0) * 1000),
                message=message,
            )
        )

    def place(self) -> str:
        """Return where the run is, for messages."""
        return f"task {self._current!r}" if self._current else "its preparation"

    def require_judgement(self, where: str, exit_code: int) -> None:
        """Raise ``RunbookError`` unless Ansible came to a result of its own."""
        if self._unreachable:
            message = f"{where}: the sandbox was lost during {self.place()}: {self._unreachable}"
            raise RunbookError(message)
        if not self._ended:
            words = redact(" · ".join(word.strip() for word in self._words if word.strip()))[:_MESSAGE_LIMIT]
            message = f"{where}: ansible ended with {exit_code} before it came to a result: {words or 'without a word'}"
            raise RunbookError(message)


def _message(result: Mapping[str, Any]) -> str:
    text = result.get("msg") or result.get("module_stderr") or result.get("stderr") or ""
    words = " ".join(str(text).split())
    for prefix in ("Task failed: ", "Action failed: "):
        words = words.removeprefix(prefix)
    return words


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    return value


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
        while True:
            try:
                progress = self._queue.get(timeout=_QUIET_SECONDS)
            except queue.Empty:
                progress = self._growth()
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
        fields = json.loads(datagram)
        counts = {name: fields[name] for name in _COUNTS if isinstance(fields.get(name), int)}
    except (ValueError, AttributeError, RecursionError):
        return None
    return Progress(**counts) if counts else None
