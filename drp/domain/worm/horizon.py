"""Until when recovery points can be restored if everybody deletes what can be deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from drp.domain.phrase import NOTHING, Phrase
from drp.domain.worm.attestation import WeakObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """The earliest retain-until over everything that one recovery point depends on."""

    point: str
    consistent_at: datetime
    until: datetime | None
    """None: something that it depends on can be deleted now, or nobody could see that it cannot: see ``unknown``."""
    unknown: Phrase = NOTHING
    """Why it could not be established; nothing: it was."""
    forever: bool = False
    """Everything that it depends on is under legal hold."""
    objects: int = 0
    """Object versions that it depends on: configuration, keys, snapshot, index and packs."""
    size: int = 0
    """Bytes of them."""
    weakest: tuple[WeakObject, ...] = ()
    """Those that end first, no more than twenty."""
    below: int = 0
    """Objects that would have to be extended for the application's ``immutable_for``."""
    below_bytes: int = 0
