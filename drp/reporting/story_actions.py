"""What has to be done, from typed values: before anybody works, to have a verdict, or when there is time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from drp.domain.evidence import EvidenceRecord
from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.findings.finding import Severity
from drp.domain.findings.reconciliation import (
    IDENTIFIER_REISSUED,
    PATIENT_MISMATCH,
    REFERENCE_DANGLING,
)
from drp.domain.phrase import Data, Instant, Phrase, count, say
from drp.domain.reconciliation.result import IdentifierResult, ReconciliationResult
from drp.reporting.remedies import remedy_of
from drp.reporting.standing import stopped_alike

_TOLD_APART = {IDENTIFIER_REISSUED.code, PATIENT_MISMATCH.code, REFERENCE_DANGLING.code}
"""Findings whose actions come from what was compared, number by number."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do."""

    what: Phrase
    command: str = ""
    """Exactly what to run there; empty: it is nothing to run."""


def failed_actions(record: EvidenceRecord) -> Iterator[Action]:
    """Yield what has to be done before anybody works with what was restored: commands first."""
    result = record.reconciliation
    if result is not None:
        yield from (_number(each) for each in result.identifiers if each.reissued)
        if any(each.mismatched for each in result.references):
            yield Action(Phrase(PATIENT_MISMATCH.remedy))
        yield from _together(result)
    yield from _remedies(record, "critical", _TOLD_APART if result is not None else ())


def conclusive_actions(record: EvidenceRecord) -> Iterator[Action]:
    """Yield what would let the drill come to a verdict."""
    alike = stopped_alike(record)
    for (problem, hint), names in alike.items():
        listed = ", ".join(names)
        yield Action(say("{application} ({problem}): {remedy}", application=listed, problem=problem, remedy=hint))
    stopped = {name for names in alike.values() for name in names}
    yield from _remedies(record, "inconclusive", (), besides=stopped)
    yield Action(say("then hold the drill again"), "" if record.ad_hoc else f"drp drill run {record.plan.name}")


def warned_actions(record: EvidenceRecord) -> Iterator[Action]:
    """Yield what does not keep a drill from passing, and somebody has to look at."""
    yield from _remedies(record, "warning", ())


def _number(result: IdentifierResult) -> Action:
    values = {"application": Data(result.application), "numbers": Data(result.name)}
    if result.bump:
        return Action(say("In {application}, for the {numbers}:", **values), result.bump)
    highest = Data(str(result.highest))
    return Action(say("In {application}, move the {numbers} past {highest}.", highest=highest, **values))


def _together(result: ReconciliationResult) -> Iterator[Action]:
    """Yield how the applications come to agree: rolled to one instant where they can be, else entered again."""
    lost = [harm for harm in result.harm if harm.kind == "enter-again"]
    for state in result.applications if result.agreement == "earlier" and result.agreed_at is not None else ():
        if state.advice == "roll-back":
            at = Instant(result.agreed_at) if result.agreed_at is not None else Data("")
            yield Action(
                say(
                    "Roll {application} to {at}, when all agreed (`drp drill run --recover-to`; in a recovery, the "
                    "runbook's recovery target).",
                    application=Data(state.application),
                    at=at,
                )
            )
        elif state.advice == "ahead" and not lost:
            yield Action(
                say(
                    "{application} cannot be rolled: keep it, and enter again in the other applications what its {n} "
                    "younger records refer to",
                    application=Data(state.application),
                    n=state.after,
                )
            )
    for harm in lost:
        yield Action(
            count(
                "Enter {n} record again in {application}: {reference}",
                "Enter {n} records again in {application}: {reference}",
                harm.count,
                application=Data(harm.application),
                reference=Data(harm.reference),
            )
        )


def _remedies(
    record: EvidenceRecord, severity: Severity, told: Collection[str], besides: Collection[str] = ()
) -> Iterator[Action]:
    """Yield the remedies of findings of a severity, each once, with all applications that it is for."""
    names: dict[tuple[Phrase | Data, Phrase | Data], list[str]] = {}
    for recovery in record.recoveries:
        for finding in recovery.findings:
            if finding.severity != severity or finding.code in told or recovery.recovery in besides:
                continue
            title = Phrase(CATALOGUE[finding.code].title) if finding.code in CATALOGUE else Data(finding.code)
            whose = names.setdefault((title, remedy_of(finding)), [])
            if recovery.recovery not in whose:
                whose.append(recovery.recovery)
    for (title, remedy), whose in names.items():
        values = {"application": Data(", ".join(whose)), "title": title, "remedy": remedy}
        yield Action(say("{application}, {title}: {remedy}", **values))
