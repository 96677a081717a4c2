"""Codes of findings about recovery points that are not the drill's own, or no longer there."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

FOREIGN_POINT = FindingCode(
    "DRP-S006",
    "warning",
    "another application's recovery point makes no sense",
    "The repository holds a recovery point of another application whose tags or dates contradict themselves. It cannot hide one of this application's, so this drill goes on without it.",
    "fix the tags in the other application's backup job: a drill of that application would fail",
)
POINT_GONE = FindingCode(
    "DRP-S005",
    "inconclusive",
    "recovery point is gone since it was selected",
    "The recovery point was there when the drill selected it, and was removed from the repository before it was restored. That says nothing about the backup: retention does so, and so does whoever deletes backups.",
    "see whether the retention job ran at that time; if not, find out who removed the point. Keep retention from running during drills and recoveries",
)
PASSED_OVER = FindingCode(
    "DRP-S007",
    "warning",
    "a copy is not finished, or is none that is taken",
    "Something in the repository looks like a recovery point of the application and was passed over: it has no mark of completion, is named as an unfinished copy, or is a link. The drill went on with the points that are whole.",
    "see whether the backup job was running at that time; if not, find out why it did not finish, and remove what it left",
)
SUB_PATH_LACKING = FindingCode(
    "DRP-S008",
    "critical",
    "recovery point lacks the application's path",
    "The application's file names a folder of its recovery points as the application's own, and the chosen point has no such folder, or has nothing in it. No older point was taken instead: the newest backups hold nothing of the application.",
    "see what the backup job backs up; where the folder has another name, correct `backup.sub_path` of the application",
)
POINTS = (FOREIGN_POINT, POINT_GONE, PASSED_OVER, SUB_PATH_LACKING)
