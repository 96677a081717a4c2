"""Finding codes about who says what: code that came out of the backup, and what nobody but the restored system says."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

CODE_FIRST_SEEN = FindingCode(
    "DRP-C010",
    "note",
    "restored code is seen for the first time",
    "The backup holds code that answers for the application, and no drill has passed with which it could be compared.",
    "compare the named pieces with what production is known to run; later drills tell what changes",
)
CODE_CHANGED = FindingCode(
    "DRP-C011",
    "warning",
    "restored code is new, or another one",
    "Code in the backup that answers for the application is not what it was when the application last passed a drill.",
    "compare it with the change records; code that nobody knows of may have come with an intruder",
)
NOT_READ_BY_DRP = FindingCode(
    "DRP-C012",
    "inconclusive",
    "nothing but the restored system says so",
    "The plan trusts no restored system, and drp itself has read too little of the restored data to judge it.",
    "add checks that read the restored files (`files`, `dicom`, `sqlite`, dumps), or allow `trust: restored`",
)
WITNESS = (CODE_FIRST_SEEN, CODE_CHANGED, NOT_READ_BY_DRP)
