"""Shows a drill while it runs: a live line on a terminal, one line a phase in a pipe, JSON Lines for machines."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from drp.cli.approval_views import approval_text
from drp.cli.level_views import aside, plan_line
from drp.cli.reconciliation_views import describe_agreement
from drp.cli.render import duration, instant, json_text, note, printable, size, write
from drp.cli.streams import Undeliverable, deliver
from drp.cli.volume_views import what_is_left
from drp.cli.witness_views import rests_in_short, said, speaker, who
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
from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.findings.finding import Finding
from drp.domain.fold import DrillState, apply, between_ms
from drp.domain.level import Level
from drp.domain.measure import Measurement
from drp.domain.names import shown_name, signature_of
from drp.domain.phase import Hashed, PhaseOutput, Prepared, Restored, Selected, Started, Verified
from drp.domain.phrase import say
from drp.domain.resting import dated_by, resting
from drp.domain.sandbox import IsolationProof
from drp.domain.visible import printable_lines
from drp.reporting.words import RESTORED_SYSTEMS

_MARKS = {"critical": "✗", "inconclusive": "?", "warning": "!", "note": "·"}
_CODE = re.compile(r"\bDRP-[A-Z]\d{3}\b")
_MINUTE = 60.0


def progress_line(event: Progressed, name: str | None = None) -> str:
    """Return a sign of life in one line; ``name`` is what its recovery is called there."""
    parts = [f"  {f'{event.recovery} ' if name is None else name}{event.phase:<9} …"]
    if event.done_bytes is not None:
        whole = f" of {size(event.total_bytes)}" if event.total_bytes else ""
        parts.append(size(event.done_bytes) + whole)
    if event.done_files is not None:
        whole = f" of {event.total_files}" if event.total_files else ""
        parts.append(f"{event.done_files}{whole} files")
    parts.append(printable(event.message))
    return " ".join(part for part in parts if part)


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
            note(say("drp: {reason}; the drill goes on", reason=ending.reason or "nobody reads the events any more"))

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
        text = self._text(entry)
        if text:
            self._say(text)
        apply(self._state, entry)

    def _name(self, recovery: str) -> str:
        many = self._state.declared is not None and len(self._state.recoveries) > 1
        return f"{recovery:<12} " if many else ""

    def _text(self, entry: Entry) -> str:
        event = entry.event
        match event:
            case DrillDeclared():
                told = f"drill {entry.drill}  scenario: {printable(event.plan.scenario.title)}"
                return "\n".join((told, *((f"  {said}",) if (said := plan_line(event.plan)) else ())))
            case PhaseCompleted():
                taken = self._taken(event.recovery, event.phase, entry)
                told = f"  {self._name(event.recovery)}{event.phase:<9} {describe(event.output):<78} {taken:>8}"
                known = self._state.recoveries[event.recovery].current
                new = (finding for finding in event.output.findings if finding not in known)
                return "\n".join((told, *(self._finding(event.recovery, finding) for finding in new)))
            case PhaseFailed():
                said = f"  {self._name(event.recovery)}{event.phase:<9} ? {printable(event.message)} [{event.code}]"
                return said + (f"\n            HINT: {printable(event.hint)}" if event.hint else "")
            case FindingRaised():
                return self._finding(event.recovery, event.finding)
            case Interrupted():
                return f"  stopping: {printable(event.reason)}" + (f"; {printable(event.by)}" if event.by else "")
            case Resumed():
                return f"  resumed after {duration(event.downtime_ms)}: {event.reason}"
            case SandboxDestroyed() | SandboxKept():
                return self._sandbox(event)
            case SignOffAsked() | SignOffStarted() | SignedOff():
                return self._sign_off(entry.drill, event)
            case Reconciled():
                told = f"{describe_agreement(event.result)} ({RESTORED_SYSTEMS.message})"
                return f"  {self._name('')}{'reconcile':<9} {told}"
            case DrillConcluded():
                return self._conclusion(event, self._state.plan.level)
            case EvidenceSealed():
                return f"evidence: {event.location}"
            case _:
                return approval_text(entry)

    def _finding(self, recovery: str, finding: Finding) -> str:
        mark, what = _MARKS[finding.severity], f"{printable(finding.subject)}: {printable(finding.observed)}"
        return f"  {self._name(recovery)}{mark:>9} {finding.code} {what} ({speaker(finding)})"

    def _taken(self, recovery: str, phase: str, entry: Entry) -> str:
        started = self._state.recoveries[recovery].started.get(phase)  # type: ignore[call-overload]
        return duration(between_ms(self._state, started, entry.stamp)[0]) if started is not None else ""

    def _sandbox(self, event: SandboxDestroyed | SandboxKept) -> str:
        if isinstance(event, SandboxKept):
            return f"  {self._name(event.recovery)}{'keep':<9} sandbox {event.sandbox} until {instant(event.until)}"
        return f"  {self._name(event.recovery)}{'destroy':<9} {what_is_left(event.residue)}"

    def _sign_off(self, drill: str, event: SignOffAsked | SignOffStarted | SignedOff) -> str:
        begin = f"  {self._name(event.recovery)}{'sign-off':<9} "
        match event:
            case SignOffAsked():
                who = f"{begin}… waiting for {shown_name(event.referent)} until {instant(event.until)}"
                return f"{who}\n            drp drill sign-off {drill} --app {event.recovery}"
            case SignOffStarted():
                return f"{begin}… opened by somebody under the name {shown_name(event.name)}"
            case _:
                total, failed = len(event.answer.results), len(event.answer.failed)
                who = signature_of(event.signer.principal if event.signer is not None else "", event.answer.name)
                key = f", key {event.signer.key}" if event.signer is not None else ""
                return f"{begin}{'✗' if failed else '✔'} {total - failed} of {total} steps, {who}{key}"

    @staticmethod
    def _conclusion(event: DrillConcluded, level: Level) -> str:
        lines = [event.verdict.upper() + aside(level)]
        for measurement in event.measurements:
            upper = duration(measurement.rpa_upper_ms) if measurement.rpa_upper_ms is not None else "unknown"
            lines.append(
                f"  {measurement.recovery}: RTA {duration(measurement.rta_ms)} of {duration(measurement.rto_ms)} "
                f"({measurement.rto_attainment})   RPA {duration(measurement.rpa_lower_ms)} to {upper} of "
                f"{duration(measurement.rpo_ms)} ({measurement.rpo_attainment})" + _business(measurement)
            )
        told = event.reason_witnesses or (None,) * len(event.reasons)
        reasons = [said(_titled(reason), witness) for reason, witness in zip(event.reasons, told, strict=False)]
        lines += [f"  because {printable(reason)}" for reason in reasons[:10]]
        return "\n".join(lines)

    def _progress(self, event: Progressed) -> None:
        text = progress_line(event, self._name(event.recovery))
        if event.message.startswith("waiting") or time.monotonic() - self._last_said > _MINUTE:
            self._say(text)

    def _say(self, text: str) -> None:
        self._last_said = time.monotonic()
        with suppress(OSError):  # a drill does not end because nobody can read how it goes
            self._stream.write(printable_lines(text) + "\n")
            self._stream.flush()


def _business(measurement: Measurement) -> str:
    """Return the business's times, where somebody signed."""
    if measurement.rta_business_ms is None:
        return ""
    objective = f" of {duration(measurement.wrt_objective_ms)}" if measurement.wrt_objective_ms is not None else ""
    word = f" ({measurement.wrt_attainment})" if measurement.wrt_attainment is not None else ""
    signed = f"   signed off after {duration(measurement.rta_business_ms)}"
    return f"{signed}, WRT {duration(measurement.wrt_ms)}{objective}{word}"


