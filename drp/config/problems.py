"""What is wrong with a site directory: one line a problem, the way compilers say it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

Step = str | int
"""A key of a mapping or an index of a list."""


class Position(NamedTuple):
    """A place in a file, both from 1."""

    line: int
    column: int


START = Position(1, 1)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to fix. ``str()`` gives ``inventory/applications/ehr.yml:6:7: objectives.rpo: …``."""

    file: str
    """Relative to the site directory."""
    position: Position
    where: str
    """Path inside the document, such as ``checks[0].verifier``; empty: the whole of it."""
    message: str

    def __str__(self) -> str:
        """Return the line that editors and people can jump from."""
        subject = f"{self.where}: " if self.where else ""
        return f"{self.file}:{self.position.line}:{self.position.column}: {subject}{self.message}"


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


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean `x`?``, or what is known, or that nothing is."""
    names = sorted(known)
    if (meant := closest(word, names)) is not None:
        return f"did you mean `{meant}`?"
    if not names:
        return "there is none"
    shown = ", ".join(names[:12])
    return f"known here: {shown}" + (", …" if len(names) > 12 else "")


def _by_look(known: Iterable[str]) -> dict[str, str]:
    return {name.lower().replace("_", "-"): name for name in known}
