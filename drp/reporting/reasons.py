"""The reasons of a verdict, which the record holds as English sentences, in a form that can be translated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from drp.domain.duration import milliseconds_of
from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.findings.sign_off import SIGN_OFF_REFUSED
from drp.domain.phrase import Data, Duration, Phrase, Value, count, say
from drp.domain.witness import Witness, witness_of_code
from drp.reporting.words import ATTAINMENTS, CHECK_OUTCOMES, PHASE_NAMES, REFERENT, WITNESSES

_PHASE = re.compile(r"phase ([a-z]+) did not complete")
_OBJECTIVE = re.compile(r"(RTO|RPO|WRT) (missed|undetermined|not-measured)")
_CHECK = re.compile(r"check (.*): (failed|undetermined)", re.DOTALL)
_TIMEDELTA = re.compile(r"(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)(?:\.\d+)?")
_AGE = re.compile(r"(older|younger) than (.*) before the disaster")
_NOT_RECONCILED = re.compile(r"(?:in the reconciliation|across applications), (.*) was not judged", re.DOTALL)
_FINDING = re.compile(r"(DRP-[A-Z]\d+) (.*)", re.DOTALL)

_SENTENCES = (
    say("stopped on request"),
    say("an approver refused the drill"),
    say("nobody approved the drill in time"),
    say("nobody approved the drill"),
    say("the plan recovers nothing"),
    say("the plan recovers an application twice, and only one of them was carried out"),
    say("isolation is not proven"),
    say("the restore is not complete"),
    say("nothing was compared with a manifest"),
    say("the manifest compared with is not the one that the recovery point names"),
    say("restored files differ from the manifest"),
    say("not every file of the manifest was compared"),
    say("no file was drawn"),
    say("the sample is not the one that was planned"),
    say("not every file of the sample was compared"),
    say("the application did not start"),
    say("nothing was checked"),
    say("nothing was measured"),
    say("the applications were not compared with one another"),
    say("the application was not signed off"),
    say("no check was read by drp, and nothing else is trusted"),
)
_OBJECTIVES = {
    "RTO": say("recovery time objective (RTO)"),
    "RPO": say("recovery point objective (RPO)"),
    "WRT": say("work recovery time objective (WRT)"),
}
_KNOWN = {sentence.message: sentence for sentence in _SENTENCES}


_SAID_BY_FINDING = {
    "RTO missed": "DRP-T001",
    "RPO missed": "DRP-T002",
    "RPO undetermined": "DRP-T003",
    "WRT missed": "DRP-T005",
    "the application was not signed off": "DRP-B002",
    "nothing was compared with a manifest": "DRP-H006",
    "nothing was checked": "DRP-C003",
    "the restore is not complete": "DRP-R001",
    "the application did not start": "DRP-U001",
    "no check was read by drp, and nothing else is trusted": "DRP-C012",
}
"""Reasons that say again what a finding of this code says better."""


@dataclass(frozen=True, slots=True)
class _Reason:
    """One reason, taken apart."""

    recovery: str
    """Empty: it is about the drill."""
    rest: str
    speaker: Phrase | None
    """Who says so; None: it is about the drill's own course, or a record of before does not tell."""


def reasons_of(reasons: Sequence[str], witnesses: Sequence[Witness | None] = ()) -> tuple[Phrase, ...]:
    """Return the reasons as phrases; phases not reached, and findings of one code, become one reason a recovery.

    ``witnesses`` are who says each of them; records of before have none.
    """
    told: Sequence[Witness | None] = witnesses if len(witnesses) == len(reasons) else [None] * len(reasons)
    split = [_split(*pair) for pair in zip(reasons, told, strict=True)]
    codes = {(one.recovery, match[1]) for one in split if (match := _FINDING.fullmatch(one.rest))}
    telling = [one for one in split if (one.recovery, _SAID_BY_FINDING.get(one.rest)) not in codes]
    return tuple(_joined(telling))


