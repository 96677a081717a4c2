"""Code that came out of the backup, as a report lists it: what changed first, each piece with how it is known."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.evidence import RecoveryRecord
from drp.domain.known_code import UNKNOWN, KnownCode, known_code
from drp.domain.phrase import Data, Phrase, say
from drp.domain.plan import PlannedRecovery
from drp.reporting.words import Tone

MOST_CODE = 200
"""Rows of the list; how many more there are is said."""


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One piece of code."""

    code: KnownCode
    word: Phrase
    tone: Tone


def code_of(record: RecoveryRecord, planned: PlannedRecovery) -> tuple[CodeRow, ...]:
    """Return every piece of restored code that was met, new and changed ones first."""
    met = known_code(record.hash, record.verify, planned.application.history.accepted_code)
    return tuple(CodeRow(one, _word(one), "doubt" if one.state in UNKNOWN else "plain") for one in met)


def _word(one: KnownCode) -> Phrase:
    match one.state:
        case "changed":
            return say("changed since drill {drill}", drill=Data(one.told))
        case "new":
            return say("new since drill {drill}", drill=Data(one.told))
        case "accepted":
            return say("accepted by {who}", who=Data(one.told))
        case "known":
            return say("as in drill {drill}", drill=Data(one.told))
        case "first seen":
            return say("seen for the first time")
        case "not compared":
            return say("not compared")
