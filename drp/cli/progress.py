"""Shows a drill while it runs: a live line on a terminal, one line a phase in a pipe, JSON Lines for machines."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TextIO

from drp.cli.approval_views import approval_text
from drp.cli.conclusion_lines import conclusion_lines, taken
from drp.cli.level_views import plan_line
from drp.cli.phase_lines import describe
from drp.cli.reconciliation_views import describe_agreement
from drp.cli.render import duration, instant, json_text, note, printable, write
from drp.cli.streams import Undeliverable, deliver
from drp.cli.volume_views import what_is_left
from drp.cli.witness_views import speaker
from drp.cli.wording import spoken_line
from drp.cli.words import PHASES, word
from drp.cli.wrapping import beside, fitted, room_of
from drp.codec import to_data
from drp.domain.events import (
    DrillConcluded,
    DrillDeclared,
    Entry,
    EvidenceSealed,
    FindingRaised,
    Interrupted,
    PhaseCompleted,
    PhaseFailed,
    Progressed,
    Reconciled,
    Resumed,
    SandboxDestroyed,
    SandboxKept,
    Sign,
    SignedOff,
    SignOffAsked,
    SignOffStarted,
)
from drp.domain.findings.finding import Finding
from drp.domain.fold import DrillState, apply, between_ms
from drp.domain.names import shown_name, signature_of
from drp.domain.phrase import NOTHING, Phrase, Size, say
from drp.domain.plan import title_of
from drp.domain.visible import printable_lines
from drp.reporting.words import RESTORED_SYSTEMS

_MARKS = {"critical": "✗", "inconclusive": "?", "warning": "!", "note": "·"}
_MINUTE = 60.0
_ASIDE = " " * 12


def progress_line(event: Progressed, name: str | None = None) -> str:
    """Return a sign of life in one line; ``name`` is what its recovery is called there."""
    begin = f"  {f'{event.recovery} ' if name is None else name}{phase_word(event.phase)} …"
    parts = [begin, printable(amount(event)), doing(event)]
    return " ".join(part for part in parts if part)


def doing(event: Progressed) -> str:
    """Return what is being done, in the language in force; a task that a runbook names is as its author named it."""
    return printable(event.said or spoken_line(event.message))


def amount(event: Progressed) -> Phrase:
    """Return how much is done, and of how much when that is known."""
    done = NOTHING
    if event.done_bytes is not None:
        done = say("{done}", done=Size(event.done_bytes))
        if event.total_bytes:
            done = say("{done} of {total}", done=done, total=Size(event.total_bytes))
    if event.done_files is not None:
        files = (
            say("{done} of {total} files", done=event.done_files, total=event.total_files)
            if event.total_files
            else say("{done} files", done=event.done_files)
        )
        done = say("{bytes} {files}", bytes=done, files=files) if done else files
    return done


def phase_word(phase: str) -> str:
    """Return the name of a phase, as wide as its column."""
    return f"{printable(word(PHASES, phase)):<9}"


class JsonLinesReporter:
    """Prints each journal entry and sign of life as one JSON line on standard output, as long as that takes them."""

    def __init__(self) -> None:
        """Nothing is printed yet."""
        self._delivers = True

    def emit(self, entry: Entry | Sign) -> None:
        """Print the entry. A drill goes on when nobody reads: its journal has everything."""
        if not self._delivers:
            return
        try:
            write(json_text({"schema": "drp/event/1", **to_data(entry)}))
            deliver()
        except Undeliverable as ending:
            self._delivers = False
            note(
                say("drp: {reason}; the drill goes on", reason=ending.reason or say("nobody reads the events any more"))
            )

    def catch_up(self, entries: Iterable[Entry]) -> None:
        """Take what happened before; a machine has seen it or can ask for it."""

    def close(self) -> None:
        """Nothing more will come."""


class QuietReporter:
    """Prints nothing."""

    def emit(self, entry: Entry | Sign) -> None:
        """Say nothing."""

    def catch_up(self, entries: Iterable[Entry]) -> None:
        """Take what happened before."""

    def close(self) -> None:
        """Nothing more will come."""


class TextReporter:
    """Prints one line a phase, and one a minute while a phase takes long."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream
        self._state = DrillState(drill="")
        self._last_said = time.monotonic()

    def close(self) -> None:
        """Nothing more will come."""

    def catch_up(self, entries: Iterable[Entry]) -> None:
        """Take what happened before, without showing it."""
        for entry in entries:
            apply(self._state, entry)

    def emit(self, entry: Entry | Sign) -> None:
        """Show one entry."""
        if isinstance(entry, Sign):
            self._progress(entry.event)
            return
        for line in self._lines(entry):
            self._say(line)
        apply(self._state, entry)

    def _name(self, recovery: str) -> str:
        many = self._state.declared is not None and len(self._state.recoveries) > 1
        return f"{recovery:<12} " if many else ""

    def _lines(self, entry: Entry) -> Iterator[str]:
        event = entry.event
        match event:
            case DrillDeclared():
                yield printable(
                    say(
                        "drill {drill}  scenario: {title}",
                        drill=entry.drill,
                        title=title_of(event.plan, ad_hoc=event.ad_hoc),
                    )
                )
                if said := plan_line(event.plan):
                    yield f"  {printable(said)}"
            case PhaseCompleted():
                yield self._phase_line(event.recovery, event.phase, describe(event.output), entry)
                known = self._state.recoveries[event.recovery].current
                new = (finding for finding in event.output.findings if finding not in known)
                yield from (self._finding(event.recovery, finding) for finding in new)
            case PhaseFailed():
                yield f"{self._begin_of(event.recovery, event.phase)}? {printable(event.message)} [{event.code}]"
                if event.hint:
                    yield printable(say("{blank}HINT: {hint}", blank=_ASIDE, hint=spoken_line(event.hint)))
            case FindingRaised():
                yield self._finding(event.recovery, event.finding)
            case Interrupted():
                asked = say("; {who}", who=event.by) if event.by else NOTHING
                yield printable(say("  stopping: {reason}{asked}", reason=event.reason, asked=asked))
            case Resumed():
                yield printable(
                    say("  resumed after {away}: {reason}", away=taken(event.downtime_ms), reason=event.reason)
                )
            case _:
                yield from self._end_lines(entry)

    def _end_lines(self, entry: Entry) -> Iterator[str]:
        event = entry.event
        match event:
            case SandboxDestroyed() | SandboxKept():
                yield self._sandbox(event)
            case SignOffAsked() | SignOffStarted() | SignedOff():
                yield from self._sign_off(entry.drill, event)
            case Reconciled():
                agreed = say("{agreement} ({who})", agreement=describe_agreement(event.result), who=RESTORED_SYSTEMS)
                yield f"{self._begin_of('', 'reconcile')}{printable(agreed)}"
            case DrillConcluded():
                yield from conclusion_lines(event, self._state.plan.level)
            case EvidenceSealed():
                yield printable(say("evidence: {location}", location=event.location))
            case _:
                if said := approval_text(entry):
                    yield said

    def _begin_of(self, recovery: str, phase: str) -> str:
        return f"  {self._name(recovery)}{phase_word(phase)} "

    def _phase_line(self, recovery: str, phase: str, told: Phrase, entry: Entry) -> str:
        """Return a phase in a line, what it took at its end; more lines where the terminal is narrow."""
        started = self._state.recoveries[recovery].started.get(phase)  # type: ignore[call-overload]
        took = duration(between_ms(self._state, started, entry.stamp)[0]) if started is not None else ""
        return beside(self._begin_of(recovery, phase), printable(told), took, room_of(self._stream))

    def _finding(self, recovery: str, finding: Finding) -> str:
        found = say(
            "{subject}: {observed} ({who})", subject=finding.subject, observed=finding.observed, who=speaker(finding)
        )
        return f"  {self._name(recovery)}{_MARKS[finding.severity]:>9} {finding.code} {printable(found)}"

    def _sandbox(self, event: SandboxDestroyed | SandboxKept) -> str:
        if isinstance(event, SandboxKept):
            until = instant(event.until)
            told = say("sandbox {sandbox} until {until}", sandbox=event.sandbox, until=until)
            return f"{self._begin_of(event.recovery, 'keep')}{printable(told)}"
        return f"{self._begin_of(event.recovery, 'destroy')}{printable(what_is_left(event.residue))}"

    def _sign_off(self, drill: str, event: SignOffAsked | SignOffStarted | SignedOff) -> Iterator[str]:
        begin = self._begin_of(event.recovery, "sign-off")
        match event:
            case SignOffAsked():
                until = instant(event.until)
                waits = say("… waiting for {referent} until {until}", referent=shown_name(event.referent), until=until)
                yield f"{begin}{printable(waits)}"
                yield f"{_ASIDE}drp drill sign-off {drill} --app {event.recovery}"
            case SignOffStarted():
                opened = say("… opened by somebody under the name {name}", name=shown_name(event.name))
                yield f"{begin}{printable(opened)}"
            case _:
                total, failed = len(event.answer.results), len(event.answer.failed)
                signed = say(
                    "{mark} {done} of {total} steps, {who}{key}",
                    mark="✗" if failed else "✔",
                    done=total - failed,
                    total=total,
                    who=signature_of(event.signer.principal if event.signer is not None else "", event.answer.name),
                    key=say(", key {key}", key=event.signer.key) if event.signer is not None else NOTHING,
                )
                yield f"{begin}{printable(signed)}"

    def _progress(self, event: Progressed) -> None:
        text = progress_line(event, self._name(event.recovery))
        if event.said.code == "waiting-for-medium" or time.monotonic() - self._last_said > _MINUTE:
            self._say(text)

    def _say(self, text: str) -> None:
        self._last_said = time.monotonic()
        with suppress(OSError):  # a drill does not end because nobody can read how it goes
            self._stream.write(fitted(printable_lines(text), room_of(self._stream)) + "\n")
            self._stream.flush()
