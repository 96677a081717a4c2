"""Codes of findings about the instant, and the object versions, that a drill is bound to."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

TAMPERED = FindingCode(
    "DRP-L050",
    "critical",
    "repository was emptied or overwritten",
    "Whoever restores by name from this repository finds nothing, or what somebody else put there. The versions below are still in the bucket: the drill restored from them, as they were at the last good instant, and measured how long that takes. What was backed up since is not in it.",
    "treat it as an intrusion: withdraw the key that writes backups, keep the bucket as it is, and recover from the instant that the drill names (`drp drill run --as-of`)",
)
VERSION_GONE = FindingCode(
    "DRP-L051",
    "critical",
    "a pinned object version is gone",
    "The version was in the bucket when the drill was bound to it, and was not there when it was read. Nothing says that it was damaged: somebody can delete versions for good, so it was not locked.",
    "find out who deleted it, and lock what recovery points depend on (`drp repo worm`)",
)
NOT_PINNED = FindingCode(
    "DRP-L052",
    "warning",
    "the drill is not bound to object versions",
    "The bucket keeps versions, and the key that drp reads with may not list them, or not all of it. The drill read what it found by name, which an attack during the drill would have changed.",
    "give the reader s3:ListBucketVersions, s3:GetObjectVersion and s3:GetBucketVersioning (`drp repo policy`)",
)
UNSTEADY = FindingCode(
    "DRP-L053",
    "inconclusive",
    "listings of the bucket differ",
    "Two listings of the same versions, one right after the other, do not name the same: something was deleted for good meanwhile, or the store does not list everything. The drill may have passed over a recovery point.",
    "run the drill again; where it happens again, find out who deletes versions, or ask who runs the store",
)
DATED_AHEAD = FindingCode(
    "DRP-L054",
    "warning",
    "the store dates versions later than it tells the time",
    "The drill is bound to the store's own time, and the store has versions that it dates later than that. They are not in the view, and newer recovery points may be among them.",
    "bring the clocks of the store's machines together, also of what stands in front of them",
)
ALTERED = FindingCode(
    "DRP-L055",
    "critical",
    "bytes of a pinned version are not what its name says",
    "restic names its objects by the SHA-256 of their bytes. The store gave other bytes for the very version that the drill is bound to: it rots, or somebody changed it below the lock.",
    "replace the object from another copy (`drp repo scrub` finds the others), and find out what changed it",
)
PERHAPS_TAMPERED = FindingCode(
    "DRP-L056",
    "warning",
    "repository was possibly overwritten",
    "Objects that restic writes once have a second version with other content. There are innocent reasons, such as a repository that was brought to a newer format. The drill restored what is there now.",
    "ask who wrote them; `drp drill run --as-of` restores from before",
)
READ_BELOW = FindingCode(
    "DRP-L057",
    "critical",
    "objects were read from below what hides them",
    "A delete marker, or a version with other bytes, lies over an object that the recovery point needs: whoever restores by name misses it. The version below has the bytes that its name says, and the drill restored from it.",
    "treat it as an intrusion: withdraw the key that writes backups, and recover from a view of the versions (`drp drill run`)",
)
PINNED = (TAMPERED, VERSION_GONE, NOT_PINNED, UNSTEADY, DATED_AHEAD, ALTERED, PERHAPS_TAMPERED, READ_BELOW)
