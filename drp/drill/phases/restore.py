"""restore: the runbook carries out the repository's order in a cell that sees the repository and starts nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from drp.codec import from_data, to_data
from drp.domain.findings.catalogue import RESTORE_DAMAGED, RESTORE_FAILED
from drp.domain.findings.finding import Finding
from drp.domain.findings.time import CAP_NOT_IN_FORCE
from drp.domain.phase import Prepared, Restored
from drp.domain.phrase import Phrase, Rate, fact, say
from drp.domain.plan import PlannedRecovery
from drp.domain.ports import Progress
from drp.domain.restore import RESTORED, RESTORED_FOLDER, CellSecret, RestoreOrder, RestoreOutcome, RestoreReceipt
from drp.domain.runbook import RunbookOrder, RunbookResult
from drp.domain.sandbox import Residue
from drp.domain.terms import others
from drp.domain.worm.pinned import MOST_READ, Served
from drp.drill.context import PhaseContext
from drp.drill.phases.belief import believed
from drp.drill.phases.notices import malformed_of, notice_findings
from drp.drill.phases.pinning import below_findings, served_findings, view_again
from drp.drill.phases.restore_watch import RestoreWatch
from drp.errors import Interrupted, ManifestError, RunbookError, SandboxError

_MALFORMED = "give what the role restore gives, see runbooks/README.md"
_NAMED = 20
"""So many damaged items become findings of their own; the receipt names them all."""


def restore_phase(context: PhaseContext) -> Restored:
    """Return what came back: all of the point, or what was drawn of it.

    Raises what Sandbox, RunbookRunner, Repository, ManifestSource and Hasher name.
    """
    point, view = context.point, view_again(context)
    repository = view.repository if view is not None else context.ports.repositories[context.recovery.repository]
    part = _part(context)
    order = repository.restore_order(point) if part is None else repository.restore_order(point, only=part)
    order = order.capped(context.recovery.bytes_per_second)
    watch = RestoreWatch(context, forecasts=order.holes_known, view=view)
    result = _carried_out(context, order, repository.secrets(), watch)
    if view is not None and not result.ok and (error := view.trouble()) is not None:
        raise error
    result = _settled(context, result)
    served = view.served(order.served_by) if view is not None else Served()
    outcome = _outcome(result)
    receipt = repository.receipt(point, outcome) if part is None else repository.receipt(point, outcome, whole=False)
    root = Path(context.prepared.sandbox.data_path) / RESTORED_FOLDER / order.source_root.lstrip("/")
    return Restored(
        receipt=replace(receipt, restored_root=str(root)),
        runbook=result,
        first_byte_ms=watch.milliseconds,
        bytes_per_second=order.bytes_per_second,
        read=served.read[:MOST_READ],
        read_total=len(served.read),
        read_digest=served.digest,
        findings=(
            *_findings(result, receipt, served),
            *below_findings(served),
            *notice_findings(result),
            *_uncapped(context.recovery, order),
        ),
    )


def _carried_out(
    context: PhaseContext, order: RestoreOrder, secrets: Sequence[CellSecret], watch: RestoreWatch
) -> RunbookResult:
    """Run the runbook's restore in a cell, which is gone afterwards. Raises as `restore_phase` does."""
    runbook = context.recovery.application.runbook
    assert runbook is not None
    cell = context.ports.sandbox.open_cell(context.prepared.sandbox, order, secrets)
    try:
        result = context.ports.runbooks.run(
            RunbookOrder(
                kind=runbook.kind,
                step="restore",
                sandbox=cell,
                inputs={**runbook.inputs, "order": to_data(order), "restored_root": inside_root(order)},
                timeout=runbook.timeout,
                label=context.recovery.name,
            ),
            watch.report,
            watch.cancelled,
        )
    except Interrupted:
        context.ports.sandbox.destroy(cell)
        if (error := watch.error()) is not None:
            raise error from None
        raise
    except BaseException:
        context.ports.sandbox.destroy(cell)
        raise
    require_gone(context.ports.sandbox.destroy(cell))
    return result


def _settled(context: PhaseContext, result: RunbookResult) -> RunbookResult:
    """Have what was restored written to its medium; the time that takes is the harness's: a recovery would not wait."""
    context.report(Progress(message=say("writing to the medium")))
    began = time.monotonic()
    context.ports.sandbox.settle(context.prepared.sandbox)
    return replace(result, harness_ms=result.harness_ms + int((time.monotonic() - began) * 1000))


