"""Finding codes about what was tried on locks: what came through, what was undecided, what a store said and did not do."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

LOCK_BROKEN = FindingCode(
    "DRP-L020",
    "critical",
    "the store let through what its lock forbids",
    "drp tried on an object of its own what must be refused while it is locked, looked afterwards, and it had been done. Whoever holds such keys can do it to the backup.",
    "take it that the backup can be deleted; ask the store's maker, take the right to bypass from the keys, and keep a copy offline until the probe is refused",
)
ANSWER_UNTRUE = FindingCode(
    "DRP-L021",
    "critical",
    "the store says that it did what it did not do",
    "The store answered an attempt on a lock with success, and the locked object is as it was. What such a store says of locks cannot be believed.",
    "ask the store's maker; look again later whether the object is still there, since it may be deleted with delay",
)
LOCK_NOT_SET = FindingCode(
    "DRP-L022",
    "critical",
    "the bucket takes no lock",
    "An object with a retention of its own could not be made, or was made without it. Objects of a backup are no better protected there.",
    "move the repository to a bucket that was made with object lock",
)
PROBE_UNDECIDED = FindingCode(
    "DRP-L023",
    "inconclusive",
    "locks could not be probed",
    "An attempt was neither refused for the lock's sake nor did it succeed: the store did not answer, or the keys have too few rights for a refusal to mean anything.",
    "give the probe's keys the rights that `drp repo policy NAME --for probe` prints, and run it again",
)
READER_WRITES = FindingCode(
    "DRP-L024",
    "warning",
    "the keys that drp reads with may change things",
    "With the keys of the reader the store took what only a writer needs. Locked versions stayed; whoever takes these keys can still hide or overwrite objects.",
    "give drp the rights that `drp repo policy NAME --for reader` prints, and no others",
)
PROBE_VANISHED = FindingCode(
    "DRP-L025",
    "critical",
    "a locked object is gone before its retention ended",
    "The object of an earlier probe was locked until a time that has not come yet, and is not there any more.",
    "take it that locks of this store do not hold; find out in its log who deleted it, and below which interface",
)
PROBE_LEFT = FindingCode(
    "DRP-L026",
    "note",
    "the probe's own objects could not be removed",
    "Objects that earlier probes made are not locked any more, and could not be deleted.",
    "delete what is named below `drp-probe/`; the probe's keys need s3:DeleteObjectVersion there",
)
SETTING_CHANGED = FindingCode(
    "DRP-L027",
    "critical",
    "keys could change what protects a bucket",
    "On the scratch bucket the store took a change of what protects objects to come. drp put it back, or says that it could not.",
    "take the rights to change buckets from these keys; nobody needs them for backups",
)
BROKEN_BEFORE = FindingCode(
    "DRP-L028",
    "warning",
    "an earlier probe was let through",
    "The lock held when it was last probed, and it had not held before. A later success does not undo that, and does not tell what changed.",
    "find out what was changed at the store between the two, and what could be deleted until then",
)
PROBE = (
    BROKEN_BEFORE,
    LOCK_BROKEN,
    ANSWER_UNTRUE,
    LOCK_NOT_SET,
    PROBE_UNDECIDED,
    READER_WRITES,
    PROBE_VANISHED,
    PROBE_LEFT,
    SETTING_CHANGED,
)
