"""The few figures that a manager reads: one tile for each question, and one sentence for each application."""

from __future__ import annotations

from datetime import datetime

from drp.domain.duration import cut
from drp.domain.evidence import RecoveryRecord
from drp.domain.measure import Measurement
from drp.domain.phrase import Duration, Phrase, count, say
from drp.domain.plan import DrillPlan
from drp.domain.reconciliation.result import ReconciliationResult
from drp.domain.resting import Resting, resting, statements
from drp.domain.sign_off import Checklist
from drp.reporting.fit import fit_of
from drp.reporting.immutability_tile import immutability_tile
from drp.reporting.levels import sample_of
from drp.reporting.summaries import up_after
from drp.reporting.tile import NOT_REACHED, NOTHING, Tile
from drp.reporting.witnesses import dated_by_of
from drp.reporting.words import ATTAINMENT_TONES, ATTAINMENTS, REFERENT, WITNESSES

_OF_CHECKS = ("DRP-C", "DRP-U")
"""Codes of findings about whether an application works."""


def tiles_of(
    record: RecoveryRecord,
    plan: DrillPlan,
    *,
    checklist: Checklist | None = None,
    compared: ReconciliationResult | None = None,
    declared_at: datetime,
) -> tuple[Tile, ...]:
    """Return the tiles of a recovery: always the same six, one more each where the plan compares or asks for sign-offs.

    ``compared``: how all applications fit together. ``declared_at``: of the drill; a lock that ended by then is none.
    What was not reached says so.
    """
    return (
        _time(record),
        _loss(record),
        _integrity(record),
        _checks(record) if plan.starts else _unstarted(),
        *((fit_of(record, compared),) if plan.reconciliation is not None else ()),
        _isolation(record),
        immutability_tile(record, declared_at),
        *((_sign_off(record, checklist),) if plan.sign_off is not None else ()),
    )


def data_loss(measurement: Measurement) -> Phrase:
    """Return the recovery point actual, which is an interval, in words."""
    lower, upper = measurement.rpa_lower_ms, measurement.rpa_upper_ms
    if lower is None:
        return NOTHING
    if upper is None:
        return say("at least {lower}", lower=Duration(lower))
    if cut(upper) == cut(lower):  # nobody could tell them apart
        return say("{lower}", lower=Duration(lower))
    return say("{lower} to {upper}", lower=Duration(lower), upper=Duration(upper))


def _time(record: RecoveryRecord) -> Tile:
    measurement = record.measurement
    rta = measurement.rta_ms
    asked = record.verify is not None and resting(record.verify.checks).said > 0
    return Tile(
        question=say("How long until it is usable?"),
        figure=say("{rta}", rta=Duration(rta)) if rta is not None else NOTHING,
        word=ATTAINMENTS[measurement.rto_attainment],
        tone=ATTAINMENT_TONES[measurement.rto_attainment],
        note=_allowed(measurement) if (up := up_after(record)) is None else _up(up, measurement),
        who=WITNESSES["restored" if asked else "drp"] if rta is not None else None,
    )


def _up(up: Duration, measurement: Measurement) -> Phrase:
    """Return that it was up, which is no recovery time."""
    return say(
        "up after {up} (t9), which is no recovery time; {allowed}",
        up=up,
        allowed=_allowed(measurement),
    )


def _allowed(measurement: Measurement) -> Phrase:
    rto, wait = Duration(measurement.rto_ms), Duration(measurement.turn_wait_ms)
    if measurement.approval_wait_ms:
        approval = Duration(measurement.approval_wait_ms)
        if measurement.turn_wait_ms:
            return say(
                "objective (RTO): {rto}; {approval} it waited to be approved, {wait} for its turn",
                rto=rto,
                approval=approval,
                wait=wait,
            )
        return say("objective (RTO): {rto}; {wait} it waited to be approved", rto=rto, wait=approval)
    if measurement.turn_wait_ms:
        return say("objective (RTO): {rto}; {wait} it waited for its turn on the drill host", rto=rto, wait=wait)
    if measurement.capped_ms:
        capped = Duration(measurement.capped_ms)
        return say("objective (RTO): {rto}; {capped} it restored with its speed capped", rto=rto, capped=capped)
    return say("objective (RTO): {rto}", rto=rto)


def _loss(record: RecoveryRecord) -> Tile:
    measurement = record.measurement
    return Tile(
        question=say("How much data is lost?"),
        figure=data_loss(measurement),
        word=ATTAINMENTS[measurement.rpo_attainment],
        tone=ATTAINMENT_TONES[measurement.rpo_attainment],
        note=say("objective (RPO): {rpo}", rpo=Duration(measurement.rpo_ms)),
        who=dated_by_of(record) if measurement.rpa_upper_ms is not None else None,
    )


