"""How the restored applications fit together, for people: references, numbers, and the instant on which all agree."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.evidence import EvidenceRecord
from drp.domain.reconciliation.result import (
    ApplicationState,
    IdentifierResult,
    ReconciliationResult,
    ReferenceResult,
    Way,
)
from drp.reporting.phrase import Data, Instant, Phrase, count, say
from drp.reporting.words import Tone

_NOTHING = say("—")


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One way of a reference, or what else was found of it."""

    name: str
    between: Phrase
    found: Phrase
    listed: tuple[str, ...]
    word: Phrase
    tone: Tone


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
class ReconciliationView:
    """The section of a report on how the applications fit together."""

    summary: Phrase
    tone: Tone
    references: tuple[ReferenceRow, ...] = ()
    numbers: tuple[NumberRow, ...] = ()
    applications: tuple[ApplicationRow, ...] = ()


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
        references=tuple(row for reference in result.references for row in _reference(reference)),
        numbers=tuple(_number(identifier) for identifier in result.identifiers),
        applications=tuple(_application(state, result, titles) for state in result.applications),
    )


def _summary(result: ReconciliationResult) -> tuple[Phrase, Tone]:
    mixed = any(reference.mismatched for reference in result.references)
    dangles = any(way.dangling for reference in result.references for way in reference.ways)
    if result.agreement == "earlier" and result.agreed_at is not None:
        return say("The applications do not agree. They all did at {at}.", at=Instant(result.agreed_at)), "bad"
    if result.agreement == "none":
        return say("The applications do not agree, at no instant that their records cover."), "bad"
    if result.agreement == "undetermined":
        return say("Not every reference could be judged, so nobody knows whether the applications agree."), "doubt"
    if mixed:
        return say("Every reference leads to a record, but not always to the same patient's."), "bad"
    if any(identifier.reissued for identifier in result.identifiers):
        return say("The applications agree as restored, but numbers in use would be issued again."), "bad"
    if not all(identifier.judged for identifier in result.identifiers):
        return say("The applications agree as restored; not all numbers could be judged."), "doubt"
    if dangles:
        return say("The applications agree as restored, but for what the plan tolerates."), "doubt"
    return say("The applications agree as they were restored."), "good"


def _reference(result: ReferenceResult) -> list[ReferenceRow]:
    fields = say("{source} → {target}", source=Data(result.source), target=Data(result.target))
    if not result.judged:
        found = say("{reason}", reason=Data(result.reason))
        return [ReferenceRow(result.name, fields, found, (), say("Not judged"), "doubt")]
    rows = [_way(result, way) for way in result.ways]
    if result.mismatched:
        found = count(
            "{n} of {all} belongs to another patient",
            "{n} of {all} belong to another patient",
            result.mismatched,
            all=result.matched,
        )
        rows.append(ReferenceRow(result.name, fields, found, result.mismatches, say("Mixed up"), "bad"))
    return rows


def _way(result: ReferenceResult, way: Way) -> ReferenceRow:
    between = say("{holder} → {lacking}", holder=Data(way.holder), lacking=Data(way.lacking))
    if not way.dangling:
        found = count("{n} key, found", "{n} keys, all found", way.keys)
        return ReferenceRow(result.name, between, found, (), say("Agrees"), "good")
    found = say(
        "{n} of {all} not in {lacking}", n=way.dangling, all=max(way.keys, way.dangling), lacking=Data(way.lacking)
    )
    if way.dangling <= result.tolerate:
        return ReferenceRow(result.name, between, found, way.listed, say("Tolerated"), "doubt")
    return ReferenceRow(result.name, between, found, way.listed, say("Dangles"), "bad")


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


def _application(state: ApplicationState, result: ReconciliationResult, titles: dict[str, str]) -> ApplicationRow:
    newest = say("{at}", at=Instant(state.newest_at)) if state.newest_at is not None else _NOTHING
    title = titles.get(state.application, state.application)
    if result.agreement != "earlier" or result.agreed_at is None:
        return ApplicationRow(title, newest, _NOTHING, _NOTHING, "plain")
    after = count("{n} record", "{n} records", state.after)
    agreed = Instant(result.agreed_at)
    match state.advice:
        case "roll-back":
            return ApplicationRow(title, newest, after, say("roll it to {at}", at=agreed), "doubt")
        case "ahead":
            advice = say("it cannot be rolled: enter again in the others what its younger records refer to")
            return ApplicationRow(title, newest, after, advice, "bad")
        case _:
            return ApplicationRow(title, newest, after, say("keep it as restored"), "good")
