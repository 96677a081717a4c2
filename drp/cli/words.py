"""The short words of a terminal for what the domain may say: as narrow as its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drp.domain.phrase import Phrase, say
from drp.domain.terms import LOCKS, OUTCOMES, PROVENANCES, listed

PHASES: Mapping[str, Phrase] = {
    "select": say("select"),
    "prepare": say("prepare"),
    "restore": say("restore"),
    "hash": say("hash"),
    "start": say("start"),
    "verify": say("verify"),
    "reconcile": say("reconcile"),
    "approval": say("approval"),
    "sign-off": say("sign-off"),
    "destroy": say("destroy"),
    "keep": say("keep"),
}
VERDICTS: Mapping[str, Phrase] = {**OUTCOMES, "unfinished": say("unfinished")}
ATTAINED: Mapping[str, Phrase] = {
    **OUTCOMES,
    "not-measured": say("not measured"),
    "not-judged": say("not judged"),
    "by-point": say("young enough, by the point alone"),
}
SEVERITIES: Mapping[str, Phrase] = {
    "critical": say("critical"),
    "inconclusive": say("inconclusive"),
    "warning": say("warning"),
    "note": say("note"),
}
LEVELS: Mapping[str, Phrase] = {"full": say("full"), "hash": say("hash"), "sample": say("sample")}
KINDS: Mapping[str, Phrase] = {
    "changed": say("changed"),
    "missing": say("missing"),
    "unexpected": say("unexpected"),
    "unreadable": say("unreadable"),
    "metadata": say("metadata"),
    "kind": say("kind"),
    "unstable": say("unstable"),
}
"""How an entry departs from a manifest."""
UNREAD: Mapping[str, Phrase] = {
    "statement": say("statement"),
    "newest datum": say("newest datum"),
    "manifest": say("manifest"),
}
"""What drp itself has not read."""
YES, NO, NONE, UNKNOWN = say("yes"), say("no"), say("none"), say("unknown")


def word(table: Mapping[str, Phrase], value: str) -> str:
    """Return the word for a value; what is not in the table (of a newer record) is shown as it is."""
    return table.get(value, value)


def lock(mode: str, provenance: str, until: str) -> Phrase:
    """Return how a point is protected, by whose word, and until when, which is empty where there is no end."""
    said = say("{mode}, {provenance}", mode=word(LOCKS, mode), provenance=word(PROVENANCES, provenance))
    return say("{said} until {date}", said=said, date=until) if until else said


def first(names: Sequence[str], most: int, between: str = ", ") -> Phrase:
    """Return names one after the other, at most so many, with how many there are more."""
    return listed(names[:most], len(names), between)
