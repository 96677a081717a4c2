"""What is wrong with a site directory: one line a problem, the way compilers say it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from drp.domain.phrase import Phrase, joined, say, several

Step = str | int
"""A key of a mapping or an index of a list."""


class Position(NamedTuple):
    """A place in a file, both from 1."""

    line: int
    column: int


START = Position(1, 1)
_SHOWN = 12
"""Names that are told where nothing is like the one that was said."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to fix. ``str()`` gives ``inventory/applications/ehr.yml:6:7: objectives.rpo: …``."""

    file: str
    """Relative to the site directory."""
    position: Position
    where: str
    """Path inside the document, such as ``checks[0].verifier``; empty: the whole of it."""
    message: Phrase

    def __str__(self) -> str:
        """Return the line that editors and people can jump from."""
        return str(self.line)

    @property
    def line(self) -> Phrase:
        """That line, which keeps what its message is made of."""
        at = f"{self.file}:{self.position.line}:{self.position.column}"
        return joined([at, self.where, self.message], ": ")


def dotted(path: Iterable[Step]) -> str:
    """Return a path inside a document as people write it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, if there is one."""
    found = difflib.get_close_matches(word.lower().replace("_", "-"), _by_look(known), n=1, cutoff=0.6)
    return _by_look(known)[found[0]] if found else None


def suggestion(word: str, known: Iterable[str]) -> Phrase:
    """Return ``did you mean `x`?``, or what is known, or that nothing is."""
    names = sorted(known)
    if (meant := closest(word, names)) is not None:
        return say("did you mean `{meant}`?", meant=meant)
    if not names:
        return say("there is none")
    return say("known here: {names}", names=several([*names[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])]))


def guessed(problem: Phrase, meant: str | None) -> Phrase:
    """Return what is wrong, with what was probably meant where that is known."""
    return problem if meant is None else say("{problem}; did you mean `{meant}`?", problem=problem, meant=meant)


def unknown(kind: str, name: str, known: Iterable[str]) -> Phrase:
    """Return that there is nothing of such a name: an application, a drill, a place …, with what was meant."""
    return _UNKNOWN[kind](name, suggestion(name, known))


_UNKNOWN: Mapping[str, Callable[[str, Phrase], Phrase]] = {
    "application": lambda name, guess: say("there is no application `{name}`; {guess}", name=name, guess=guess),
    "drill": lambda name, guess: say("there is no drill `{name}`; {guess}", name=name, guess=guess),
    "place": lambda name, guess: say("there is no place `{name}`; {guess}", name=name, guess=guess),
    "records": lambda name, guess: say("there are no records `{name}`; {guess}", name=name, guess=guess),
    "repository": lambda name, guess: say("there is no repository `{name}`; {guess}", name=name, guess=guess),
    "runbook": lambda name, guess: say("there is no runbook `{name}`; {guess}", name=name, guess=guess),
    "sandbox": lambda name, guess: say("there is no sandbox `{name}`; {guess}", name=name, guess=guess),
    "verifier": lambda name, guess: say("there is no verifier `{name}`; {guess}", name=name, guess=guess),
}


def _by_look(known: Iterable[str]) -> dict[str, str]:
    return {name.lower().replace("_", "-"): name for name in known}
