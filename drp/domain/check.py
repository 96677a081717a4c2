"""Checks: what verifiers see of a running application, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from drp.domain.judged import Basis, NotJudged
from drp.domain.phrase import NOTHING, Phrase
from drp.domain.restore import RESTORED
from drp.domain.restored_code import RestoredCode
from drp.domain.witness import Witness

CheckOutcome = Literal["passed", "failed", "undetermined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The newest datum a restored application shows, and where it was seen."""

    at: datetime
    source: str
    canary: bool = False
    """Written by drp's heartbeat, so its age is known not to be idle time."""
    store: str = ""
    """Where it is kept: a canary says of what stands in the same store that it is idle, and nothing of others."""
    clock_skew_seconds: float = 0.0
    """How far its clock may have run ahead, as the check declares."""

    @property
    def written_by(self) -> datetime:
        """Return the earliest instant at which it can have been written: no later does it prove anything saved."""
        try:
            return self.at - timedelta(seconds=self.clock_skew_seconds)
        except OverflowError:  # at the beginning of the calendar
            return self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Writes that users were told are safe, after the recovery point, and what became of them."""

    acknowledged: int
    lost: int
    first_at: datetime | None = None
    """When the first lost one was acknowledged: the loss reaches back to here."""
    named: tuple[str, ...] = ()
    """The first of the lost, by identifiers only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One statement of a verifier. ``undetermined`` never counts as passed."""

    check: str
    outcome: CheckOutcome
    statement: Phrase
    """One sentence: what was looked at."""
    observed: Phrase = NOTHING
    expected: Phrase = NOTHING
    duration_ms: int = 0
    basis: Basis = "observed"
    witness: Witness = "restored"
    """Who says so. Whoever runs the check sets it, by where it ran: a verifier may say ``outside``, never ``drp``."""
    because: str = ""
    """Undetermined only because this other check of the same verifier did not pass: one cause is one finding."""
    watermark: Watermark | None = None
    undated: bool = False
    """It was asked for the newest datum and has none that can be believed, so nothing bounds the loss from above."""
    loss: Loss | None = None
    """Counted against the log of acknowledged writes, where the application has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """All that one check came to: at least one result, what it did not judge, and the restored code that it met."""

    results: tuple[CheckResult, ...]
    not_judged: tuple[NotJudged, ...] = ()
    code: tuple[RestoredCode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How a command inside the sandbox ended. Everything it says is untrusted data."""

    exit_code: int
    """Negative: killed by that signal, which a verifier treats as a failed check."""
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    duration_ms: int = 0
    truncated: bool = False
    """It said more than is taken from it, and never ended with 0: that says nothing of what it read."""


class Commands(Protocol):
    """Whatever runs commands inside a sandbox."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command inside the sandbox as the restored software's user."""
        ...


class Target(Commands, Protocol):
    """A running application as a verifier sees it: only through its sandbox.

    Contract: ``run`` returns whatever happens to the command; it raises ``SandboxError`` only when the sandbox is
    gone. Output beyond the cap (64 MiB) ends the command; what is streamed ends it beyond 64 GiB alone.
    """

    def stream(
        self,
        argv: Sequence[str],
        *,
        receive: Callable[[bytes], None],
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command and hand its standard output to ``receive`` as it comes; none of it is kept.

        A slow receiver makes the command wait; what it raises ends the command and is raised here.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What verifiers compare with: facts kept in the manifest at backup time, and the drill's instants."""

    facts: Mapping[str, object] = field(default_factory=dict)
    disaster_at: datetime
    consistent_at: datetime
    declared_at: datetime | None = None
    """When the drill was declared: no restored datum can be newer."""
    newest_possible: datetime | None = None
    """When the backup had been read: it can hold nothing newer. None: nobody knows, as on a system that runs."""
    timeout_seconds: float = 300.0
    restored_root: str = RESTORED
    """Where the restored tree begins inside the sandbox; relative paths in options are below it."""
    within: str = ""
    """Below which all that was restored lies inside; empty: nothing was restored, as on a system that is in use."""
    tier: int = 1
    """Of the application; 1: the hospital does not work without it."""
    inputs: Mapping[str, object] = field(default_factory=dict)
    """What the application's file tells its runbook: which folder holds the dumps, which the data directory."""
    ground_truth: str = ""
    """Log of acknowledged writes on the machine that drills; empty: there is none."""
