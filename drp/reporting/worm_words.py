"""Words for what is declared, observed and probed of locks: attempts, what came of them, modes as a store says them."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.phrase import Data, Phrase, say
from drp.domain.worm.probe import Attempt, Came
from drp.reporting.words import Tone

DECLARED, OBSERVED, PROBED = say("Declared"), say("Observed"), say("Probed")

ATTEMPTS: Mapping[Attempt, Phrase] = {
    "delete-version": say("delete a locked version"),
    "overwrite": say("overwrite it"),
    "shorten-retention": say("shorten its retention"),
    "downgrade-mode": say("weaken the mode of its lock"),
    "bypass-governance": say("bypass a governance lock"),
    "suspend-versioning": say("suspend versioning"),
    "change-default-retention": say("change the default retention"),
    "change-policy": say("change the policy of the bucket"),
    "delete-file": say("delete a file"),
    "write-file": say("write into a file"),
}
CAME: Mapping[Came, Phrase] = {
    "refused": say("refused"),
    "succeeded": say("succeeded"),
    "undecided": say("undecided"),
    "not-probed": say("not probed"),
}
CAME_TONES: Mapping[Came, Tone] = {
    "refused": "good",
    "succeeded": "bad",
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
