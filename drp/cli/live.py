"""A drill on a terminal: finished phases scroll up, running ones are bars below, redrawn ten times a second."""

from __future__ import annotations

from contextlib import suppress
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from drp.cli.progress import TextReporter, doing
from drp.cli.render import printable
from drp.cli.words import PHASES, word
from drp.cli.wrapping import fitted, room_of
from drp.domain.events import (
    ApprovalAsked,
    ApprovalEnded,
    DrillConcluded,
    Entry,
    PhaseCompleted,
    PhaseFailed,
    PhaseStarted,
    Progressed,
    Reconciled,
    ReconciliationStarted,
    Sign,
    SignedOff,
    SignOffAsked,
)
from drp.domain.phrase import Size, say
from drp.domain.visible import printable_lines
from drp.reporting.runbooks import ARGUMENTS

_FRAMES_PER_SECOND = 10


class _Amount(ProgressColumn):
    """Bytes done, and of how many when that is known."""

    def render(self, task: Task) -> Text:
        if not task.completed:
            return Text("")
        done = Size(int(task.completed))
        if not task.total:
            return Text(printable(say("{done}", done=done)))
        return Text(printable(say("{done} of {total}", done=done, total=Size(int(task.total)))))


class LiveReporter(TextReporter):
    """Prints what a TextReporter prints, and keeps a bar for each recovery that is in a phase."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on ``stream``, which is a terminal."""
        super().__init__(stream)
        self._console = Console(file=stream, markup=False, highlight=False, soft_wrap=True)
        self._bars = Progress(
            TextColumn("  "),
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _Amount(table_column=Column(no_wrap=True)),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            refresh_per_second=_FRAMES_PER_SECOND,
        )
        self._running: dict[str, TaskID] = {}
        self._phases: dict[str, str] = {}

    def emit(self, entry: Entry | Sign) -> None:
        """Show one entry."""
        event = entry.event
        if isinstance(event, PhaseCompleted | PhaseFailed | SignedOff):
            self._end(event.recovery)
        if isinstance(event, Reconciled | ApprovalEnded):
            self._end("")
        if isinstance(event, DrillConcluded):
            self.close()
        super().emit(entry)
        if isinstance(event, PhaseStarted):
            self._begin(event.recovery, event.phase)
        if isinstance(event, ReconciliationStarted):
            self._begin("", "reconcile")
        if isinstance(event, ApprovalAsked):
            self._begin("", "approval")
        if isinstance(event, SignOffAsked):
            self._begin(event.recovery, "sign-off")

    def close(self) -> None:
        """Leave the terminal as it was, if it is still there."""
        with suppress(OSError):
            self._bars.stop()

    def _begin(self, recovery: str, phase: str) -> None:
        self._bars.start()
        self._phases[recovery] = phase
        self._running[recovery] = self._bars.add_task(self._name(recovery) + printable(word(PHASES, phase)), total=None)

    def _end(self, recovery: str) -> None:
        task = self._running.pop(recovery, None)
        if task is not None:
            self._bars.remove_task(task)

    def _progress(self, event: Progressed) -> None:
        task = self._running.get(event.recovery)
        if task is None:
            return
        phase = printable(word(PHASES, event.phase))
        told = "" if event.message.startswith(ARGUMENTS) else doing(event)
        words = f"{self._name(event.recovery)}{phase} {told}".rstrip()
        self._bars.update(task, description=words, completed=event.done_bytes, total=event.total_bytes)

    def _say(self, text: str) -> None:
        self._console.print(fitted(printable_lines(text), room_of(self._stream)))
