"""One thing that a drill needs, whether it is there, and what fixes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drp.domain.phrase import own_words
from drp.errors import DrpError


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing a drill needs."""

    name: str
    met: bool
    detail: str
    mend: str = ""


def attempt(name: str, look: Callable[[], object]) -> Need:
    """Return a need that is met when a look at it raises no error of drp."""
    try:
        seen = look()
        return Need(name=name, met=True, detail=seen if isinstance(seen, str) else str(seen))
    except DrpError as error:
        return Need(name=name, met=False, detail=error.message, mend=own_words(error.hint))