def refusal_of(reason: str) -> Phrase | Data:
    """Return why a recovery point was refused, in a form that can be translated where the reason is a known one."""
    if reason == "made after the disaster":
        return say("made after the disaster")
    if reason == "still being made at the disaster":
        return say("still being made at the disaster")
    if match := _AGE.fullmatch(reason):
        if match[1] == "older":
            return say("older than {age} before the disaster", age=_age(match[2]))
        return say("younger than {age} before the disaster", age=_age(match[2]))
    return Data(reason)


def _age(text: str) -> Duration | Data:
    """Return an age as a duration that every language can write; older records have it as ``1 day, 2:00:00``."""
    if (ms := milliseconds_of(text)) is not None:
        return Duration(ms)
    match = _TIMEDELTA.fullmatch(text)
    if match is None:
        return Data(text)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return Duration((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)


def _split(reason: str, witness: Witness | None) -> _Reason:
    """Return the recovery that a reason is about, the rest, and who says so."""
    name, separator, rest = reason.partition(": ")
    if not separator:
        name, rest = "", reason
    match = _FINDING.fullmatch(rest)
    if match is not None and match[1] == SIGN_OFF_REFUSED.code:
        return _Reason(name, rest, REFERENT)
    if witness is None and match is not None and match[1] in CATALOGUE:
        witness = witness_of_code(match[1])
    return _Reason(name, rest, WITNESSES[witness] if witness is not None else None)


def _joined(reasons: list[_Reason]) -> Iterator[Phrase]:
    for (name, kind, _), group in groupby(reasons, key=lambda one: (one.recovery, _kind(one.rest), _key(one))):
        alike = list(group)
        rests = [one.rest for one in alike]
        said = alike[0].speaker
        if kind == "phase":
            yield _about(name, _unreached([rest.split()[1] for rest in rests]))
        elif kind:
            first = _about(name, _said(_translatable(rests[0]), said))
            others = len(rests) - 1
            yield count("{reason}, and {n} more", "{reason}, and {n} more", others, reason=first) if others else first
        else:
            yield from (_about(name, _said(_translatable(rest), said)) for rest in rests)


def _key(one: _Reason) -> str:
    return one.speaker.message if one.speaker is not None else ""


def _said(reason: Phrase | Data, speaker: Phrase | None) -> Phrase | Data:
    return say("{reason} ({who})", reason=reason, who=speaker) if speaker is not None else reason


def _kind(rest: str) -> str:
    """Return what reasons of one kind have in common: being phases, or the code of a finding; empty for others."""
    if _PHASE.fullmatch(rest):
        return "phase"
    match = _FINDING.fullmatch(rest)
    return match[1] if match else ""


def _about(name: str, rest: Phrase | Data) -> Phrase:
    return say("{application}: {reason}", application=Data(name), reason=rest) if name else say("{reason}", reason=rest)


def _unreached(phases: list[str]) -> Phrase:
    listed: Value = PHASE_NAMES.get(phases[-1], Data(phases[-1]))
    for phase in reversed(phases[:-1]):
        listed = say("{first}, {others}", first=PHASE_NAMES.get(phase, Data(phase)), others=listed)
    return say("not completed: {phases}", phases=listed)


def _translatable(rest: str) -> Phrase | Data:
    if rest in _KNOWN:
        return _KNOWN[rest]
    if match := _OBJECTIVE.fullmatch(rest):
        return say("{objective}: {attainment}", objective=_OBJECTIVES[match[1]], attainment=ATTAINMENTS[match[2]])
    if match := _CHECK.fullmatch(rest):
        return say("check {check}: {outcome}", check=Data(match[1]), outcome=CHECK_OUTCOMES[match[2]])
    if match := _NOT_RECONCILED.fullmatch(rest):
        return say("not judged in the reconciliation: {name}", name=Data(match[1]))
    if (match := _FINDING.fullmatch(rest)) and match[1] in CATALOGUE:
        title = Phrase(CATALOGUE[match[1]].title)
        return say("{title} ({code}): {subject}", title=title, code=Data(match[1]), subject=Data(match[2]))
    return Data(rest)
