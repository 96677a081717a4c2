"""How the command line says who says so, on what a pass rests, and which code came out of a backup."""

from __future__ import annotations

from collections.abc import Iterator

from drp.cli.render import line, table
from drp.domain.findings.finding import Finding
from drp.domain.findings.sign_off import SIGN_OFF_REFUSED
from drp.domain.fold import RecoveryState
from drp.domain.known_code import UNKNOWN, CodeState, KnownCode, known_code
from drp.domain.phase import Verified
from drp.domain.phrase import say
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
_STATES: dict[CodeState, str] = {
    "changed": "CHANGED since {}",
    "new": "NEW since {}",
    "not compared": "not compared",
    "first seen": "seen for the first time",
    "accepted": "accepted by {}",
    "known": "as in {}",
}


def who(witness: Witness) -> str:
    """Return a witness in words."""
    return WITNESSES[witness].message


def speaker(finding: Finding) -> str:
    """Return who says what a finding states; a referent is none of the three witnesses, but a person."""
    return REFERENT.message if finding.code == SIGN_OFF_REFUSED.code else who(finding.said_by)


def said(reason: str, witness: Witness | None) -> str:
    """Return a reason with who says so, if anybody does but the drill itself."""
    return f"{reason} ({who(witness)})" if witness is not None else reason


def rests(found: Resting) -> str:
    """Return by whom the statements that passed are said, none left out."""
    return f"{found.read} {who('drp')}, {found.said} {who('restored')}, {found.seen} {who('outside')}"


def rests_in_short(found: Resting) -> str:
    """Return the same without those of whom there are none."""
    parts = ((found.read, who("drp")), (found.said, who("restored")), (found.seen, who("outside")))
    return ", ".join(f"{number} {words}" for number, words in parts if number)


def newest_dated(verified: Verified | None) -> str:
    """Return who dated the newest datum that bounds the loss, to stand behind the loss."""
    witness = dated_by(verified)
    return f", newest datum {who(witness)}" if witness is not None else ""


def demand_lines(progress: RecoveryState, planned: PlannedRecovery, *, starts: bool = True) -> Iterator[str]:
    """Yield what a plan that trusts no restored system demands, and what was missing."""
    if planned.trust == "none":
        missing = unread(progress.outputs.hash, progress.outputs.verify, planned.trust, starts=starts)
        what = f"MISSING: {', '.join(missing)}" if missing else "all of it is there"
        yield f"trust: none, so only what drp itself has read lets it pass; {what}"


def code_met(progress: RecoveryState, planned: PlannedRecovery) -> tuple[KnownCode, ...]:
    """Return the restored code of a recovery, new and changed pieces first."""
    return known_code(progress.outputs.hash, progress.outputs.verify, planned.application.history.accepted_code)


def code_line(met: tuple[KnownCode, ...], drill: str) -> str:
    """Return one line on restored code: how much there is, and what of it nobody knows."""
    strange = [one_line(one.name, _LONGEST) for one in met if one.state in UNKNOWN]
    more = f" and {len(strange) - _NAMED} more" if len(strange) > _NAMED else ""
    named = f", new or changed: {', '.join(strange[:_NAMED])}{more}" if strange else ""
    return f"{len(met)} pieces{named}: `drp drill show {drill} --code` lists them"


def print_code(met: tuple[KnownCode, ...]) -> None:
    """Print restored code as a table."""
    rows = [
        (one_line(one.name, _LONGEST), one.digest, one.check, who(one.witness), _STATES[one.state].format(one.told))
        for one in met[:MOST_CODE]
    ]
    table(("restored code", "digest", "check", "named", "known"), rows)
    if len(met) > MOST_CODE:
        line(say("and {n} more, in the record", n=len(met) - MOST_CODE))
