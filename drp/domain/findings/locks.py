"""Codes of findings about the locks that recovery points depend on, as the store shows them."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

NOT_LOCKED = FindingCode(
    "DRP-L001",
    "critical",
    "objects of recovery points are not locked",
    "Objects that a recovery point cannot be restored without have no lock: whoever holds the backup job's key can delete them for good.",
    "give the bucket a default retention in compliance mode, and lock what is there already: `drp repo horizon` names it",
)
ONLY_GOVERNANCE = FindingCode(
    "DRP-L002",
    "critical",
    "locks are in governance mode where compliance is demanded",
    "A governance lock is lifted by whoever holds s3:BypassGovernanceRetention, administrators among them. The site demands compliance.",
    "write backups in compliance mode; or say `worm.mode: governance` where that is enough, and keep the right to bypass from everybody",
)
ENDS_EARLY = FindingCode(
    "DRP-L003",
    "critical",
    "locks end before the application's policy lets them",
    "The application declares for how long nobody may be able to delete anything of a recovery point, and objects that it needs can be deleted earlier: deduplicating backups go on using old objects whose lock has run out, or is about to.",
    "extend the retention of the objects (`drp repo horizon`), and renew it with every backup that uses old ones",
)
ODD_LOCK = FindingCode(
    "DRP-L004",
    "critical",
    "locks that nobody knows",
    "The store tells a mode that drp does not know, or a lock without its date. Nobody can say that such a lock holds, so it counts as none.",
    "see what wrote the objects, and whether the store keeps S3 Object Lock as documented",
)
HIDDEN = FindingCode(
    "DRP-L005",
    "warning",
    "something newer lies over a locked version",
    "An object was written again with other content since it was first written, and whoever reads by name gets the newer version. Backup tools write each of their objects once.",
    "find out who wrote it; the first version is still in the bucket, and `drp drill run --as-of` reads it",
)
MARKED_DELETED = FindingCode(
    "DRP-L006",
    "critical",
    "delete markers hide objects of recovery points",
    "Somebody deleted objects that a recovery point needs. The locked versions are still there, but whoever reads by name finds nothing.",
    "treat it as an intrusion unless retention did it; the locked versions can be read as of an instant before",
)
VERSIONING_OFF = FindingCode(
    "DRP-L007",
    "warning",
    "versioning of the bucket is not on",
    "Object lock protects versions. Where versioning is suspended, what is written from now on replaces what is there and gets no lock.",
    "switch versioning on again, and find out who suspended it",
)
LIFECYCLE_HIDES = FindingCode(
    "DRP-L008",
    "warning",
    "a lifecycle rule deletes what backups need",
    "The bucket has a rule that expires current objects by their age, whether a recovery point still needs them or not: it puts delete markers over old packs.",
    "remove the rule; let the backup tool's own retention delete, and let rules expire noncurrent versions alone",
)
BYPASS_HELD = FindingCode(
    "DRP-L009",
    "critical",
    "governance locks can be bypassed",
    "The bucket's policy grants s3:BypassGovernanceRetention, and the locks are in governance mode.",
    "take the right away from everybody, or write backups in compliance mode",
)
LOCKS_UNKNOWN = FindingCode(
    "DRP-L010",
    "inconclusive",
    "locks could not be observed",
    "Nobody could see whether the recovery point is locked: the key lacks the right to look, or the store did not answer. What was not seen is not taken to be locked.",
    "grant what the finding names (`drp repo policy` prints the least rights), or look again",
)
LOCK_SHORTENED = FindingCode(
    "DRP-L011",
    "critical",
    "a compliance lock became shorter",
    "drp has seen a later date on an object version in compliance mode than the store tells now. Such a date can only grow: either the store lets locks be shortened, or somebody changed what drp remembers.",
    "find out who changed the lock, or the files below drp's cache directory; do not rely on this store until `drp repo worm --probe` was refused everything",
)
LOCKED_GONE = FindingCode(
    "DRP-L012",
    "critical",
    "locked versions are gone",
    "drp has seen object versions locked in compliance mode until a date that is still to come, and they are not in the bucket any more. The store does not keep its locks.",
    "find out who removed them; do not rely on this store, and restore from another copy",
)
ENDS_BEFORE_DRILL = FindingCode(
    "DRP-L013",
    "warning",
    "locks end before the next drill",
    "Objects of the recovery point can be deleted before the next drill would show that they are gone.",
    "lock for longer than the time from one drill to the next, or drill more often",
)
FACTS_NOT_SEEN = FindingCode(
    "DRP-L014",
    "note",
    "not everything about the bucket was seen",
    "The key may not read some of what a bucket says of itself. It is not known, and not taken to be harmless.",
    "grant the rights that the finding names to the reading key: `drp repo policy` prints them",
)
LOCKS = (
    NOT_LOCKED,
    ONLY_GOVERNANCE,
    ENDS_EARLY,
    ODD_LOCK,
    HIDDEN,
    MARKED_DELETED,
    VERSIONING_OFF,
    LIFECYCLE_HIDES,
    BYPASS_HELD,
    LOCKS_UNKNOWN,
    LOCK_SHORTENED,
    LOCKED_GONE,
    ENDS_BEFORE_DRILL,
    FACTS_NOT_SEEN,
)
