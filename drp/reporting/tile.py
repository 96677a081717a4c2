"""One question of a report, its answer in figures, and how the answer is to be taken."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.phrase import Phrase, say
from drp.reporting.words import Tone

NOTHING = say("—")
NOT_REACHED = say("Not reached")


@dataclass(frozen=True, slots=True)
class Tile:
    """A question, its answer in figures, and how the answer is to be taken."""

    question: Phrase
    figure: Phrase
    word: Phrase
    tone: Tone
    note: Phrase
    who: Phrase | None = None
    """Who says so."""
