"""The instant, and the exact object versions, that a drill is bound to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drp.domain.phrase import NOTHING, Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadVersion:
    """One object version as it was read through the view."""

    key: str
    version: str
    size: int
    digest: str
    """SHA-256 of the bytes, hex; empty where it was not read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A repository as it was at an instant: an attack during or after it changes nothing of it."""

    at: datetime
    """Versions that the store wrote at this instant or before, by its own clock."""
    why: Literal["now", "before-tampering", "asked"] = "now"
    tampering: Phrase = NOTHING
    """What happened to the repository after that instant."""
    objects: int = 0
    """Keys in the view."""
    digest: str = ""
    """SHA-256 over ``key NUL version LF`` of the whole view, in the order of the keys' bytes."""
