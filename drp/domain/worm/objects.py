"""Objects of a store, version by version, and what locks them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectVersion:
    """One version of one object, or one delete marker."""

    key: str
    """Below the repository's own prefix."""
    version: str
    size: int
    """Bytes."""
    modified: datetime
    """By the store's clock, UTC, in whole seconds on most of them."""
    latest: bool
    marker: bool
    """A delete marker: it hides the versions below it, and removes none."""
    etag: str = ""
    """As the store says it: the same for the same bytes; another one for the same bytes where it encrypts them anew.
    Empty: not told, or a marker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLock:
    """What protects one object version."""

    mode: str
    """compliance, governance, none, or whatever else the store says."""
    until: datetime | None
    """UTC."""
    legal_hold: bool
