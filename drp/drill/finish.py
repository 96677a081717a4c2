"""The end of a drill, always: destroy what was opened, measure, conclude, seal. Idempotent, so a crash can redo it.

Destroying comes before concluding, because restored data that stays behind must be able to fail the drill.
"""

from __future__ import annotations

import socket
from functools import partial

from drp.domain.attainment import findings_of
from drp.domain.events import DrillConcluded, EvidenceSealed, Resumed, SandboxKept
from drp.domain.findings.catalogue import DRILL_RESUMED
from drp.domain.findings.finding import Finding
from drp.domain.measure import Measurement
from drp.domain.phrase import Duration, Phrase, fact
from drp.domain.ports import Ports
from drp.domain.timeline import measure
from drp.domain.verdict import conclude
from drp.drill.recorder import Recorder
from drp.drill.release import kept_finding, let_go, tell_traffic
from drp.evidence.record import RECORD_NAME, make_record, record_bytes


def finish(recorder: Recorder, ports: Ports, *, may_keep: bool = True) -> None:
    """Bring a drill whose recoveries have ended to its sealed record.

    ``may_keep`` False: its sandboxes died with the process that opened them, so there is none to keep.
    """
    names = [recovery.name for recovery in recorder.state.plan.recoveries]
    ports.crew.together(partial(_release, recorder, ports, may_keep=may_keep), names)
    if recorder.state.concluded is None:
        _conclude(recorder, ports)
    if recorder.state.sealed is None:
        _seal(recorder, ports)


def _release(recorder: Recorder, ports: Ports, name: str, *, may_keep: bool) -> None:
    progress = recorder.state.recoveries[name]
    sandbox = progress.sandbox
    if sandbox is None:
        return
    plan = recorder.state.plan
    if plan.keep_sandbox and may_keep and recorder.state.interrupted is None:
        tell_traffic(recorder, ports, name)
        until = ports.clock.now().wall + plan.keep_for
        kept = SandboxKept(recovery=name, sandbox=sandbox.id, until=until)
        recorder.found(name, kept_finding(kept), after=kept)
        return
    let_go(recorder, ports, name)


def _conclude(recorder: Recorder, ports: Ports) -> None:
    state = recorder.state
    measurements: dict[str, Measurement] = {}
    for recovery in state.plan.recoveries:
        progress = state.recoveries[recovery.name]
        measurement = measurements[recovery.name] = measure(state, recovery)
        raised = {(finding.code, finding.subject) for finding in progress.current}
        found = (*_resumption_findings(recorder), *findings_of(measurement))
        recorder.found(recovery.name, *(one for one in found if (one.code, one.subject) not in raised))
    verdict, reasons = conclude(
        state.plan,
        {name: progress.outputs for name, progress in state.recoveries.items()},
        {name: progress.findings for name, progress in state.recoveries.items()},
        measurements,
        aborted=state.interrupted is not None,
        reconciled=state.reconciled.result if state.reconciled is not None else None,
        approval=state.approval.outcome,
    )
    recorder.append(
        DrillConcluded(
            verdict=verdict,
            reasons=tuple(reason.text for reason in reasons),
            reason_witnesses=tuple(reason.witness for reason in reasons),
            measurements=tuple(measurements.values()),
            tools=ports.tools(),
        )
    )


def _resumption_findings(recorder: Recorder) -> tuple[Finding, ...]:
    return tuple(
        DRILL_RESUMED.finding(
            subject=fact("resumption", "resumption {count}", count=number),
            observed=fact("resumed", "{reason}, {downtime}", reason=resumed.reason, downtime=_downtime(resumed)),
            expected=fact("one-run", "one run"),
        )
        for number, resumed in enumerate(recorder.state.resumptions, start=1)
    )


def _downtime(resumed: Resumed) -> Duration | Phrase:
    ms = resumed.downtime_ms
    return Duration(ms) if ms is not None else fact("downtime-unknown", "for how long cannot be told")


def _seal(recorder: Recorder, ports: Ports) -> None:
    """Deposit the record, then say so. It follows from the entries alone, so whoever seals makes the same bytes.

    Who is cut off in between, or loses the drill to another host, leaves the very record that is sealed then.
    """
    ports.journal.require_held()
    concluded = recorder.state.concluded
    known = concluded.tools if concluded is not None else {}
    record = make_record(ports.journal.entries(recorder.drill), known or ports.tools())
    receipt = ports.sink.put(recorder.drill, RECORD_NAME, record_bytes(record))
    sealed = EvidenceSealed(record_digest=receipt.digest, location=receipt.location, host=socket.gethostname())
    recorder.append(sealed)
