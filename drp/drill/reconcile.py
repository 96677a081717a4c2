"""Compares the restored applications with one another, once all recoveries have ended and while their sandboxes live.

Records are read inside the sandboxes; an application that is not up leaves its references not judged, which is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial

from drp.domain.check import Expectation, Target
from drp.domain.events import FindingRaised, Reconciled, ReconciliationStarted
from drp.domain.fold import DrillState
from drp.domain.phrase import Phrase, fact, quoted, say
from drp.domain.plan import PlannedRecovery
from drp.domain.ports import Ports, Progress
from drp.domain.reconciliation.collected import Collected, microseconds
from drp.domain.reconciliation.declaration import Reconciliation, RecordSource
from drp.domain.reconciliation.findings import findings_of
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.merges import MergeMap, maps_of, pair_of
from drp.domain.reconciliation.preparation import Circumstances, Merges
from drp.domain.sandbox import SandboxHandle
from drp.drill.phases.checks import cell
from drp.drill.phases.restore import inside_path
from drp.drill.recorder import Recorder
from drp.errors import DrpError, Interrupted
from drp.redact import redacted


def reconcile(recorder: Recorder, ports: Ports) -> None:
    """Read every set of records, journal how the applications fit together, and raise what was found.

    Does nothing when the plan does not ask for it, or it is done. Raises ``Interrupted``.
    """
    declaration = recorder.state.plan.reconciliation
    if declaration is None or recorder.state.reconciled is not None:
        return
    recorder.append(ReconciliationStarted())
    merged = _merged(recorder, ports, declaration)
    collected = {source.name: Collected(declaration, source.name, merged.maps) for source in declaration.records}
    collected |= merged.collected
    _gather(
        recorder, ports, declaration, {name: each for name, each in collected.items() if name not in merged.collected}
    )
    for place, trouble in merged.troubles.items():
        found = collected[place.partition(".")[0]]
        found.trouble = found.trouble or trouble
    listed, unread = _listed(ports, declaration)
    for name, trouble in unread.items():
        collected[name].trouble = collected[name].trouble or trouble
    recorder.progress_of("", "reconcile")(Progress(message=say("comparing")))
    result = judge(declaration, collected, _circumstances(recorder.state, listed))
    findings = findings_of(declaration, result)
    recorder.append(
        Reconciled(result=result), *(FindingRaised(recovery=name, finding=finding) for name, finding in findings)
    )


@dataclass(slots=True)
class _Merged:
    """What is known of merges before the other records are read."""

    collected: dict[str, Collected] = field(default_factory=dict)
    """Sets that tell of merges, which were read for it."""
    maps: dict[str, MergeMap] = field(default_factory=dict)
    """By field."""
    troubles: dict[str, Phrase] = field(default_factory=dict)
    """Why the merges of a field are not known."""


def _merged(recorder: Recorder, ports: Ports, declaration: Reconciliation) -> _Merged:
    """Read every list and set of merges: a patient's old number is his, whichever application still keeps it."""
    found = _Merged()
    tell = {merge.records for merge in declaration.merges if merge.records}
    found.collected = {name: Collected(declaration, name) for name in sorted(tell)}
    _gather(recorder, ports, declaration, found.collected)
    pairs: dict[str, list[tuple[str, str]]] = {}
    for merge in declaration.merges:
        try:
            pairs[merge.name] = list(_pairs(ports, merge, found.collected))
        except (DrpError, ValueError) as error:
            reason = redacted(fact("merges-not-known", "{merges}: {reason}", merges=merge.name, reason=error))
            found.troubles |= dict.fromkeys(merge.fields, reason)
    found.maps, circles = maps_of(declaration.merges, pairs)
    found.troubles = {**circles, **found.troubles}
    return found


def _pairs(ports: Ports, merge: Merges, collected: Mapping[str, Collected]) -> Iterable[tuple[str, str]]:
    """Return old and new values. Raises ValueError and of the family where they are not all known."""
    if merge.listed is not None:
        return [pair_of(line) for line in ports.records.lines(merge.listed)]
    if collected[merge.records].trouble:
        raise ValueError(
            fact(
                "set-not-read", "{records}: {trouble}", records=merge.records, trouble=collected[merge.records].trouble
            )
        )
    return collected[merge.records].pairs[merge.name]