def _part(context: PhaseContext) -> tuple[bytes, ...] | None:
    """Return the files that were drawn, by their paths below what is restored; None: all are restored."""
    sample, plan = context.sample, context.plan
    if plan.level != "sample":
        return None
    found = believed(context, context.point)
    if sample is None or found.manifest is None:
        raise ManifestError("the manifest of which files were drawn is gone", hint="bring it back from a copy")
    with closing(found.manifest):
        return context.ports.hasher.drawn(found.manifest, sample)


def want_of_room(context: PhaseContext) -> str:
    """Return which volume is so full that what runs on it may have failed by that; empty: none is."""
    full = [room for room in context.ports.sandbox.rooms(context.prepared.sandbox) if room.full]
    if not full:
        return ""
    where = full[0].at or "the restored data"
    return fact(
        "volume-full-bytes-free",
        "the volume of {where} is full: {free_bytes} of {size_bytes} bytes are free",
        where=where,
        free_bytes=full[0].free_bytes,
        size_bytes=full[0].size_bytes,
    )


def inside_root(order: RestoreOrder) -> str:
    """Return the path of the restored tree as seen inside the sandbox."""
    return f"{RESTORED}/{order.source_root.strip('/')}".rstrip("/")


def inside_path(restored: Restored, prepared: Prepared) -> str:
    """Return where the restored tree of a finished restore begins inside the sandbox."""
    below = restored.receipt.restored_root.removeprefix(f"{prepared.sandbox.data_path}/{RESTORED_FOLDER}")
    return f"{RESTORED}{below}".rstrip("/")


def require_gone(residue: Residue) -> None:
    """Raise ``SandboxError`` when a cell would live on, perhaps with a key, beside what is started next."""
    if not residue.clean:
        message = say("a cell could not be destroyed: {residue}", residue=residue)
        raise SandboxError(message, hint="run `drp drill clean`; what was restored goes with the sandbox")


def _outcome(result: RunbookResult) -> RestoreOutcome:
    """Read what the playbook gave; a playbook that gave nothing restored nothing that drp could know of."""
    given = result.outputs.get("drp_restore")
    if malformed := malformed_of(result):
        raise RunbookError(
            say("the restore handed over what nobody can read: {malformed}", malformed=malformed), hint=_MALFORMED
        )
    if not isinstance(given, dict):
        last = result.failed_task.message if result.failed_task is not None else "the playbook gave no drp_restore"
        return RestoreOutcome(exit_code=-1, errors=(last,) if last else ())
    known = {name: given[name] for name in ("exit_code", "summary", "errors", "tail") if name in given}
    try:
        return from_data(RestoreOutcome, known)
    except ValueError as error:
        raise RunbookError("drp_restore of the restore is not of its form", hint=_MALFORMED) from error


def nothing_done(result: RunbookResult) -> Phrase:
    """Return how a runbook can end badly without a task that failed: a play, or all of it, was passed over."""
    done = sum(task.outcome in {"ok", "changed"} for task in result.tasks)
    return fact(
        "tasks-carried-out-does", "{done} tasks were carried out: does every play address the host sandbox?", done=done
    )


def _uncapped(recovery: PlannedRecovery, order: RestoreOrder) -> Iterator[Finding]:
    """Yield that a cap is not in force: the kind of repository knows no way to tell its tool."""
    if recovery.bytes_per_second is not None and order.bytes_per_second is None:
        expected = fact("most-bytes-second", "at most {rate}", rate=Rate(recovery.bytes_per_second, 1000))
        yield CAP_NOT_IN_FORCE.finding(
            subject=recovery.repository, observed=fact("as-fast-as-goes", "as fast as it goes"), expected=expected
        )


def _findings(result: RunbookResult, receipt: RestoreReceipt, served: Served) -> tuple[Finding, ...]:
    lost = [*served_findings(served)]
    if lost and not served.altered:  # what is gone is not damaged, whatever the tool makes of it
        return tuple(lost)
    found = [
        RESTORE_DAMAGED.finding(
            subject=item, observed=fact("could-not-read", "could not be read"), expected=fact("restored", "restored")
        )
        for item in receipt.unrestored[:_NAMED]
    ]
    found = [*lost, *found]
    more = len(receipt.unrestored) - _NAMED
    if more > 0:
        found.append(
            RESTORE_DAMAGED.finding(
                subject=others(more),
                observed=fact("see-record", "see the record"),
                expected=fact("restored", "restored"),
            )
        )
    if not result.ok and not found:
        task = result.failed_task
        found.append(
            RESTORE_FAILED.finding(
                subject=task.name if task is not None else "restore.yml",
                observed=nothing_done(result) if task is None else task.message or fact("failed", "failed"),
                expected=fact("every-task-restore-runbook", "every task of the restore runbook ends well"),
            )
        )
    return tuple(found)
