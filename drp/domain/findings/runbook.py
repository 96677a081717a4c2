"""Codes of findings about what a runbook saw while it brought an application back."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

RESTORED_UNUSED = FindingCode(
    "DRP-U003",
    "inconclusive",
    "restored files were not used",
    "A folder that the application's file declares holds something that the runbook could not use or read, so what it holds may be missing from the restored application.",
    "find out what the files are: back them up in a form that the runbook reads, or keep them out of the declared folder",
)
FILES_BESIDE = FindingCode(
    "DRP-U004",
    "warning",
    "declared folder holds other files",
    "A folder that the application's file declares holds files that are none of its kind. They were left alone.",
    "see whether the backup job puts them there on purpose",
)
HELD_BACK = FindingCode(
    "DRP-U005",
    "note",
    "held back during the drill",
    "The restored application would have done this by itself: run jobs, send, connect. The drill kept it from doing so, so nobody knows whether it would work.",
    "in a real recovery, decide for each when it may run again",
)
SETTING_OVERRIDDEN = FindingCode(
    "DRP-U006",
    "warning",
    "restored setting was overridden",
    "A setting that came with the backup would have steered the recovery or silenced a check. The drill used its own value.",
    "see why production has it: left as it is, a real recovery would obey it",
)
NOTICES_MALFORMED = FindingCode(
    "DRP-U007",
    "inconclusive",
    "runbook's notices cannot be read",
    "The runbook handed over what it saw in a form that drp does not know, so something may have gone unsaid.",
    "see runbooks/README.md for the form of drp_notices",
)
LOG_BREAKS_OFF = FindingCode(
    "DRP-U008",
    "warning",
    "log breaks off in the middle of an entry",
    "The newest file of the log ends inside an entry, as that of a log that is copied while it is written. Whatever was written behind it is not in the backup.",
    "nothing, if the newest data are as new as they have to be; otherwise see how the log is copied",
)
RUNBOOK = (RESTORED_UNUSED, FILES_BESIDE, HELD_BACK, SETTING_OVERRIDDEN, NOTICES_MALFORMED, LOG_BREAKS_OFF)
