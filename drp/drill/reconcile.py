"""Compares the restored applications with one another, once all recoveries have ended and while their sandboxes live.

Records are read inside the sandboxes; an application that is not up leaves its references not judged, which is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from functools import partial

from drp.domain.check import Expectation, Target
from drp.domain.events import FindingRaised, Reconciled, ReconciliationStarted
from drp.domain.fold import DrillState
from drp.domain.plan import PlannedRecovery
from drp.domain.ports import Ports, Progress
from drp.domain.reconciliation.collected import Collected, microseconds
from drp.domain.reconciliation.declaration import Reconciliation, RecordSource
from drp.domain.reconciliation.findings import findings_of
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.preparation import Circumstances
from drp.domain.sandbox import SandboxHandle
from drp.drill.phases.checks import cell
from drp.drill.phases.restore import inside_path
from drp.drill.recorder import Recorder
from drp.errors import DrpError, Interrupted
from drp.redact import redact


def reconcile(recorder: Recorder, ports: Ports) -> None:
    """Read every set of records, journal how the applications fit together, and raise what was found.

    Does nothing when the plan does not ask for it, or it is done. Raises ``Interrupted``.
    """
    declaration = recorder.state.plan.reconciliation
    if declaration is None or recorder.state.reconciled is not None:
        return
    recorder.append(ReconciliationStarted())
    collected = {source.name: Collected(declaration, source.name) for source in declaration.records}
    applications = dict.fromkeys(source.application for source in declaration.records)
    read = partial(_read_application, recorder, ports, declaration, collected)
    ports.crew.together(read, tuple(applications))
    recorder.progress_of("", "reconcile")(Progress(message="comparing"))
    result = judge(declaration, collected, _circumstances(recorder.state))
    findings = findings_of(declaration, result)
    recorder.append(
        Reconciled(result=result), *(FindingRaised(recovery=name, finding=finding) for name, finding in findings)
    )


def _circumstances(state: DrillState) -> Circumstances:
    """Return what the judge knows beside the records, from the journal alone: the same after a kill."""
    assert state.declared_at is not None
    restored_at = {
        recovery.name: microseconds(recovery.selection.restored_state(point))
        for recovery in state.plan.recoveries
        if (point := state.recoveries[recovery.name].outputs.point) is not None
    }
    return Circumstances(
        point_in_time=frozenset(r.name for r in state.plan.recoveries if r.application.point_in_time),
        restored_at=restored_at,
        today=state.declared_at.wall.astimezone(UTC).date(),
    )


def _read_application(
    recorder: Recorder, ports: Ports, declaration: Reconciliation, collected: dict[str, Collected], name: str
) -> None:
    report = recorder.progress_of("", "reconcile")
    recovery = next(recovery for recovery in recorder.state.plan.recoveries if recovery.name == name)
    for source in declaration.records:
        if source.application == name:
            if ports.cancelled():
                message = "stopped between two sets of records"
                raise Interrupted(message)
            report(Progress(message=f"reading {source.name} of {name}"))
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
        found.trouble = f"{recovery.name} is not up"
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
            found.trouble = ports.records.read(
                source.completed_by(recovery.application),
                fields,
                target,
                expectation=expectation,
                receive=found.receive,
                cancelled=ports.cancelled,
            )
    except Interrupted:
        raise
    except DrpError as error:
        found.trouble = redact(error.message) or type(error).__name__
    except Exception as error:  # noqa: BLE001 - whatever a backup provokes, the drill ends destroyed and sealed
        found.trouble = redact(f"unforeseen {type(error).__name__}: {error}")


@contextmanager
def _reached(ports: Ports, source: RecordSource, sandbox: SandboxHandle) -> Iterator[Target]:
    """Give the way to where the records are read from: a cell that the application cannot reach, if it can be one."""
    if ports.records.beside(source):
        yield ports.sandbox.target(sandbox)
        return
    with cell(ports, ports.sandbox.open_caller, sandbox) as target:
        yield target
