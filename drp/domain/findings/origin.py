"""Codes of findings about where a manifest comes from: only one that was made of what was backed up proves anything."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

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
    "The manifest was made of another folder than the one that the recovery point holds, or of one that lacks the folder that is the application's own.",
    "make the manifest of the tree that is backed up; where the job reads it elsewhere (an LVM snapshot), declare `backup.moved_roots` for the application",
)
MANIFEST_OTHER_HOST = FindingCode(
    "DRP-H014",
    "inconclusive",
    "manifest was made on another host",
    "The manifest was made neither on the host that the recovery point names, nor on one that the application's file declares, nor on the drill host itself. Whether it saw what was backed up is unknown.",
    "find out who made the manifest; where the host has another name, or names that change, declare `backup.manifest_hosts` for the application",
)
NOTHING_DRAWN = FindingCode(
    "DRP-H015",
    "inconclusive",
    "manifest has no file that a sample could draw",
    "The drill restores a sample of the files that the manifest names, and it names none. Nothing was restored, so nothing is shown.",
    "see whether the manifest was made of the right folder; folders and links alone are compared by a drill of level hash",
)
ORIGIN = (MANIFEST_MALFORMED, MANIFEST_DAMAGED, MANIFEST_LATE, MANIFEST_ELSEWHERE, MANIFEST_OTHER_HOST, NOTHING_DRAWN)