def isolation(proof: IsolationProof) -> str:
    """Return one line on a proof: that it holds, that something got out, or why it proves neither."""
    total = proof.denied + proof.allowed + proof.errors
    denied = f"{proof.denied} of {total} probes denied"
    if proof.holds:
        return f"✔ isolation proven: {denied}, control reached {proof.control_reached}"
    if proof.leaks:
        touched = ", the tripwire was reached" if proof.canary_hits or not proof.canary_intact else ""
        return f"✗ NOT ISOLATED: {denied}, {proof.allowed} allowed{touched}"
    if proof.control_failed:
        reached = f"reached {proof.control_reached} and missed {', '.join(proof.control_missed[:3]) or 'everything'}"
        more = len(proof.control_missed) - 3
        return f"? isolation not proven: the control outside {reached}" + (f" and {more} more" if more > 0 else "")
    return f"? isolation not proven: {denied}, {proof.errors} could not be tried"


def describe(output: PhaseOutput) -> str:
    """Return one line on what a phase gave."""
    match output:
        case Selected(point=None):
            return f"✗ no eligible recovery point, {len(output.refused)} refused"
        case Selected(point=point, immutability=lock) if point is not None and lock is not None:
            until = f" until {lock.retained_until:%Y-%m-%d}" if lock.retained_until else ""
            how = f"{lock.mode}, {lock.provenance}{until}"
            host = f" of {point.host}" if point.host else ""
            drawn = f"; {output.sample.drawn} of {output.sample.population} files drawn" if output.sample else ""
            return f"✔ {point.short_id}{host}  consistent {instant(point.consistent_at)}, {how}{drawn}"
        case Prepared(proof=proof):
            return f"{isolation(proof)} ({who('outside')})"
        case Restored(receipt=receipt, runbook=runbook):
            mark = "✔" if runbook.ok and not receipt.unrestored else "✗"
            lost = f", {len(receipt.unrestored)} not restored" if receipt.unrestored else ""
            what = (
                f"{size(receipt.bytes_restored)} in {receipt.files_restored} files" if receipt.counted else "restored"
            )
            return f"{mark} {what}{lost}"
        case Hashed(difference=None):
            return "? not compared with any manifest"
        case Hashed(difference=difference) if difference is not None:
            if difference.clean:
                drawn = " drawn" if difference.sampled is not None else ""
                same = f"{difference.files_hashed} files{drawn}, {size(difference.bytes_hashed)} match the manifest"
                return f"✔ {same} ({who('drp')})"
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(difference.counts.items()) if count)
            return f"✗ {counts} ({who('drp')})"
        case Started(runbook=runbook):
            return f"{'✔' if runbook.ok else '✗'} runbook, {len(runbook.tasks)} tasks ({who('restored')})"
        case Verified(checks=checks):
            found = resting(checks)
            newest = f", newest datum {instant(output.watermark.at)}" if output.watermark else ""
            newest += f" ({who(by)})" if newest and (by := dated_by(output)) is not None else ""
            stores = sum(check.watermark is not None for check in output.checks)
            newest += f", the oldest of {stores}" if newest and stores > 1 else ""
            mark = "✔" if checks and found.passed == len(checks) else "✗"
            told = f": {rests_in_short(found)}" if found.passed else ""
            return f"{mark} {found.passed} of {len(checks)} checks passed{told}{newest}"
        case _:
            return ""


def _titled(reason: str) -> str:
    """Return a reason with the title of the finding code that it names."""
    return _CODE.sub(
        lambda named: f"{named[0]} {CATALOGUE[named[0]].title}:" if named[0] in CATALOGUE else named[0], reason
    )
