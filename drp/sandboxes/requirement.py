"""One need of a sandbox driver: whether this host and this user meet it, and what fixes it."""

from __future__ import annotations

from dataclasses import dataclass

from drp.command import run
from drp.domain.phrase import NOTHING, Phrase, own_words, quoted
from drp.errors import CommandFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One need."""

    name: Phrase
    met: bool
    detail: Phrase
    mend: Phrase = NOTHING
    """A command or a setting; empty when nothing needs fixing."""


def tool(name: Phrase, argv: list[str], mend: Phrase) -> Requirement:
    """Return whether a program runs; ``argv`` makes it say its version."""
    try:
        output = run(argv, timeout_seconds=20)
    except CommandFailed as error:
        return Requirement(name=name, met=False, detail=own_words(error.message), mend=mend)
    return Requirement(name=name, met=True, detail=quoted((output.stdout.splitlines() or [""])[0].strip()))
