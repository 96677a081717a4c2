"""Codes of findings about repositories in directories and behind append-only servers."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

NOT_HARDENED = FindingCode(
    "DRP-L070",
    "critical",
    "files of recovery points can be deleted",
    "The application asks that nobody can delete its recovery points for a time, and nothing keeps these files from it: no attribute, and no read-only snapshot of their file system.",
    "make the files immutable after each backup (`chattr +i`), and the repository's own folder and `data` once; or snapshot them read-only on a machine of other administrators, or keep them in a bucket under Object Lock",
)
ANYBODY_WRITES = FindingCode(
    "DRP-L071",
    "warning",
    "every user of the machine may write to the repository",
    "Files or folders of the repository may be written to by any account: whoever gets into the machine at all can change or delete the backup.",
    "take the right to write from others (`chmod -R o-w`), and find out why they had it",
)
READER_MAY_WRITE = FindingCode(
    "DRP-L072",
    "warning",
    "the user that runs drp may write to the repository",
    "drp only reads. Whoever takes over its account could change or delete the backup all the same.",
    "let the user that runs drp read the repository and no more",
)
NO_DATE = FindingCode(
    "DRP-L073",
    "critical",
    "protection without a date where compliance is demanded",
    "Attributes and snapshots of a directory hold until root of its machine takes them away, which may be at any time. The site demands compliance, which nobody can lift before its date.",
    "keep the repository in a bucket under Object Lock in compliance mode; or say `worm.mode: governance` where this is enough",
)
SERVER_LETS_GO = FindingCode(
    "DRP-L074",
    "critical",
    "the server deletes or overwrites what it is given",
    "drp tried on files of its own what an append-only server must refuse, looked afterwards, and it had been done. Whoever has the backup job's password can do it to the backup.",
    "start the server append-only (`rest-server --append-only`), keep its disk from the backup job, and probe it again",
)
FILES_LET_GO = FindingCode(
    "DRP-L075",
    "critical",
    "the sacrificial file could be changed or deleted",
    "drp tried on the file that the site names for it what its protection must refuse, and it was done. Files of the backup under the same protection are no safer.",
    "find out what took the protection away (`lsattr`), protect files and folders again, and probe them again",
)
HARDENING_UNDECIDED = FindingCode(
    "DRP-L076",
    "inconclusive",
    "the protection could not be probed",
    "An attempt was neither refused for the protection's sake nor did it succeed: drp's own rights are too few for a refusal to mean anything, or nobody could look afterwards.",
    "let the probe own what it sacrifices, or give it credentials that may do the same to what is not protected",
)
NOT_LISTED = FindingCode(
    "DRP-L077",
    "inconclusive",
    "folders of the repository could not be listed",
    "Nobody knows what is in them, nor whether anything protects it.",
    "let the user that runs drp list the whole repository",
)
HARDENED = (
    NOT_HARDENED,
    ANYBODY_WRITES,
    READER_MAY_WRITE,
    NO_DATE,
    SERVER_LETS_GO,
    FILES_LET_GO,
    HARDENING_UNDECIDED,
    NOT_LISTED,
)
