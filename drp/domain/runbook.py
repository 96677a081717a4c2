"""What a runbook run was asked and what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from drp.domain.phrase import NOTHING, Phrase
from drp.domain.sandbox import SandboxHandle

RunbookStep = Literal["restore", "start", "stop"]
TaskOutcome = Literal["ok", "changed", "failed", "unreachable", "skipped"]
NoticeKind = Literal["unused", "beside", "held-back", "overridden", "breaks-off"]
"""unused: restored and not used, or not readable · beside: lies in a declared folder and is none of its kind ·
held-back: what restored software would have done by itself · overridden: a restored setting that the drill outranks ·
breaks-off: the newest file of a log ends inside an entry."""


MALFORMED = "drp_malformed"
"""The output that says what was not of its declared form; drp's own, whatever a playbook gives under that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookOrder:
    """One step of one runbook, to be run against one sandbox."""

    kind: str
    step: RunbookStep
    sandbox: SandboxHandle
    inputs: Mapping[str, object] = field(default_factory=dict)
    """JSON-able; given to the playbook as ``drp_inputs``. Never a secret."""
    timeout: timedelta = timedelta(hours=8)
    label: str = ""
    """Name of the recovery, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """One Ansible task."""

    name: str
    outcome: TaskOutcome
    duration_ms: int
    message: Phrase = NOTHING
    housekeeping: bool = False
    """Ansible's own, such as looking at a role's arguments: nothing that the runbook's author wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that a runbook saw and that is no failure of a task."""

    kind: NoticeKind
    subject: Phrase
    observed: Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookResult:
    """How a step went; a failed task is a result, an unreachable sandbox is a RunbookError."""

    step: RunbookStep
    ok: bool
    tasks: tuple[TaskResult, ...]
    outputs: Mapping[str, object] = field(default_factory=dict)
    """What the playbook gave with ``set_stats``, within bounds: what is said of the restored system, it says itself."""
    duration_ms: int = 0
    """Wall time of the whole run."""
    harness_ms: int = 0
    """Of that, Ansible's own overhead: everything outside task durations."""

    @property
    def failed_task(self) -> TaskResult | None:
        """Return the task that ended the run, if one did."""
        return next((task for task in self.tasks if task.outcome in {"failed", "unreachable"}), None)
