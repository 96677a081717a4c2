"""Judges what was read of every set of records: which references dangle, which numbers come again, when all agreed.

Pure: the same declaration and records give the same result. A set that was not read completely makes what needs it
not judged, and a reference without a single key on its own side proves nothing.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Mapping

from drp.domain.reconciliation.agreement import FOREVER, Wrongs, newest_agreement
from drp.domain.reconciliation.collected import ALWAYS, Collected, Keys, digest_of, instant_of, number_in, shown_digest
from drp.domain.reconciliation.declaration import Identifier, Reconciliation, Reference
from drp.domain.reconciliation.preparation import Circumstances
from drp.domain.reconciliation.result import (
    MOST_LISTED,
    AgreementKind,
    ApplicationState,
    IdentifierResult,
    ReconciliationResult,
    ReferenceResult,
    Way,
)
from drp.domain.visible import printable

_LONGEST_KEY = 64


def judge(
    declaration: Reconciliation, collected: Mapping[str, Collected], circumstances: Circumstances
) -> ReconciliationResult:
    """Return the result for all sets by name."""
    wrongs: list[Wrongs] = []
    references = tuple(_reference(declaration, reference, collected, wrongs) for reference in declaration.references)
    identifiers = tuple(_identifier(declaration, identifier, collected) for identifier in declaration.identifiers)
    if not all(reference.judged for reference in references):
        kind: AgreementKind = "undetermined"
        newest = FOREVER
    else:
        newest = newest_agreement(wrongs)
        kind = "as-restored" if newest == FOREVER else "earlier"
        dated = (instant for found in collected.values() for instant in found.instants if instant != ALWAYS)
        if kind == "earlier" and newest < min(dated, default=FOREVER):
            kind, newest = "none", FOREVER
    return ReconciliationResult(
        references=references,
        identifiers=identifiers,
        applications=_applications(declaration, collected, circumstances, newest),
        agreement=kind,
        agreed_at=instant_of(newest) if kind == "earlier" else None,
    )


def _trouble(collected: Mapping[str, Collected], *records: str) -> str:
    """Return why the sets cannot be judged, empty when they can."""
    troubles = ((name, collected[name].trouble or collected[name].unmerged) for name in records)
    return "; ".join(dict.fromkeys(f"{name}: {trouble}" for name, trouble in troubles if trouble))


def _reference(
    declaration: Reconciliation, reference: Reference, collected: Mapping[str, Collected], wrongs: list[Wrongs]
) -> ReferenceResult:
    names = (reference.source.records, reference.target.records)
    source, target = (
        collected[name].keys[reference.name, end] for name, end in zip(names, ("source", "target"), strict=True)
    )
    holder, lacking = (declaration.application_of(place) for place in (reference.source, reference.target))
    reason = _trouble(collected, *names)
    sides = ((source, names[0]), (target, names[1])) if reference.both_ways else ((source, names[0]),)
    for keys, name in () if reason else sides:
        if not keys.index and not (reference.required and keys.without):
            reason = f"{name}: there is no record with a key, so nothing was compared"
    ways: list[Way] = []
    mismatches: list[tuple[str, str]] = []
    matched = 0
    if not reason:
        ways.append(_way((holder, lacking), source, target, reference, wrongs))
        if reference.both_ways:
            ways.append(_way((lacking, holder), target, source, reference, wrongs))
        matched = sum(key in target.index for key in source.index)
        mismatches = sorted(_mismatches(source, target)) if reference.same else []
    uncompared = 0 if reason else _uncompared(source, target)
    if uncompared and not mismatches and not any(way.dangling for way in ways):
        reason = f"{' and '.join(names)}: {_on_neither_side(reference, uncompared, matched)}"
    return ReferenceResult(
        name=reference.name,
        source=str(reference.source),
        target=str(reference.target),
        judged=not reason,
        reason=reason,
        ways=tuple(ways),
        matched=matched,
        mismatched=len(mismatches),
        mismatches=tuple(f"{_shown(key, reference)}: {how}" for key, how in mismatches[:MOST_LISTED]),
        tolerate=reference.tolerate,
        uncompared=uncompared,
        merged=sum(collected[name].merged for name in names),
    )


def _uncompared(source: Keys, target: Keys) -> int:
    """Return how many keys are in both sets, with a field that must be the same absent from both."""
    pairs = ((at, target.index.get(key)) for key, at in source.index.items() if at in source.blank)
    return sum(other is not None and bool(source.blank[at] & target.blank.get(other, 0)) for at, other in pairs)


def _on_neither_side(reference: Reference, uncompared: int, matched: int) -> str:
    return f"{', '.join(reference.same)} is on neither side for {uncompared} of {matched} keys, so it was not compared"


def _way(between: tuple[str, str], ours: Keys, theirs: Keys, reference: Reference, wrongs: list[Wrongs]) -> Way:
    """Return what dangles in one direction, and note when it was wrong."""
    begins, ends = array("q"), array("q")
    dangling: list[tuple[int, str]] = []
    for key, number in ours.index.items():
        since, other = ours.since[number], theirs.index.get(key)
        if other is None:
            dangling.append((since, key))
            begins.append(since)
        elif theirs.since[other] > since:
            begins.append(since)
            ends.append(theirs.since[other])
    without = ours.without if reference.required else array("q")
    begins.extend(without)
    wrongs.append(Wrongs(begins, ends, reference.tolerate))
    instants = [since for since, _ in dangling] + list(without)
    listed = [_shown(key, reference) for _, key in heapq.nsmallest(MOST_LISTED, dangling)]
    if without:
        listed = [*listed[: MOST_LISTED - 1], f"(without a key: {len(without)})"]
    holder, lacking = between
    return Way(
        holder=holder,
        lacking=lacking,
        keys=len(ours.index),
        dangling=len(dangling) + len(without),
        listed=tuple(listed),
        oldest_at=instant_of(min(instants, default=ALWAYS)),
        newest_at=instant_of(max(instants, default=ALWAYS)),
    )


def _mismatches(source: Keys, target: Keys) -> Iterable[tuple[str, str]]:
    """Yield keys that do not belong to the same on both sides, or to several on one of them."""
    for key, ours in source.index.items():
        theirs = target.index.get(key)
        if theirs is None:
            continue
        several = [side.place.records for side, at in ((source, ours), (target, theirs)) if at in side.torn]
        left, right = source.belongs[ours], target.belongs[theirs]
        if several:
            yield key, f"belongs to several in {' and '.join(several)}"
        elif left != right:
            yield (
                key,
                f"{shown_digest(left)} in {source.place.records}, {shown_digest(right)} in {target.place.records}",
            )


def _shown(key: str, reference: Reference) -> str:
    """Return a key for people: a patient's only as a digest, and nothing that a terminal would obey."""
    if reference.personal:
        return f"sha256:{shown_digest(digest_of((key,)))}"
    safe = printable(key)
    return safe if len(safe) <= _LONGEST_KEY else f"{safe[:_LONGEST_KEY]}…"


