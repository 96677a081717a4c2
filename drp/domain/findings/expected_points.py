"""Codes of findings about recovery points that the ledger of expected points knows otherwise."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

POINT_LOST = FindingCode(
    "DRP-L060",
    "critical",
    "a recovery point that was there is gone",
    "The ledger of expected points, which drp keeps outside the repository, knows a recovery point that the repository does not list any more, and nothing accounts for it. The backup tool's own check does not see that: a repository without the point is whole. It is told until somebody accepts it.",
    "find out who removed it: object lock may still hold it. Where it was meant, `drp repo accept`; where retention does it, declare `backup.kept_for`",
)
POINT_ALTERED = FindingCode(
    "DRP-L061",
    "critical",
    "a recovery point is not what it was",
    "A recovery point of the same name was there before, with another content, or could be read then and cannot be now. Backup tools never change a point that is finished. It is told until somebody accepts it.",
    "treat it as tampering until it is explained; compare with another copy of the repository",
)
POINT_AGED = FindingCode(
    "DRP-L062",
    "warning",
    "old recovery points are gone, perhaps by retention",
    "Recovery points that the ledger knows are gone, and younger ones are left. Retention that drops or thins out old points does that, and so does whoever deletes backups; nothing declares how long every point is kept.",
    "declare `backup.kept_for` in the application's file: how long every recovery point is there at least",
)
POINT_BACKDATED = FindingCode(
    "DRP-L063",
    "warning",
    "a recovery point appeared with a date in the past",
    "A recovery point was not there when newer ones were listed, and states an older instant than they do. A copy from another repository does that, and so does whoever plants a point.",
    "find out what wrote it before anybody restores from it",
)
POINTS_FIRST_SEEN = FindingCode(
    "DRP-L064",
    "note",
    "recovery points are seen for the first time",
    "The ledger of expected points knew none of the application in this repository: whether some were removed before cannot be told.",
    "nothing; from now on points that vanish are told",
)
POINTS_TOO_MANY = FindingCode(
    "DRP-L065",
    "warning",
    "more recovery points appeared than the job makes",
    "Since the points were last looked at many more were added than in the same time before. A job that runs away does that, and so does whoever makes retention drop the good ones by adding others.",
    "see what wrote them; retention that counts points drops the oldest for each of them",
)
POINT_BACK = FindingCode(
    "DRP-L066",
    "warning",
    "a recovery point that was gone is back",
    "A recovery point was missed and is there again, as it was. It is told until somebody accepts it.",
    "find out who removed it and who brought it back, then `drp repo accept`",
)
LEDGER_UNREAD = FindingCode(
    "DRP-L067",
    "inconclusive",
    "expected recovery points could not be compared",
    "The ledger of expected points could not be read or written: a point that vanished would not have been seen.",
    "see the words of the error, then run the drill again",
)
POINT_REDATED = FindingCode(
    "DRP-L068",
    "warning",
    "a recovery point states another instant than before",
    "The same recovery point is dated otherwise than when it was first listed. Another way of reading its date does that, such as another time zone in the site's files.",
    "see what was changed in the repository's or the application's file since",
)

EXPECTED_POINTS = (
    POINT_LOST,
    POINT_ALTERED,
    POINT_AGED,
    POINT_BACKDATED,
    POINTS_FIRST_SEEN,
    POINTS_TOO_MANY,
    POINT_BACK,
    LEDGER_UNREAD,
    POINT_REDATED,
)
