"""The reasons of a verdict as people read them: what a finding says better is left out, and what is alike is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.findings.sign_off import SIGN_OFF_REFUSED
from drp.domain.phrase import Data, Phrase, Value, count, say
from drp.domain.phrase_form import read
from drp.domain.witness import Witness, witness_of_code
from drp.reporting.words import ATTAINMENTS, CHECK_OUTCOMES, PHASE_NAMES, REFERENT, WITNESSES

_OBJECTIVES = {
    "RTO": say("recovery time objective (RTO)"),
    "RPO": say("recovery point objective (RPO)"),
    "WRT": say("work recovery time objective (WRT)"),
}
_SAID_BY_FINDING: Mapping[tuple[str, ...], str] = {
    ("objective", "RTO", "missed"): "DRP-T001",
    ("objective", "RPO", "missed"): "DRP-T002",
    ("objective", "RPO", "undetermined"): "DRP-T003",
    ("objective", "WRT", "missed"): "DRP-T005",
    ("not-signed-off",): "DRP-B002",
    ("nothing-compared",): "DRP-H006",
    ("nothing-checked",): "DRP-C003",
    ("restore-not-complete",): "DRP-R001",
    ("not-started",): "DRP-U001",
    ("nothing-read-by-drp",): "DRP-C012",
}
"""Reasons that say again what a finding of this code says better."""


@dataclass(frozen=True, slots=True)
class _Reason:
    """One reason, by its parts."""

    application: str
    """Empty: it is about the drill, or a record of before has it as a sentence."""
    said: Phrase
    speaker: Phrase | None
    """Who says so; None: it is about the drill's own course, or a record of before does not tell."""

    @property
    def finding(self) -> str:
        """Return the code of the finding that it is; empty: it is none."""
        return datum(self.said, "finding") if self.said.code == "finding" else ""

    @property
    def better_said(self) -> str | None:
        """Return the code of the finding that says it better."""
        parts = [self.said.code]
        if self.said.code == "objective":
            parts += [datum(self.said, "objective"), datum(self.said, "attainment")]
        return _SAID_BY_FINDING.get(tuple(parts))


def reasons_of(reasons: Sequence[Phrase], witnesses: Sequence[Witness | None] = ()) -> tuple[Phrase, ...]:
    """Return the reasons for people; phases not reached, and findings of one code, become one reason a recovery.

    ``witnesses`` are who says each of them; records of before have none.
    """
    told: Sequence[Witness | None] = witnesses if len(witnesses) == len(reasons) else [None] * len(reasons)
    apart = [_apart(*pair) for pair in zip(reasons, told, strict=True)]
    found = {(one.application, one.finding) for one in apart if one.finding}
    return tuple(_joined([one for one in apart if (one.application, one.better_said) not in found]))


def datum(phrase: Phrase, name: str) -> str:
    """Return a value of a fact as it is, empty where it has none of this name."""
    value = phrase.values.get(name)
    return value.text if isinstance(value, Data) else ""


def _apart(reason: Phrase, witness: Witness | None) -> _Reason:
    reason = read(reason)  # what is no fact is a sentence of before
    name, said = "", reason
    inner = reason.values.get("reason")
    if reason.code == "of-application" and isinstance(inner, Phrase):
        name, said = datum(reason, "application"), inner
    if said.code == "finding" and datum(said, "finding") == SIGN_OFF_REFUSED.code:
        return _Reason(name, said, REFERENT)
    if witness is None and said.code == "finding" and datum(said, "finding") in CATALOGUE:
        witness = witness_of_code(datum(said, "finding"))
    return _Reason(name, said, WITNESSES[witness] if witness is not None else None)


def _joined(reasons: list[_Reason]) -> Iterator[Phrase]:
    for (name, kind, _), group in groupby(reasons, key=lambda one: (one.application, _kind(one), one.speaker or "")):
        alike = list(group)
        if kind == "phase":
            yield _about(name, _unreached([datum(one.said, "phase") for one in alike]))
        elif kind:
            first = _about(name, _said(alike[0]))
            others = len(alike) - 1
            yield count("{reason}, and {n} more", "{reason}, and {n} more", others, reason=first) if others else first
        else:
            yield from (_about(name, _said(one)) for one in alike)


def _said(one: _Reason) -> Phrase:
    reason = words_of(one.said)
    return say("{reason} ({who})", reason=reason, who=one.speaker) if one.speaker is not None else reason


def _kind(one: _Reason) -> str:
    """Return what reasons of one kind have in common: being phases, or the code of a finding; empty for others."""
    return "phase" if one.said.code == "phase-not-completed" else one.finding


def _about(name: str, rest: Phrase) -> Phrase:
    return say("{application}: {reason}", application=name, reason=rest) if name else rest


def _unreached(phases: list[str]) -> Phrase:
    listed: Value = PHASE_NAMES.get(phases[-1], Data(phases[-1]))
    for phase in reversed(phases[:-1]):
        listed = say("{first}, {others}", first=PHASE_NAMES.get(phase, Data(phase)), others=listed)
    return say("not completed: {phases}", phases=listed)


def words_of(said: Phrase) -> Phrase:
    """Return a reason in the words of the catalogues: names of objectives, of outcomes and of findings."""
    if said.code == "objective" and (named := _OBJECTIVES.get(datum(said, "objective"))) is not None:
        attained = ATTAINMENTS[datum(said, "attainment")]
        return say("{objective}: {attainment}", objective=named, attainment=attained)
    if said.code == "check-not-passed":
        outcome = CHECK_OUTCOMES[datum(said, "outcome")]
        return say("check {check}: {outcome}", check=datum(said, "check"), outcome=outcome)
    if (code := datum(said, "finding")) in CATALOGUE and said.code == "finding":
        title = Phrase(CATALOGUE[code].title)
        return say("{title} ({code}): {subject}", title=title, code=code, subject=said.values["subject"])
    return said
