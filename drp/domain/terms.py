"""Words that many conclusions share: outcomes, and what is said of the rest of a list.

A conclusion names an outcome by its code; here it gets the word that a sentence takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drp.domain.phrase import Phrase, counted, fact, several

OUTCOMES: Mapping[str, Phrase] = {
    "passed": fact("passed", "passed"),
    "failed": fact("failed", "failed"),
    "inconclusive": fact("inconclusive", "inconclusive"),
    "aborted": fact("aborted", "aborted"),
    "undetermined": fact("undetermined", "undetermined"),
    "missed": fact("missed", "missed"),
    "met": fact("met", "met"),
}

LOCKS: Mapping[str, Phrase] = {
    "compliance": fact("lock-compliance", "compliance lock"),
    "governance": fact("lock-governance", "governance lock"),
    "legal-hold": fact("legal-hold", "legal hold"),
    "offline": fact("offline", "offline"),
    "none": fact("no-lock", "no lock"),
    "unknown": fact("lock-unknown", "unknown lock"),
}
PROVENANCES: Mapping[str, Phrase] = {
    "declared": fact("declared", "declared"),
    "observed": fact("observed", "observed"),
    "probed": fact("probed", "probed"),
}
POLICIES: Mapping[str, Phrase] = {
    "newest": fact("policy-newest", "newest"),
    "newest-immutable": fact("policy-newest-immutable", "newest immutable"),
    "specific": fact("policy-specific", "one point"),
    "random": fact("policy-random", "drawn at random"),
    "oldest-retained": fact("policy-oldest", "oldest retained"),
}

NONE = fact("none", "none")
SAME_TIME = fact("same-time", "the same time")


def term(code: str | None) -> Phrase | str:
    """Return the word for an outcome; the code itself where it has none."""
    return OUTCOMES.get(code or "", code or "")


def others(number: int) -> Phrase:
    """Return what stands for the rest of a list, as the subject of a finding."""
    return counted("others", "{n} more", "{n} more", number)


def listed(names: Iterable[object], total: int | None = None, between: str = ", ") -> Phrase:
    """Return names one after the other, and how many more there are than these of ``total``."""
    shown = list(names)
    said = several(shown, between)
    left = 0 if total is None else total - len(shown)
    if left > 0:
        return counted("listed-and-more", "{names} and {n} more", "{names} and {n} more", left, names=said)
    return fact("listed", "{names}", names=said)


def part(name: str, number: int, total: int) -> Phrase:
    """Return that something holds for so many of so many: ``laboratory result has its order: 7 of 12``."""
    return fact("part", "{name}: {number} of {total}", name=name, number=number, total=total)
