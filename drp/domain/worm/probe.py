"""What a store answered when drp tried what must be refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drp.domain.findings.finding import Finding
from drp.domain.phrase import Phrase

Attempt = Literal[
    "delete-version",
    "overwrite",
    "shorten-retention",
    "downgrade-mode",
    "bypass-governance",
    "suspend-versioning",
    "change-default-retention",
    "change-policy",
    "delete-file",
    "write-file",
]
Came = Literal["refused", "succeeded", "undecided", "not-probed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One attempt, and what came of it."""

    attempt: Attempt
    came: Came
    """Only what was refused for the lock's sake is refused: a lost connection, or a missing right, is undecided."""
    by: str = ""
    """Whose credentials: reader, probe, or writer."""
    answer: str = ""
    """The refusal as the store said it: status and code; empty where there was none."""
    why: Phrase | None = None
    """Why it was not tried, or is undecided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """All attempts on one repository."""

    at: datetime
    subject: str
    """The sacrificial object, by key and version."""
    retained_until: datetime | None
    """Until when it stays; it is removed afterwards."""
    tried: tuple[Tried, ...]
    findings: tuple[Finding, ...] = ()
