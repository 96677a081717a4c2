"""Codes of findings about the horizon: until when a recovery point can be restored, over everything that it needs."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

NEEDS_DELETABLE = FindingCode(
    "DRP-L030",
    "critical",
    "a recovery point needs objects whose lock has ended",
    "The recovery point's own object is still locked, and objects that it cannot be restored without are not any more: deduplicating backups go on using old objects, whose lock was set when they were written. Whoever holds the backup job's key can make the point unusable.",
    "extend what `drp repo horizon` names, and renew the retention of old objects with every backup that uses them",
)
ENDS_BEFORE_OWN = FindingCode(
    "DRP-L031",
    "warning",
    "a recovery point needs objects whose lock ends before its own",
    "The recovery point's own object is locked for longer than objects that it cannot be restored without. What other tools show as its retention is longer than what it is worth.",
    "extend what `drp repo horizon` names before that, and renew the retention of old objects with every backup",
)
HORIZON_UNKNOWN = FindingCode(
    "DRP-L032",
    "note",
    "nobody could tell until when the recovery point can be restored",
    "Which objects the recovery point needs, or what locks them, could not be established. It is not taken to be safe for longer than was seen.",
    "see why with `drp repo horizon`",
)

HORIZON = (NEEDS_DELETABLE, ENDS_BEFORE_OWN, HORIZON_UNKNOWN)
