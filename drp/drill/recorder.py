"""The one pen: appends events to the journal, advances the folded state, shows the entry. Safe from several threads."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from drp.domain.events import Entry, Event, FindingRaised, Progressed, Sign
from drp.domain.findings.finding import Finding
from drp.domain.fold import DrillState, apply
from drp.domain.journal import Journal
from drp.domain.phase import PhaseName
from drp.domain.phrase import NOTHING, Phrase
from drp.domain.ports import Progress, Report, Reporter
from drp.drill.history import Earlier, earlier

_PROGRESS_SECONDS = 1.0
"""At most one sign of life a second and phase; contract: at least one every 5 s while there is any."""


class Silent:
    """Reporter port that shows nothing."""

    def emit(self, entry: Entry | Sign) -> None:
        """Say nothing."""


class Recorder:
    """Writes one drill's journal."""

    def __init__(self, drill: str, state: DrillState, journal: Journal, reporter: Reporter) -> None:
        """Continue the drill where the folded state stands."""
        self.drill = drill
        self.state = state
        self._journal, self._reporter = journal, reporter
        self._lock = threading.Lock()

    def append(self, *events: Event) -> None:
        """Make events durable, all or none, then true, then visible."""
        with self._lock:
            entries = self._journal.append(self.drill, *events)
            for entry in entries:
                apply(self.state, entry)
        for entry in entries:
            self._reporter.emit(entry)

    def found(self, recovery: str, *findings: Finding, after: Event | None = None) -> None:
        """Raise what this attempt has not found yet, together with the event that it follows from, if there is one."""
        new = [one for one in dict.fromkeys(findings) if one not in self.state.recoveries[recovery].current]
        events = [FindingRaised(recovery=recovery, finding=finding) for finding in new]
        if after is not None or events:
            self.append(*([after] if after is not None else []), *events)

    def earlier(self, recovery: str, restored_state: datetime) -> Earlier:
        """Return what drills before this one held of an application, for data of the given instant."""
        assert self.state.declared_at is not None
        before = self.state.declared_at.wall
        return earlier(self._journal, recovery, before=before, restored_state=restored_state, but=self.drill)

    def progress_of(self, recovery: str, phase: PhaseName) -> Report:
        """Return the report function of one phase, which drops what comes faster than it can be read."""
        last_time, last_message = 0.0, ""

        def report(progress: Progress) -> None:
            nonlocal last_time, last_message
            now = time.monotonic()
            if now - last_time < _PROGRESS_SECONDS and progress.message == last_message:
                return
            last_time, last_message = now, progress.message
            event = Progressed(
                recovery=recovery,
                phase=phase,
                message=str(progress.message),
                said=progress.message if isinstance(progress.message, Phrase) else NOTHING,
                done_bytes=progress.done_bytes,
                total_bytes=progress.total_bytes,
                done_files=progress.done_files,
                total_files=progress.total_files,
            )
            self._reporter.emit(self._journal.note(self.drill, event))

        return report
