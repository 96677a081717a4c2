"""Codes of findings that are about several applications at once."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

REFERENCE_DANGLING = FindingCode(
    "DRP-A001",
    "critical",
    "reference between applications dangles",
    "Another application holds keys of records that this application does not have: results without orders, studies without requests. Each application for itself may be in perfect health.",
    "roll the applications to the common instant where the report names one, or enter the listed records again before anybody works",
)
REFERENCE_TOLERATED = FindingCode(
    "DRP-A002",
    "warning",
    "few references between applications dangle",
    "References dangle, and no more of them than the plan tolerates.",
    "have the listed records entered again",
)
PATIENT_MISMATCH = FindingCode(
    "DRP-A003",
    "critical",
    "record belongs to another patient elsewhere",
    "Two applications hold the same key for different patients. Results or images would be shown under the wrong name.",
    "do not let clinicians use these records; find out which application is wrong, beginning with the listed keys",
)
IDENTIFIER_REISSUED = FindingCode(
    "DRP-A004",
    "critical",
    "numbers in use would be issued again",
    "The next number that the restored application issues is in use already, here or in another application: new orders would be mixed up with those of other patients.",
    "move the sequence past the highest number in use before anybody works with the application",
)
RECONCILIATION_UNDETERMINED = FindingCode(
    "DRP-A005",
    "inconclusive",
    "applications could not be compared",
    "Records that are needed could not be read completely, or there was nothing to compare, so nobody knows whether the applications agree.",
    "see what was observed; fix the application, the query or its time limit, and run the drill again",
)
APPLICATIONS_DISAGREE = FindingCode(
    "DRP-A006",
    "note",
    "applications were restored to different states",
    "The applications do not agree as they were restored. This is what each would have to do to agree with the others.",
    "in a real recovery, roll each application to the common instant that is named, where it can be rolled",
)
RECONCILIATION = (
    REFERENCE_DANGLING,
    REFERENCE_TOLERATED,
    PATIENT_MISMATCH,
    IDENTIFIER_REISSUED,
    RECONCILIATION_UNDETERMINED,
    APPLICATIONS_DISAGREE,
)
