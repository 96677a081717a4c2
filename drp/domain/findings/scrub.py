"""Codes of findings about stored objects that were read and compared with their names."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

DAMAGED = FindingCode(
    "DRP-L040",
    "critical",
    "stored objects are damaged",
    "Objects of the repository do not hold the bytes that their own names promise, or end before their stated length. Whatever needs them cannot be restored.",
    "copy the repository before anything else is done to it; see which recovery points it breaks (`drp repo scrub` with the key), and take the objects from another copy",
)
UNREAD = FindingCode(
    "DRP-L041",
    "inconclusive",
    "stored objects could not be read",
    "drp could not read objects or folders of the repository: silence, a refusal, or a limit of its own. Nothing is said about them, neither good nor bad.",
    "see the reason, then scrub again: it goes on with what was not read",
)
GONE = FindingCode(
    "DRP-L042",
    "critical",
    "the repository was emptied or cut short",
    "Objects that were there before are gone, and without them nothing, or not everything, can be restored.",
    "treat it as an intrusion unless somebody meant it; in a bucket under Object Lock the versions below are still there (`drp drill run --as-of`)",
)
UNACCOUNTED = FindingCode(
    "DRP-L043",
    "inconclusive",
    "objects are gone, and nothing accounts for it",
    "Packs that were there at the last scrub are gone although no index was written anew, as retention would have done. Without the key nobody can tell whether a recovery point needs them.",
    "scrub once with the key: it tells whether any recovery point needs what is gone",
)
READ_DIFFERENTLY = FindingCode(
    "DRP-L044",
    "warning",
    "an object was damaged and is not any more",
    "The very same object was read and found damaged, and read later and found whole. Storage that answers so cannot be relied on.",
    "look at the disks, the controller and the memory of the place where it is kept",
)
FOREIGN = FindingCode(
    "DRP-L045",
    "warning",
    "there is something in the repository that is not its own",
    "Symlinks, pipes, devices, or names that the backup tool would never give. They were neither followed nor opened.",
    "find out who put it there; what an interrupted backup left can be removed",
)
NOT_NAMED = FindingCode(
    "DRP-L046",
    "inconclusive",
    "objects are not named by their content",
    "This kind of repository does not name its objects by what they hold, so they cannot be checked by their names.",
    "check it by manifests: `drp manifest verify`",
)
AWAY = FindingCode(
    "DRP-L047",
    "inconclusive",
    "the place went away while it was read",
    "A medium was pulled, or the store stopped answering, before everything was read that was to be. What had been read by then counts.",
    "bring it back and scrub again: it goes on where it stopped",
)
NOT_DECODED = FindingCode(
    "DRP-L048",
    "critical",
    "the backup tool cannot decode the repository",
    "The backup tool read everything with the key, and found something that it cannot decrypt, unpack or find.",
    "see what it names; restore from another copy or point",
)
POINTS_MISSED = FindingCode(
    "DRP-L049",
    "critical",
    "recovery points that were there are gone from the repository",
    "The ledger of expected points knows recovery points whose objects are not there any more, and nothing said that they might go.",
    "treat it as an intrusion unless somebody meant it; see `drp repo points`",
)
SCRUB = (DAMAGED, UNREAD, GONE, UNACCOUNTED, READ_DIFFERENTLY, FOREIGN, NOT_NAMED, AWAY, NOT_DECODED, POINTS_MISSED)
