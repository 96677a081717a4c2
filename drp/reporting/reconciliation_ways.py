"""What was found of each reference, kind by kind, and what declared exceptions came to: rows for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time

from drp.domain.phrase import Data, Day, Instant, Phrase, count, say
from drp.domain.reconciliation.result import (
    MOST_LISTED,
    Dangling,
    ExceptionUse,
    ReconciliationResult,
    ReferenceResult,
    Way,
)
from drp.reporting.words import Tone


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
class ExceptionRow:
    """A declared exception: what it is for, who answers for it, and how many keys it fits."""

    name: str
    reference: str
    found: Phrase
    listed: tuple[str, ...]
    reason: str
    owner: str
    expires: Phrase
    word: Phrase
    tone: Tone


def reference_rows(result: ReferenceResult) -> list[ReferenceRow]:
    """Return what was found of a reference: both ways, each kind apart, whom records belong to, who was merged."""
    fields = say("{source} → {target}", source=Data(result.source), target=Data(result.target))
    if not result.judged:
        found = say("{reason}", reason=Data(result.reason))
        return [ReferenceRow(result.name, fields, found, (), say("Not judged"), "doubt")]
    rows = [row for way in result.ways for row in _way(result, way)]
    if result.mismatched:
        found = count(
            "{n} of {all} belongs to another patient",
            "{n} of {all} belong to another patient",
            result.mismatched,
            all=result.matched,
        )
        rows.append(ReferenceRow(result.name, fields, found, result.mismatches, say("Mixed up"), "bad"))
    if result.merged:
        found = count(
            "{n} record taken for the patient into whom its own was merged",
            "{n} records taken for the patients into whom their own were merged",
            result.merged,
        )
        rows.append(ReferenceRow(result.name, fields, found, (), say("Merged"), "plain"))
    return rows


def exception_rows(result: ReconciliationResult) -> tuple[ExceptionRow, ...]:
    """Return every declared exception, both ways of its reference together."""
    return tuple(
        _exception(reference.name, [one for one in _uses(reference) if one.name == use])
        for reference in result.references
        for use in dict.fromkeys(use.name for use in _uses(reference))
    )


def _uses(reference: ReferenceResult) -> Iterator[ExceptionUse]:
    for way in reference.ways:
        yield from way.exceptions


def _exception(reference: str, uses: list[ExceptionUse]) -> ExceptionRow:
    first, number = uses[0], sum(use.count for use in uses)
    word: tuple[Phrase, Tone] = (say("Excepted"), "plain")
    if first.expired:
        word = say("Expired"), "doubt"
    elif any(use.broad for use in uses):
        word = say("Too broad"), "bad"
    elif not number:
        word = say("Fits nothing"), "doubt"
    return ExceptionRow(
        name=first.name,
        reference=reference,
        found=_excepted(number, sum(use.recent for use in uses)),
        listed=tuple(key for use in uses for key in use.listed)[:MOST_LISTED],
        reason=first.reason,
        owner=first.owner,
        expires=say("{day}", day=Day(datetime.combine(first.expires, time(), UTC))),
        word=word[0],
        tone=word[1],
    )


def _excepted(number: int, recent: int) -> Phrase:
    found = count("{n} key", "{n} keys", number)
    if not recent:
        return found
    return say("{found}, {recent} of them newer than what was restored", found=found, recent=recent)


def _way(result: ReferenceResult, way: Way) -> list[ReferenceRow]:
    between = say("{holder} → {lacking}", holder=Data(way.holder), lacking=Data(way.lacking))
    if not way.dangling:
        found = count("{n} key, found", "{n} keys, all found", way.keys)
        if way.excepted:
            found = count(
                "{n} key, found or a declared exception ({excepted})",
                "{n} keys, all found but for declared exceptions ({excepted})",
                way.keys,
                excepted=way.excepted,
            )
        return [ReferenceRow(result.name, between, found, (), say("Agrees"), "good")]
    missing = _missing(way, way.dangling)
    if not way.kinds and way.dangling <= result.tolerate:
        return [ReferenceRow(result.name, between, missing, way.listed, say("Tolerated"), "doubt")]
    if not way.kinds:
        return [ReferenceRow(result.name, between, missing, way.listed, say("Dangles"), "bad")]
    return [
        ReferenceRow(result.name, between, _found(way, kind), kind.listed, *_word(kind, within=result.tolerates(way)))
        for kind in way.kinds
        if kind.count
    ]


def _missing(way: Way, number: int) -> Phrase:
    return say("{n} of {all} not in {lacking}", n=number, all=max(way.keys, way.dangling), lacking=Data(way.lacking))


def _found(way: Way, kind: Dangling) -> Phrase:
    missing = _missing(way, kind.count)
    match kind.kind:
        case "recent" if way.border_at is not None:
            border = Instant(way.border_at)
            return say("{missing}, newer than its restored state of {border}", missing=missing, border=border)
        case "recent":
            return say("{missing}, whose restored state has no known date", missing=missing)
        case "older" if kind.newest_at is not None:
            newest = Instant(kind.newest_at)
            return say(
                "{missing}, older than what was restored, the newest of {newest}", missing=missing, newest=newest
            )
        case "older":
            return say("{missing}, older than what was restored", missing=missing)
        case "strange":
            return say(
                "{missing}, where no key is written like that: {here} here, {there} there",
                missing=missing,
                here=_forms(kind.forms),
                there=_forms(kind.forms_there),
            )
        case "undated":
            return say("{missing}, without a date", missing=missing)


def _forms(forms: tuple[str, ...]) -> Data:
    return Data(", ".join(forms) or "—")


def _word(kind: Dangling, *, within: bool) -> tuple[Phrase, Tone]:
    match kind.kind:
        case "recent":
            return say("Lost"), "bad"
        case "older":
            return (say("Tolerated"), "doubt") if within else (say("Dangles"), "bad")
        case "strange":
            return say("Not comparable"), "doubt"
        case "undated":
            return say("Undated"), "doubt" if within else "bad"
