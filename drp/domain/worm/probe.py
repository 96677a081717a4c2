"""What a store answered when drp tried what must be refused, and what that shows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drp.domain.findings.finding import Finding
from drp.domain.phrase import Phrase

Attempt = Literal[
    "delete-version",
    "delete-batch",
    "delete-marker",
    "overwrite",
    "shorten-retention",
    "remove-retention",
    "downgrade-mode",
    "bypass-governance",
    "suspend-versioning",
    "change-default-retention",
    "remove-lock-configuration",
    "add-lifecycle",
    "change-policy",
    "delete-file",
    "write-file",
    "rename-file",
    "change-file-mode",
]
Came = Literal["refused", "succeeded", "ignored", "undecided", "not-probed"]
Ground = Literal["", "lock", "rights"]
THROUGH: frozenset[Came] = frozenset({"succeeded", "ignored"})
"""What shows that a lock does not hold, or that the store cannot be believed."""

OF_BUCKETS: frozenset[Attempt] = frozenset(
    {
        "suspend-versioning",
        "change-default-retention",
        "remove-lock-configuration",
        "add-lifecycle",
        "change-policy",
    }
)
"""What concerns a whole bucket, and is tried on a scratch bucket alone."""

_OF_BUCKETS_CODE = "DRP-L027"
"""Of findings about objects to come, which say nothing of those that are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One attempt, and what came of it: of what was there afterwards, whatever the store answered."""

    attempt: Attempt
    came: Came
    """refused: what was locked is as it was. succeeded: it is not. ignored: it is, and the store said that it did as
    asked. undecided: the store did not look at it, or nobody could look afterwards."""
    by: str = ""
    """Whose credentials: reader, probe, or writer."""
    answer: str = ""
    """The refusal as the store said it: status, code and request; empty where there was none."""
    why: Phrase | None = None
    """Why it was not tried, or is undecided, or what else is to be known of it."""
    bypass: bool = False
    """Whether it asked to bypass governance."""
    ground: Ground = ""
    """Of what was refused. lock: the same keys can do the same where no lock forbids it, as was shown in the same run.
    rights: they cannot, which says nothing of the lock. Empty: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """All attempts on one repository."""

    at: datetime
    """By this machine's clock."""
    subject: str
    """The sacrificial object, by key and version."""
    retained_until: datetime | None
    """Until when it stays, by the store's clock; the next run after that removes it."""
    tried: tuple[Tried, ...]
    findings: tuple[Finding, ...] = ()
    mode: str = ""
    """The mode that it was locked in: compliance or governance; ``files`` of a directory, ``server`` over REST."""
    left: tuple[str, ...] = ()
    """What earlier runs have left and could not be removed, by key and version; no more than twenty."""
    clock_ahead_ms: int | None = None
    """By how much this machine's clock was ahead of the store's."""
    broken_at: datetime | None = None
    """When something last came through, in this probe or an earlier one; a later one that holds does not undo it."""

    @property
    def broken(self) -> bool:
        """Return whether a lock was shown not to hold: something came through, was not set, or is gone."""
        return any(each.severity == "critical" and each.code != _OF_BUCKETS_CODE for each in self.findings)

    @property
    def proven(self) -> bool:
        """Return whether the lock itself has refused all that it has to, and nothing came through.

        What was tried on a whole bucket is not counted: it concerns objects to come, and is a finding of its own.
        """
        if any(each.came in THROUGH and each.attempt not in OF_BUCKETS for each in self.tried):
            return False
        held = {each.attempt for each in self.tried if each.came == "refused" and each.ground == "lock"}
        return needed_of(self.mode) <= held


def needed_of(mode: str) -> frozenset[Attempt]:
    """Return the attempts that the lock, or what protects files, has to refuse before anything is called probed."""
    if mode == "server":
        return frozenset({"delete-file", "write-file"})
    if mode == "files":
        return frozenset({"delete-file", "write-file", "rename-file", "change-file-mode"})
    common: frozenset[Attempt] = frozenset(
        {"delete-version", "delete-batch", "overwrite", "shorten-retention", "remove-retention"}
    )
    return common if mode == "governance" else common | {"downgrade-mode"}
