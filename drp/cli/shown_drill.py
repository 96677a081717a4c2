"""One drill, as `drp drill show` prints it, for people and for machines."""

from __future__ import annotations

from typing import Any

from drp.cli import render
from drp.cli.approval_views import approval_document, approval_lines
from drp.cli.conclusion_lines import business, loss, taken, up
from drp.cli.drill_views import measurements_of, summary_of
from drp.cli.level_views import aside, sample_lines
from drp.cli.neighbour_views import contacts, neighbour_lines
from drp.cli.progress import progress_line
from drp.cli.reconciliation_views import result_lines
from drp.cli.witness_views import (
    code_line,
    code_met,
    demand_lines,
    newest_dated,
    print_code,
    rests,
    speaker,
)
from drp.cli.wording import spoken_line
from drp.cli.words import ATTAINED, PHASES, SEVERITIES, VERDICTS, first, word
from drp.codec import to_data
from drp.domain.check import CheckResult
from drp.domain.events import Sign
from drp.domain.fold import DrillState, RecoveryState
from drp.domain.measure import Measurement
from drp.domain.phrase import Duration, Phrase, count, joined, say
from drp.domain.plan import title_of
from drp.domain.resting import Resting, dated_by, resting, statements
from drp.drill.declare import find, reopen
from drp.service.wiring import Wiring

_NAMED = 8
"""So many things that nobody judged are named on a terminal."""


def show_drill(wiring: Wiring, reference: str, *, machine: bool, code: bool = False) -> None:
    """Print one drill; with ``code`` all code that came out of its backups."""
    journal = wiring.journal_to_read()
    state = reopen(find(reference, journal), journal).state
    signs = journal.signs(state.drill)
    if machine:
        render.document("drp/drill/1", {**_document(state), "progress": [to_data(sign) for sign in signs]})
        return
    summary = summary_of(state)
    verdict = render.printable(word(VERDICTS, summary["verdict"])).upper()
    at, beside = summary["declared_at"], aside(state.plan.level)
    render.line(
        say("{drill}: {verdict}{aside}, declared {at}", drill=state.drill, verdict=verdict, aside=beside, at=at)
    )
    render.line(
        say(
            "scenario: {title}", title=title_of(state.plan, ad_hoc=state.declared is not None and state.declared.ad_hoc)
        )
    )
    for said in approval_lines(state):
        render.line(said)
    if state.interrupted is not None:
        render.line(joined((state.interrupted.reason, state.interrupted.by)))
    found = sum((_rests(progress) for progress in state.recoveries.values()), Resting())
    if found.passed:
        render.line(say("of {passed} statements that passed: {rests}", passed=found.passed, rests=rests(found)))
    for measurement in measurements_of(state):
        _print_recovery(state, measurement, code=code)
    for sign in _running(state, signs):
        render.line(f"{progress_line(sign.event)} ({render.instant(sign.stamp.wall)})")
    for text in result_lines(state.reconciled.result) if state.reconciled is not None else ():
        render.line(text)
    if state.sealed is not None:
        render.line(
            say(
                "evidence: {location} (sha256 {record_digest}…)",
                location=state.sealed.location,
                record_digest=state.sealed.record_digest[:16],
            )
        )


def _running(state: DrillState, signs: tuple[Sign, ...]) -> list[Sign]:
    """Return the last sign of life of each recovery that is in a phase."""
    last = {sign.event.recovery: sign for sign in signs}
    found = ((state.recoveries[name], sign) for name, sign in last.items() if name in state.recoveries)
    return [
        sign
        for progress, sign in found
        if state.concluded is None and sign.event.phase in progress.started and sign.event.phase not in progress.ended
    ]


def _document(state: DrillState) -> dict[str, Any]:
    concluded, recoveries = state.concluded, state.recoveries
    planned = {recovery.name: recovery for recovery in state.plan.recoveries}
    return {
        **summary_of(state),
        "samples": {
            name: to_data(item.outputs.select.sample)
            for name, item in recoveries.items()
            if item.outputs.select is not None
        },
        "approval": approval_document(state),
        "interruption": to_data(state.interrupted) if state.interrupted is not None else None,
        "reasons": list(concluded.reasons) if concluded is not None else [],
        "reason_witnesses": list(concluded.reason_witnesses) if concluded is not None else [],
        "measurements": [to_data(measurement) for measurement in measurements_of(state)],
        "findings": {
            name: [{**to_data(finding), "witness": finding.said_by} for finding in item.findings]
            for name, item in recoveries.items()
        },
        "trust": {name: recovery.trust for name, recovery in planned.items()},
        "passed_statements": {name: to_data(_rests(item)) for name, item in recoveries.items()},
        "checks": {
            name: [_statement(check) for check in statements(item.outputs.hash, item.outputs.verify)]
            for name, item in recoveries.items()
        },
        "newest_datum_by": {name: dated_by(item.outputs.verify) for name, item in recoveries.items()},
        "restored_code": {
            name: [to_data(one) for one in code_met(item, planned[name])] for name, item in recoveries.items()
        },
        "not_judged": {
            name: [{"part": part, "why": why} for part, why in _not_judged(item)] for name, item in recoveries.items()
        },
        "neighbours": {name: to_data(contacts(item)) for name, item in recoveries.items()},
        "reconciliation": to_data(state.reconciled.result) if state.reconciled is not None else None,
    }


