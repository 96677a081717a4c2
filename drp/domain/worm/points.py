"""The ledger of expected recovery points: which ones existed, kept outside the repository."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from drp.domain.phrase import NOTHING, Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedPoint:
    """A recovery point that was there."""

    application: str
    point: str
    consistent_at: datetime
    mark: str = ""
    """What tells its content from another one under the same name, such as the digest in its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostPoint:
    """A recovery point that was there and is not any more, or is another one."""

    application: str
    point: str
    altered: bool = False
    allowed: Phrase = NOTHING
    """What accounts for it, such as the application's retention; nothing: nobody said that it might go."""
