"""Judges the numbers that one application issues and others keep: the next one must not be in use."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Mapping
from itertools import chain

from drp.domain.phrase import NOTHING, Phrase, fact, joined
from drp.domain.reconciliation.collected import Collected, number_in
from drp.domain.reconciliation.declaration import Identifier, Reconciliation
from drp.domain.reconciliation.packed import PARTS, Longs
from drp.domain.reconciliation.result import MOST_LISTED, IdentifierResult
from drp.domain.reconciliation.trouble import trouble_of


def judge_numbers(
    declaration: Reconciliation, identifier: Identifier, collected: Mapping[str, Collected]
) -> IdentifierResult:
    """Return what the next number would hit. A number in use is told also where reading broke off after it."""
    trouble = trouble_of(collected, identifier.issued_by.records)
    upcoming, unknown = (None, trouble) if trouble else _next(identifier, collected[identifier.issued_by.records])
    used = {place: collected[place.records].numbers[identifier.name, str(place)].used for place in identifier.used_in}
    reasons = [unknown]
    reasons += [
        trouble_of(collected, place.records)
        or (
            NOTHING
            if len(numbers)
            else fact(
                "no-such-number-so",
                "{records}: no {field} is such a number, so nothing was compared",
                records=place.records,
                field=place.field,
            )
        )
        for place, numbers in used.items()
    ]
    reason = joined(dict.fromkeys(filter(None, reasons)))
    highest, place = max(
        ((max(numbers), place) for place, numbers in used.items() if len(numbers)),
        key=lambda pair: pair[0],
        default=(None, None),
    )
    reissued, again = _again(used.values(), upcoming) if upcoming is not None else (0, [])
    return IdentifierResult(
        name=identifier.name,
        application=declaration.application_of(identifier.issued_by),
        judged=not reason,
        reason=reason,
        next=upcoming,
        highest=highest,
        highest_in=declaration.application_of(place) if place else "",
        reissued=reissued,
        listed=tuple(f"{identifier.prefix}{number}{identifier.suffix}" for number in again),
        bump=identifier.bump.replace("{next}", str((highest or 0) + 1)) if again else "",
    )


def _again(used: Iterable[Longs], upcoming: int) -> tuple[int, list[int]]:
    """Return how many different numbers would be issued again, and the first of them; a sequence may begin anew."""
    parts = [array("q") for _ in range(PARTS)]
    for numbers in used:
        for number in numbers:
            if number >= upcoming:
                parts[number % PARTS].append(number)
    count, first = 0, list[int]()
    for part in parts:
        different = set(part)
        count += len(different)
        first = heapq.nsmallest(MOST_LISTED, chain(first, different))
    return count, first


def _next(identifier: Identifier, issuer: Collected) -> tuple[int | None, Phrase]:
    """Return the number that comes next, or why nobody knows."""
    values = issuer.values[identifier.issued_by.field]
    if len(issuer.instants) != 1 or len(values) != 1:
        return None, fact(
            "records-instead-one-with",
            "{issued_by}: {n} records instead of one with the next number",
            issued_by=identifier.issued_by,
            n=len(issuer.instants),
        )
    text = values[0]
    if text.isascii() and text.isdecimal():
        text = f"{identifier.prefix}{text}{identifier.suffix}"
    number = number_in(text, identifier)
    return number, NOTHING if number is not None else fact(
        "no-number", "{issued_by} is no number", issued_by=identifier.issued_by
    )
