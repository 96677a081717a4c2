"""start: the runbook starts the restored application inside the sandbox, side effects off."""

from __future__ import annotations

from datetime import datetime

from drp.domain.findings.catalogue import START_FAILED, START_UNCERTAIN
from drp.domain.findings.finding import Finding
from drp.domain.phase import Started
from drp.domain.phrase import fact
from drp.domain.runbook import RunbookOrder, RunbookResult
from drp.domain.runbook_words import known
from drp.drill.context import PhaseContext
from drp.drill.phases.notices import limit_of, malformed_of, notice_findings
from drp.drill.phases.restore import inside_path, nothing_done, want_of_room


def start_phase(context: PhaseContext) -> Started:
    """Return how the start went; a task that fails is a finding. Raises what the RunbookRunner port names."""
    prepared, restored = context.prepared, context.restored
    runbook = context.recovery.application.runbook
    assert runbook is not None
    result = context.ports.runbooks.run(
        RunbookOrder(
            kind=runbook.kind,
            step="start",
            sandbox=prepared.sandbox,
            inputs={
                **runbook.inputs,
                **_target(context.recovery.selection.recover_to),
                "restored_root": inside_path(restored, prepared),
            },
            timeout=runbook.timeout,
            label=context.recovery.name,
        ),
        context.report,
        context.ports.cancelled,
    )
    full = "" if result.ok else want_of_room(context)
    return Started(runbook=result, findings=(*_findings(result, full), *notice_findings(result)))


def _target(recover_to: datetime | None) -> dict[str, str]:
    return {} if recover_to is None else {"recovery_target_time": recover_to.isoformat()}


def _findings(result: RunbookResult, full: str) -> tuple[Finding, ...]:
    if result.ok:
        return ()
    task = result.failed_task
    subject = task.name if task is not None else "start.yml"
    if malformed := malformed_of(result):
        expected = fact("what-program-declared-answer", "what the program is declared to answer")
        return (START_UNCERTAIN.finding(subject=subject, observed=malformed, expected=expected),)
    if limit := limit_of(result) or full:
        return (
            START_UNCERTAIN.finding(
                subject=subject,
                observed=task.message if task is not None and known(task.message) else limit,
                expected=fact("this-machine-has-what", "this machine has what it takes"),
            ),
        )
    return (
        START_FAILED.finding(
            subject=subject,
            observed=nothing_done(result) if task is None else task.message or fact("failed", "failed"),
            expected=fact("every-task-start-runbook", "every task of the start runbook ends well"),
        ),
    )
