"""Words for what is declared, observed and probed of locks: attempts, what came of them, modes as a store says them."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.phrase import Data, Phrase, say
from drp.domain.worm.probe import Came
from drp.reporting.words import Tone

DECLARED, OBSERVED, PROBED = say("Declared"), say("Observed"), say("Probed")

CAME: Mapping[Came, Phrase] = {
    "refused": say("refused"),
    "succeeded": say("succeeded"),
    "ignored": say("said to be done, and was not"),
    "undecided": say("undecided"),
    "not-probed": say("not probed"),
}
CAME_TONES: Mapping[Came, Tone] = {
    "refused": "good",
    "succeeded": "bad",
    "ignored": "bad",
    "undecided": "doubt",
    "not-probed": "plain",
}
_MODES: Mapping[str, Phrase] = {
    "compliance": say("compliance mode"),
    "governance": say("governance mode"),
    "legal-hold": say("legal hold"),
    "none": say("not locked"),
    "expired": say("lock has ended"),
    "unknown": say("nobody knows how"),
}


def mode_in_words(mode: str) -> Phrase | Data:
    """Return how an object version is locked; what a store calls otherwise is a datum."""
    return _MODES.get(mode) or Data(mode)
