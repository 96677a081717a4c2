"""Codes of findings about where a manifest comes from: only one that was made of what was backed up proves anything."""

from __future__ import annotations

from drp.domain.finding_code import FindingCode

MANIFEST_MALFORMED = FindingCode(
    "DRP-H010",
    "inconclusive",
    "recovery point does not name one manifest",
    "The recovery point has a tag that is meant to name its manifest, and that names none or several. Which manifest was made with it cannot be told, which is not the same as that there was none.",
    "look at how the backup job tags the recovery point: `drp-manifest=` and the 64 hex digits that `drp manifest create` printed, once",
)
MANIFEST_DAMAGED = FindingCode(
    "DRP-H011",
    "inconclusive",
    "manifest kept here cannot be believed",
    "The manifest that the recovery point names is there, and its bytes are not the ones that were named: damaged, or replaced. That says nothing about the backup.",
    "bring the manifest back from a copy; where nobody can explain the change, treat it as tampering",
)
MANIFEST_LATE = FindingCode(
    "DRP-H012",
    "inconclusive",
    "manifest is younger than the backup",
    "The manifest was finished after the backup began. Whatever was damaged or lost before that is in the manifest as if it belonged there, so it proves nothing.",
    "make the manifest before the backup; where only clocks differ, declare `backup.clock_skew` for the application",
)
MANIFEST_ELSEWHERE = FindingCode(
    "DRP-H013",
    "inconclusive",
    "manifest is of another tree",
    "The manifest was made of another folder than the one that the recovery point holds.",
    "make the manifest of the tree that is backed up; where the job reads it elsewhere (an LVM snapshot), declare `backup.moved_roots` for the application",
)
MANIFEST_OTHER_HOST = FindingCode(
    "DRP-H014",
    "warning",
    "manifest was made on a host of another name",
    "The manifest and the recovery point name different hosts. A host can have several names, so the files were compared.",
    "declare `backup.manifest_hosts` for the application: a manifest of any other host is refused then",
)
MANIFEST_HOST_REFUSED = FindingCode(
    "DRP-H015",
    "inconclusive",
    "manifest was made on a host that is not declared",
    "The application's file declares on which hosts its manifests are made, and this one comes from another.",
    "find out who made the manifest; correct `backup.manifest_hosts` if that host is meant",
)
ORIGIN = (
    MANIFEST_MALFORMED,
    MANIFEST_DAMAGED,
    MANIFEST_LATE,
    MANIFEST_ELSEWHERE,
    MANIFEST_OTHER_HOST,
    MANIFEST_HOST_REFUSED,
)
