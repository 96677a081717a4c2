"""Many findings of one kind told in few words: the first by name, the others by their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from drp.domain.findings.finding import Finding
from drp.domain.phrase import fact
from drp.domain.terms import others

NAMED = 10
"""So many findings of one code are told each by itself."""


def bounded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first of each code, and one for all the others, as grave as they are."""
    counts: dict[str, int] = {}
    last: dict[str, Finding] = {}
    for each in findings:
        counts[each.code] = counts.get(each.code, 0) + 1
        if counts[each.code] <= NAMED:
            yield each
        last[each.code] = each
    for code, number in counts.items():
        if number > NAMED:
            expected = fact("points-as-noted", "recovery points as they were")
            yield replace(last[code], subject=others(number - NAMED), expected=expected)
