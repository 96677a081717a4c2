"""How the command line says who says so, on what a pass rests, and which code came out of a backup."""

from __future__ import annotations

from collections.abc import Iterator

from drp.cli.render import line, table
from drp.cli.words import UNREAD, first
from drp.domain.findings.finding import Finding
from drp.domain.findings.sign_off import SIGN_OFF_REFUSED
from drp.domain.fold import RecoveryState
from drp.domain.known_code import UNKNOWN, KnownCode, known_code
from drp.domain.phase import Verified
from drp.domain.phrase import NOTHING, Phrase, count, joined, say, several
from drp.domain.plan import PlannedRecovery
from drp.domain.resting import Resting, dated_by, unread
from drp.domain.visible import one_line
from drp.domain.witness import Witness
from drp.reporting.words import REFERENT, WITNESSES

MOST_CODE = 500
"""Pieces of code that a terminal shows; the record has all of them."""
_NAMED = 5
_LONGEST = 100
"""Characters of a name: a backup decides how long it is, and one must not push the others off the screen."""


def who(witness: Witness) -> Phrase:
    """Return a witness in words."""
    return WITNESSES[witness]


def speaker(finding: Finding) -> Phrase:
    """Return who says what a finding states; a referent is none of the three witnesses, but a person."""
    return REFERENT if finding.code == SIGN_OFF_REFUSED.code else who(finding.said_by)


def said(reason: str, witness: Witness | None) -> str:
    """Return a reason with who says so, if anybody does but the drill itself."""
    return say("{reason} ({who})", reason=reason, who=who(witness)) if witness is not None else reason


def rests(found: Resting) -> Phrase:
    """Return by whom the statements that passed are said, none left out."""
    return _numbers(found.read, found.said, found.seen, zero=True)


def rests_in_short(found: Resting) -> Phrase:
    """Return the same without those of whom there are none."""
    return _numbers(found.read, found.said, found.seen, zero=False)


def _numbers(read: int, heard: int, seen: int, *, zero: bool) -> Phrase:
    parts = (
        (read, count("{n} read by drp", "{n} read by drp", read)),
        (heard, count("{n} said by the restored system", "{n} said by the restored system", heard)),
        (seen, count("{n} seen from outside", "{n} seen from outside", seen)),
    )
    return joined((words for number, words in parts if number or zero), ", ")


def newest_dated(verified: Verified | None) -> Phrase:
    """Return who dated the newest datum that bounds the loss, to stand behind the loss."""
    witness = dated_by(verified)
    return say(", newest datum {who}", who=who(witness)) if witness is not None else NOTHING


def demand_lines(progress: RecoveryState, planned: PlannedRecovery, *, starts: bool = True) -> Iterator[Phrase]:
    """Yield what a plan that trusts no restored system demands, and what was missing."""
    if planned.trust == "none":
        missing = unread(progress.outputs.hash, progress.outputs.verify, planned.trust, starts=starts)
        what = (
            say("MISSING: {missing}", missing=several(UNREAD[each] for each in missing))
            if missing
            else say("all of it is there")
        )
        yield say("trust: none, so only what drp itself has read lets it pass; {what}", what=what)


def code_met(progress: RecoveryState, planned: PlannedRecovery) -> tuple[KnownCode, ...]:
    """Return the restored code of a recovery, new and changed pieces first."""
    return known_code(progress.outputs.hash, progress.outputs.verify, planned.application.history.accepted_code)


def code_line(met: tuple[KnownCode, ...], drill: str) -> Phrase:
    """Return one line on restored code: how much there is, and what of it nobody knows."""
    strange = [one_line(one.name, _LONGEST) for one in met if one.state in UNKNOWN]
    named = say(", new or changed: {names}", names=first(strange, _NAMED)) if strange else NOTHING
    return count(
        "{n} piece{named}: `drp drill show {drill} --code` lists it",
        "{n} pieces{named}: `drp drill show {drill} --code` lists them",
        len(met),
        named=named,
        drill=drill,
    )


def print_code(met: tuple[KnownCode, ...]) -> None:
    """Print restored code as a table."""
    rows = [
        (one_line(one.name, _LONGEST), one.digest, one.check, who(one.witness), _known(one)) for one in met[:MOST_CODE]
    ]
    table(("restored code", "digest", "check", "named", "known"), rows)
    if len(met) > MOST_CODE:
        line(say("and {n} more, in the record", n=len(met) - MOST_CODE))


def _known(code: KnownCode) -> Phrase:
    """Return whether anybody knew of a piece of code before."""
    match code.state:
        case "changed":
            return say("CHANGED since {drill}", drill=code.told)
        case "new":
            return say("NEW since {drill}", drill=code.told)
        case "not compared":
            return say("not compared")
        case "first seen":
            return say("seen for the first time")
        case "accepted":
            return say("accepted by {who}", who=code.told)
        case "known":
            return say("as in {drill}", drill=code.told)
