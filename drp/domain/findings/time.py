"""Codes of findings about clocks, and about when the newest recovery point was made."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

RTO_UNDETERMINED = FindingCode(
    "DRP-T006",
    "inconclusive",
    "recovery time actual cannot be told",
    "The machine was restarted during the drill, and neither a time server nor the repository's own clock confirms its clock before and after.",
    "let the drill host follow a time server, then run the drill again",
)
CLOCKS_APART = FindingCode(
    "DRP-T007",
    "warning",
    "clock departs from another one",
    "This machine's clock disagrees with the repository's, or with what the journal has seen already. The recovery point actual is wider by as much.",
    "let the drill host and the repository follow a time server",
)
NEWEST_POINT_OLD = FindingCode(
    "DRP-S004",
    "warning",
    "newest recovery point is older than the objective",
    "The plan's disaster is an instant in the past. Had it happened when the drill was declared, more would have been lost than the objective allows, whatever this drill measured.",
    "see whether the backup job still runs, and say `disaster_at: now` in the plan",
)
WAITED_FOR_ITS_TURN = FindingCode(
    "DRP-T008",
    "inconclusive",
    "recovery waited for its turn",
    "The application was usable later than its objective allows, but not if it had begun with the others: the drill host carries fewer recoveries at the same time. That says nothing about the backup, and proves no recovery time.",
    "drill fewer applications at once, raise `parallel` in the drill's file, or use a larger drill host",
)
WAITED_FOR_APPROVAL = FindingCode(
    "DRP-T009",
    "inconclusive",
    "recovery waited to be approved",
    "The application was usable later than its objective allows, but not if the drill had been approved at once. That says nothing about the backup, and proves no recovery time.",
    "have an approver at hand when the drill is declared, or hold it at an hour when one is",
)
CAPPED = FindingCode(
    "DRP-T010",
    "inconclusive",
    "recovery was slowed by a cap of the site",
    "The application was usable later than its objective allows, and the restore was let read only so fast, for the sake of others. Without the cap it may have been in time: that says nothing about the backup, and proves no recovery time.",
    "raise `limits.download` of the repository or of the site, or drill at an hour when nobody else needs the link",
)
CAP_NOT_IN_FORCE = FindingCode(
    "DRP-R005",
    "warning",
    "a cap could not be set",
    "The site lets drills read only so fast, or take only so much of the machine, and what restores or isolates cannot be told so: it took what it could get.",
    "cap it where the network or the storage can, or drill at an hour when nobody else needs them",
)
TIME = (
    RTO_UNDETERMINED,
    WAITED_FOR_ITS_TURN,
    WAITED_FOR_APPROVAL,
    CAPPED,
    CAP_NOT_IN_FORCE,
    CLOCKS_APART,
    NEWEST_POINT_OLD,
)