def _listed(ports: Ports, declaration: Reconciliation) -> tuple[dict[str, frozenset[str]], dict[str, Phrase]]:
    """Return the keys of each exception's file by its path; and by set of records, why one could not be read."""
    listed: dict[str, frozenset[str]] = {}
    troubles: dict[str, Phrase] = {}
    for exception in declaration.exceptions:
        wanted = exception.listed
        if wanted is None or wanted.path in listed:
            continue
        try:
            listed[wanted.path] = frozenset(ports.records.lines(wanted))
        except DrpError as error:
            listed[wanted.path] = frozenset()
            reference = next((each for each in declaration.references if each.name == exception.reference), None)
            if reference is not None:
                troubles[reference.source.records] = fact(
                    "exception", "exception {path}: {reason}", path=wanted.path, reason=redacted(error.message)
                )
    return listed, troubles


def _circumstances(state: DrillState, listed: Mapping[str, frozenset[str]]) -> Circumstances:
    assert state.declared_at is not None
    restored: dict[str, int] = {}
    for recovery in state.plan.recoveries:
        point = state.recoveries[recovery.name].outputs.point
        if point is not None:
            restored[recovery.name] = microseconds(recovery.selection.restored_state(point))
    rolls = frozenset(recovery.name for recovery in state.plan.recoveries if recovery.application.point_in_time)
    today = state.declared_at.wall.astimezone(UTC).date()
    return Circumstances(point_in_time=rolls, restored_at=restored, today=today, listed=listed)


def _gather(recorder: Recorder, ports: Ports, declaration: Reconciliation, collected: Mapping[str, Collected]) -> None:
    """Read sets of records, those of one application one after another."""
    names = (source.application for source in declaration.records if source.name in collected)
    applications = tuple(dict.fromkeys(names))
    if applications:
        ports.crew.together(partial(_read_application, recorder, ports, declaration, collected), applications)


def _read_application(
    recorder: Recorder, ports: Ports, declaration: Reconciliation, collected: Mapping[str, Collected], name: str
) -> None:
    report = recorder.progress_of("", "reconcile")
    recovery = next(recovery for recovery in recorder.state.plan.recoveries if recovery.name == name)
    for source in declaration.records:
        if source.application == name and source.name in collected:
            if ports.cancelled():
                message = "stopped between two sets of records"
                raise Interrupted(message)
            report(Progress(message=say("reading {name} of {name2}", name=source.name, name2=name)))
            wanted = declaration.fields_of(source.name)
            _read(recorder.state, ports, recovery, (source, wanted), collected[source.name])


def _read(
    state: DrillState,
    ports: Ports,
    recovery: PlannedRecovery,
    wanted: tuple[RecordSource, tuple[str, ...]],
    found: Collected,
) -> None:
    """Gather one set of records, or why it is not complete."""
    source, fields = wanted
    outputs = state.recoveries[recovery.name].outputs
    assert state.declared is not None
    assert state.declared_at is not None
    point, prepared, restored = outputs.point, outputs.prepare, outputs.restore
    up = outputs.start is not None and outputs.start.runbook.ok
    if point is None or prepared is None or restored is None or not up:
        found.trouble = fact("not-up", "{name} is not up", name=recovery.name)
        return
    expectation = Expectation(
        disaster_at=state.declared.disaster_at,
        declared_at=state.declared_at.wall,
        consistent_at=recovery.selection.restored_state(point),
        newest_possible=recovery.newest_possible(point),
        timeout_seconds=source.timeout.total_seconds(),
        restored_root=inside_path(restored, prepared),
    )
    try:
        with _reached(ports, source, prepared.sandbox) as target:
            read = ports.records.read(
                source.completed_by(recovery.application),
                fields,
                target,
                expectation=expectation,
                receive=found.receive,
                cancelled=ports.cancelled,
                passed_over=found.pass_over,
            )
        found.trouble = quoted(read)
    except Interrupted:
        raise
    except DrpError as error:
        found.trouble = redacted(error.message) or quoted(type(error).__name__)
    except Exception as error:  # noqa: BLE001 - whatever a backup provokes, the drill ends destroyed and sealed
        found.trouble = redacted(
            fact("unforeseen", "unforeseen {kind}: {error}", kind=type(error).__name__, error=error)
        )


@contextmanager
def _reached(ports: Ports, source: RecordSource, sandbox: SandboxHandle) -> Iterator[Target]:
    """Give the way to where the records are read from: a cell that the application cannot reach, if it can be one."""
    if ports.records.beside(source):
        yield ports.sandbox.target(sandbox)
        return
    with cell(ports, ports.sandbox.open_caller, sandbox) as target:
        yield target
