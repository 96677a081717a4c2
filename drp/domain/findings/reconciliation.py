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
OLD_REFERENCE_DANGLING = FindingCode(
    "DRP-A007",
    "critical",
    "old reference between applications dangles",
    "More keys than the plan tolerates lead nowhere, and their records are older than the state that was restored. They dangled in production already, or rows are missing from the backup.",
    "look at the listed records in production: correct them there, declare `where` or an exception with its reason, or find out what deletes rows",
)
KEYS_OF_STRANGE_FORM = FindingCode(
    "DRP-A008",
    "inconclusive",
    "keys of a form that the other application never uses",
    "The keys that dangle are written in a way in which no key of the other application is, so a comparison says nothing: a prefix, zeros, another case, or records of another hospital.",
    "declare `normalise` so that both forms are the same, `where` so that such records do not count, or an exception",
)
UNDATED_REFERENCE_DANGLING = FindingCode(
    "DRP-A009",
    "inconclusive",
    "undated references between applications dangle",
    "References dangle within what the plan tolerates, and their records have no date: nobody can tell whether the restore lost them. A tolerance never covers what is newer than the recovery points.",
    "let the reader give `at`, the instant of each record",
)
EXCEPTION_OUT_OF_DATE = FindingCode(
    "DRP-A010",
    "warning",
    "declared exception has expired or fits nothing",
    "An exception for keys that dangle has expired, so it no longer counts, or no key fits it.",
    "have its owner look at it again: renew it with a reason, or remove it",
)
RECONCILIATION = (
    REFERENCE_DANGLING,
    REFERENCE_TOLERATED,
    PATIENT_MISMATCH,
    IDENTIFIER_REISSUED,
    RECONCILIATION_UNDETERMINED,
    APPLICATIONS_DISAGREE,
    OLD_REFERENCE_DANGLING,
    KEYS_OF_STRANGE_FORM,
    UNDATED_REFERENCE_DANGLING,
    EXCEPTION_OUT_OF_DATE,
)
