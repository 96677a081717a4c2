"""How the restored applications fit together, for people: references, numbers, and the instant on which all agree."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.evidence import EvidenceRecord
from drp.domain.phrase import Data, Instant, Phrase, count, say
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.reconciliation.result import (
    ApplicationState,
    IdentifierResult,
    ReconciliationResult,
    SetRead,
)
from drp.reporting.reconciliation_harm import HarmRow, harm_row
from drp.reporting.reconciliation_ways import ExceptionRow, ReferenceRow, exception_rows, reference_rows
from drp.reporting.words import Tone

_NOTHING = say("—")


@dataclass(frozen=True, slots=True)
class NumberRow:
    """Numbers that one application issues."""

    name: str
    found: Phrase
    listed: tuple[str, ...]
    bump: str
    word: Phrase
    tone: Tone


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """Where one application stands, and what it has to do."""

    title: str
    newest: Phrase
    after: Phrase
    advice: Phrase
    tone: Tone


@dataclass(frozen=True, slots=True)
class SetRow:
    """How much of one set of records was compared."""

    name: str
    title: str
    application: str
    found: Phrase


@dataclass(frozen=True, slots=True)
class ReconciliationView:
    """The section of a report on how the applications fit together."""

    summary: Phrase
    tone: Tone
    references: tuple[ReferenceRow, ...] = ()
    numbers: tuple[NumberRow, ...] = ()
    applications: tuple[ApplicationRow, ...] = ()
    harm: tuple[HarmRow, ...] = ()
    """In the order of harm."""
    exceptions: tuple[ExceptionRow, ...] = ()
    sets: tuple[SetRow, ...] = ()
    """What was read to compare it."""


def reconciliation_of(record: EvidenceRecord) -> ReconciliationView | None:
    """Return the section; None when the plan compares nothing."""
    if record.plan.reconciliation is None:
        return None
    result = record.reconciliation
    if result is None:
        return ReconciliationView(say("The applications were not compared with one another."), "doubt")
    titles = {recovery.name: recovery.application.title for recovery in record.plan.recoveries}
    summary, tone = _summary(result)
    return ReconciliationView(
        summary=summary,
        tone=tone,
        references=tuple(row for reference in result.references for row in reference_rows(reference)),
        numbers=tuple(_number(identifier) for identifier in result.identifiers),
        applications=tuple(_application(state, result, titles) for state in result.applications),
        harm=tuple(harm_row(harm) for harm in result.harm),
        exceptions=exception_rows(result),
        sets=tuple(_set(each, record.plan.reconciliation) for each in result.sets),
    )


def _summary(result: ReconciliationResult) -> tuple[Phrase, Tone]:
    kinds = {
        (dangling.kind, reference.tolerates(way))
        for reference in result.references
        for way in reference.ways
        for dangling in way.kinds
        if dangling.count
    }
    ways = [way for reference in result.references for way in reference.ways]
    if result.agreement == "earlier" and result.agreed_at is not None:
        return say("The applications do not agree. All of them did at {at}.", at=Instant(result.agreed_at)), "bad"
    if result.agreement == "none":
        return say("The applications do not agree, at no instant that their records cover."), "bad"
    if result.agreement == "undetermined":
        return say("Not every reference could be judged, so nobody knows whether the applications agree."), "doubt"
    if any(reference.mismatched for reference in result.references):
        return say("Every reference leads to a record, but not always to the same patient's."), "bad"
    if kinds & {("older", False), ("undated", False)}:
        return say("References dangle that no restore has broken: they are older than what was restored."), "bad"
    if any(identifier.reissued for identifier in result.identifiers):
        return say("The applications agree as restored, but numbers in use would be issued again."), "bad"
    if kinds & {("strange", True), ("strange", False), ("undated", True)}:
        return say("Some keys could not be compared, so nobody knows whether the applications agree."), "doubt"
    if not all(identifier.judged for identifier in result.identifiers):
        return say("The applications agree as restored; not all numbers could be judged."), "doubt"
    if any(way.dangling for way in ways):
        return say("The applications agree as restored, but for what the plan tolerates."), "doubt"
    if any(way.excepted for way in ways):
        return say("The applications agree as they were restored, but for declared exceptions."), "good"
    return say("The applications agree as they were restored."), "good"


def _number(result: IdentifierResult) -> NumberRow:
    if not (result.judged or result.reissued):
        found = say("{reason}", reason=Data(result.reason))
        return NumberRow(result.name, found, (), "", say("Not judged"), "doubt")
    found = say(
        "{application} would issue {next} next; in use up to {highest}, in {user}",
        application=Data(result.application),
        next=Data(str(result.next)),
        highest=Data(str(result.highest)),
        user=Data(result.highest_in),
    )
    if result.reissued:
        return NumberRow(result.name, found, result.listed, result.bump, say("Issued again"), "bad")
    return NumberRow(result.name, found, (), "", say("Free"), "good")


def _set(each: SetRead, declared: Reconciliation) -> SetRow:
    title = next((source.title for source in declared.records if source.name == each.name), "")
    found = count("{n} record", "{n} records", each.read)
    if each.counted != each.read:
        found = say("{found}, of which {counted} count", found=found, counted=each.counted)
    return SetRow(each.name, title or each.name, each.application, found)


def _application(state: ApplicationState, result: ReconciliationResult, titles: dict[str, str]) -> ApplicationRow:
    newest = say("{at}", at=Instant(state.newest_at)) if state.newest_at is not None else _NOTHING
    title = titles.get(state.application, state.application)
    if result.agreement != "earlier" or result.agreed_at is None:
        return ApplicationRow(title, newest, _NOTHING, _NOTHING, "plain")
    after = count("{n} record", "{n} records", state.after)
    agreed = Instant(result.agreed_at)
    match state.advice:
        case "roll-back":
            return ApplicationRow(title, newest, after, say("roll it to {at}, when all agreed", at=agreed), "doubt")
        case "ahead":
            advice = say("it cannot be rolled: enter again in the others what its younger records refer to")
            return ApplicationRow(title, newest, after, advice, "bad")
        case _:
            return ApplicationRow(title, newest, after, say("keep it as restored"), "good")