def _integrity(record: RecoveryRecord) -> Tile:
    question = say("Are the files those that were backed up?")
    hashed = record.hash
    if hashed is None:
        return Tile(question, NOTHING, NOT_REACHED, "doubt", say("files were not compared"))
    if hashed.difference is None or hashed.manifest is None:
        return Tile(question, NOTHING, say("Not judged"), "doubt", say("there is no manifest to rely on"))
    difference = hashed.difference
    note = count("{n} entry in the manifest", "{n} entries in the manifest", difference.entries_expected)
    if (sample := sample_of(record)) is not None:
        note = say("drawn by chance, of {population} files", population=sample.population)
    if difference.clean:
        figure = count("{n} file", "{n} files", difference.files_hashed)
        return Tile(question, figure, say("Identical"), "good", note, WITNESSES["drp"])
    figure = count("{n} deviation", "{n} deviations", sum(difference.counts.values()))
    return Tile(question, figure, say("Different"), "bad", note, WITNESSES["drp"])


def _unstarted() -> Tile:
    return Tile(say("Does it work?"), NOTHING, say("Not asked"), "plain", say("nothing was started"))


def _checks(record: RecoveryRecord) -> Tile:
    question = say("Does it work?")
    verified = record.verify
    checks = statements(record.hash, verified)
    if verified is None and not checks:
        return Tile(question, NOTHING, NOT_REACHED, "doubt", say("no check was run"))
    passed = sum(check.outcome == "passed" for check in checks)
    failed = sum(check.outcome == "failed" for check in checks)
    figure = say("{passed} of {all}", passed=passed, all=len(checks))
    note, who = say("checks passed"), _who(resting(checks))
    if not failed and any(
        finding.severity == "critical" and finding.code.startswith(_OF_CHECKS) for finding in record.findings
    ):
        return Tile(
            question, figure, say("Not as it should"), "bad", say("checks passed; the findings say what is wrong"), who
        )
    if failed:
        return Tile(question, figure, say("Failed"), "bad", note, who)
    if verified is None:
        return Tile(question, figure, NOT_REACHED, "doubt", say("files were read; the application was not asked"), who)
    if not checks or passed < len(checks):
        return Tile(question, figure, say("Undetermined"), "doubt", note, who)
    return Tile(question, figure, say("Passed"), "good", note, who)


def _who(found: Resting) -> Phrase | None:
    """Return who says what passed: one witness by its name, several by number."""
    parts = [
        (found.read, WITNESSES["drp"]),
        (found.said, WITNESSES["restored"]),
        (found.seen, WITNESSES["outside"]),
    ]
    told = [(number, who) for number, who in parts if number]
    if len(told) < 2:
        return told[0][1] if told else None
    listed: Phrase | None = None
    for number, who in reversed(told):
        one = say("{who}: {number}", who=who, number=number)
        listed = say("{first}, {others}", first=one, others=listed) if listed is not None else one
    return listed


def _isolation(record: RecoveryRecord) -> Tile:
    question = say("Could it touch production?")
    if record.prepare is None:
        return Tile(question, NOTHING, NOT_REACHED, "doubt", say("no sandbox was made"))
    proof = record.prepare.proof
    figure = say("{denied} of {all}", denied=proof.denied, all=proof.denied + proof.allowed + proof.errors)
    note, who = say("attempts to get out denied"), WITNESSES["outside"]
    if proof.holds:
        return Tile(question, figure, say("Isolated"), "good", note, who)
    if proof.allowed or proof.canary_hits:
        return Tile(question, figure, say("Leaks"), "bad", note, who)
    return Tile(question, figure, say("Not proven"), "doubt", note, who)


def _sign_off(record: RecoveryRecord, checklist: Checklist | None) -> Tile:
    question, measurement = say("Can people work with it?"), record.measurement
    if checklist is None:
        return Tile(question, NOTHING, say("Not asked"), "plain", say("it has no checklist"))
    if record.sign_off is None:
        return Tile(question, NOTHING, NOT_REACHED, "doubt", say("nobody signed it off"))
    results = record.sign_off.answer.results
    passed = sum(result.outcome == "passed" for result in results)
    figure = say("{passed} of {all}", passed=passed, all=len(results))
    if passed < len(results):
        return Tile(question, figure, say("Refused"), "bad", say("steps of the checklist passed"), REFERENT)
    objective = measurement.wrt_objective_ms
    if objective is None or measurement.wrt_attainment is None:
        return Tile(question, figure, say("Signed off"), "good", say("steps of the checklist passed"), REFERENT)
    tone = ATTAINMENT_TONES[measurement.wrt_attainment]
    taken = say("{rta}", rta=Duration(measurement.wrt_ms)) if measurement.wrt_ms is not None else NOTHING
    note = say("after {wrt}; objective (WRT): {objective}", wrt=taken, objective=Duration(objective))
    return Tile(question, figure, ATTAINMENTS[measurement.wrt_attainment], tone, note, REFERENT)
