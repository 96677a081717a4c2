"""What a check judges of all that a backup can lose, and how: what it does not judge is said each time. Pure data.

pgBackRest and restic say what they verified; what neither says is what they did not look at. A statement "every table
holds its rows" reads as "everything is there" to whoever does not know that a database has more than tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from drp.domain.phrase import Phrase

Basis = Literal["counted", "content", "observed"]
"""What a statement rests on: numbers, the content itself, or a look at what runs with nothing to compare."""

Judged = Literal["counted", "content", "observed", "not judged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One class of thing that a backup of a system can lose, and what its verifier does about it."""

    name: Phrase
    judged: Judged
    words: Phrase
    """By which statement, or why not."""
    catalogue: tuple[str, ...] = ()
    """What the system itself calls it: tables of its catalogue, kinds, names of resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotJudged:
    """Something that nobody looked at: neither sound nor damaged, and in the evidence each time."""

    part: Phrase
    why: Phrase
    check: str = ""
    """Whose limits these are; whoever runs the check fills it in."""


def never_judged(parts: Sequence[Part]) -> tuple[NotJudged, ...]:
    """Return what a verifier judges in no drill, by its own catalogue."""
    return tuple(NotJudged(part=part.name, why=part.words) for part in parts if part.judged == "not judged")