def _identifier(
    declaration: Reconciliation, identifier: Identifier, collected: Mapping[str, Collected]
) -> IdentifierResult:
    """Return what the next number would hit. A number in use is told also where reading broke off after it."""
    trouble = _trouble(collected, identifier.issued_by.records)
    upcoming, unknown = (None, trouble) if trouble else _next(identifier, collected[identifier.issued_by.records])
    used = {place: collected[place.records].numbers[identifier.name, str(place)].used for place in identifier.used_in}
    reasons = [unknown]
    reasons += [
        _trouble(collected, place.records)
        or ("" if numbers else f"{place.records}: no {place.field} is such a number, so nothing was compared")
        for place, numbers in used.items()
    ]
    reason = "; ".join(dict.fromkeys(filter(None, reasons)))
    highest, place = max(
        ((max(numbers), place) for place, numbers in used.items() if numbers),
        key=lambda pair: pair[0],
        default=(None, None),
    )
    again = sorted({n for numbers in used.values() for n in numbers if upcoming is not None and n >= upcoming})
    return IdentifierResult(
        name=identifier.name,
        application=declaration.application_of(identifier.issued_by),
        judged=not reason,
        reason=reason,
        next=upcoming,
        highest=highest,
        highest_in=declaration.application_of(place) if place else "",
        reissued=len(again),
        listed=tuple(f"{identifier.prefix}{number}{identifier.suffix}" for number in again[:MOST_LISTED]),
        bump=identifier.bump.replace("{next}", str((highest or 0) + 1)) if again else "",
    )


def _next(identifier: Identifier, issuer: Collected) -> tuple[int | None, str]:
    """Return the number that comes next, or why nobody knows."""
    values = issuer.values[identifier.issued_by.field]
    if len(issuer.instants) != 1 or len(values) != 1:
        return None, f"{identifier.issued_by}: {len(issuer.instants)} records instead of one with the next number"
    text = values[0]
    if text.isascii() and text.isdecimal():
        text = f"{identifier.prefix}{text}{identifier.suffix}"
    number = number_in(text, identifier)
    return number, "" if number is not None else f"{identifier.issued_by} is no number"


def _applications(
    declaration: Reconciliation, collected: Mapping[str, Collected], circumstances: Circumstances, agreed: int
) -> tuple[ApplicationState, ...]:
    states: list[ApplicationState] = []
    for name in dict.fromkeys(source.application for source in declaration.records):
        sets = [collected[source.name] for source in declaration.records if source.application == name]
        after = sum(instant > agreed for found in sets for instant in found.instants)
        rolls = name in circumstances.point_in_time
        states.append(
            ApplicationState(
                application=name,
                records=sum(len(found.instants) for found in sets),
                newest_at=instant_of(max((found.newest for found in sets), default=ALWAYS)),
                point_in_time=rolls,
                after=after,
                advice="keep" if not after else "roll-back" if rolls else "ahead",
            )
        )
    return tuple(states)