def _statement(check: CheckResult) -> dict[str, str]:
    return {"check": check.check, "outcome": check.outcome, "basis": check.basis, "witness": check.witness}


def _rests(progress: RecoveryState) -> Resting:
    return resting(statements(progress.outputs.hash, progress.outputs.verify))


def _print_recovery(state: DrillState, measurement: Measurement, *, code: bool) -> None:
    """Print one recovery of a drill: what was measured, on what it rests, what was found and what nobody judged."""
    progress = state.recoveries[measurement.recovery]
    planned = next(recovery for recovery in state.plan.recoveries if recovery.name == measurement.recovery)
    started = progress.outputs.start is not None and progress.outputs.start.runbook.ok
    _print_measurement(measurement, newest_dated(progress.outputs.verify), started=started)
    _print_point(progress)
    for text in sample_lines(progress):
        render.line(f"  {render.printable(text)}")
    if (found := _rests(progress)).passed and len(state.recoveries) > 1:
        render.line(say("  of {passed} statements that passed: {rests}", passed=found.passed, rests=rests(found)))
    for text in demand_lines(progress, planned, starts=state.plan.starts):
        render.line(f"  {render.printable(text)}")
    for finding in progress.findings:
        what = say(
            "{subject}: {observed} ({who})", subject=finding.subject, observed=finding.observed, who=speaker(finding)
        )
        told = word(SEVERITIES, finding.severity)
        render.line(f"  {render.printable(told):<12} {finding.code} {render.printable(what)}")
        if finding.severity != "note":
            render.labelled("", say("do: {remedy}", remedy=spoken_line(finding.remedy)))
    for text in neighbour_lines(progress):
        render.labelled("neighbour", text)
    if parts := [part for part, _ in _not_judged(progress)]:
        named = first(parts, _NAMED, "; ")
        render.labelled("not judged", say("{parts}: `drp report {drill}` says why", parts=named, drill=state.drill))
    if met := code_met(progress, planned):
        render.labelled("code", code_line(met, state.drill))
        if code:
            print_code(met)


def _print_point(progress: RecoveryState) -> None:
    """Print which recovery point was taken, and of which host, and which were refused and why."""
    selected = progress.outputs.select
    if selected is None:
        return
    if selected.point is not None:
        point = selected.point
        render.line(
            say(
                "  point {id} of {host}, consistent {at}",
                id=point.short_id,
                host=point.host or say("a host without a name"),
                at=render.instant(point.consistent_at),
            )
        )
        if point.sub_path:
            render.labelled("only", point.sub_path)
    for refused in selected.refused[:_NAMED]:
        at = render.instant(refused.consistent_at)
        render.labelled("refused", say("{id} of {at}: {reason}", id=refused.id[:8], at=at, reason=refused.reason))
    if (more := len(selected.refused) - _NAMED) > 0:
        render.labelled("", count("and {n} more refused", "and {n} more refused", more))


def _not_judged(progress: RecoveryState) -> tuple[tuple[str, str], ...]:
    """Return what nobody looked at and why, each once."""
    outputs = (progress.outputs.hash, progress.outputs.verify)
    told = [one for output in outputs if output is not None for one in output.not_judged]
    return tuple(dict.fromkeys((one.part, one.why) for one in told))


def _print_measurement(measurement: Measurement, dated: Phrase, *, started: bool) -> None:
    render.line(measurement.recovery)
    waits = (
        (measurement.turn_wait_ms, say("waiting for its turn")),
        (measurement.approval_wait_ms, say("waiting to be approved")),
        (measurement.capped_ms, say("restoring with its speed capped")),
    )
    waited = [say(", {time} of it {what}", time=Duration(ms), what=what) for ms, what in waits if ms]
    render.line(
        say(
            "  RTA {rta} of RTO {rto}: {attained}{waited}",
            rta=taken(measurement.rta_ms),
            rto=taken(measurement.rto_ms),
            attained=word(ATTAINED, measurement.rto_attainment),
            waited=joined(waited, ""),
        )
    )
    if measurement.up_ms is not None and started:  # in journals of before, a start that failed has that instant too
        render.line(f"  {render.printable(up(measurement.up_ms))}")
    render.line(
        say(
            "  RPA {rpa} of RPO {rpo}: {attained}{dated}",
            rpa=loss(measurement),
            rpo=taken(measurement.rpo_ms),
            attained=word(ATTAINED, measurement.rpo_attainment),
            dated=dated,
        )
    )
    if signed := business(measurement):
        render.line(f"  {render.printable(signed)}")
    phases = [
        say("{phase} {time}", phase=word(PHASES, phase.phase), time=taken(phase.duration_ms))
        for phase in measurement.phases
    ]
    if phases:
        render.line(f"  {render.printable(joined(phases, ', '))}")
