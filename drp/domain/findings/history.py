"""Codes of findings about what an earlier backup held and this one does not."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

FELL_TO_NOTHING = FindingCode(
    "DRP-C005",
    "warning",
    "something vanished before the backup was made",
    "An earlier backup held it, as a drill that passed has shown, and this one holds none of it. The backup is a true copy of a system that had lost it already.",
    "ask who emptied it and keep the earlier backup; if it was on purpose, accept it once in the application's file",
)
SHRANK = FindingCode(
    "DRP-C006",
    "critical",
    "something that never shrinks became less before the backup was made",
    "The application says that this only grows, and an earlier backup held more of it, as a drill that passed has shown.",
    "keep the earlier backup and find out what was deleted; if it was on purpose, accept it once in the application's file",
)
FALL_ACCEPTED = FindingCode(
    "DRP-C007",
    "note",
    "an intended deletion was accepted",
    "Somebody has put their name to it that this became less on purpose, once. A later fall is told again.",
    "nothing to do; take it out of the application's file after the next passed drill",
)
EARLIER_UNREADABLE = FindingCode(
    "DRP-C008",
    "warning",
    "an earlier drill cannot be read",
    "What this backup holds was not compared with what that drill saw.",
    "look at it with `drp drill show` and `drp evidence`; restore the journal from its copy",
)
NOT_COUNTED = FindingCode(
    "DRP-C009",
    "inconclusive",
    "what never shrinks was not counted",
    "The application says that something only grows, and nothing in the facts of this backup is called so. Nobody can tell whether it became less.",
    "compare the pattern with the counts in the manifest's facts (`drp manifest show`), and make facts of all that it names",
)
HISTORY = (FELL_TO_NOTHING, SHRANK, FALL_ACCEPTED, EARLIER_UNREADABLE, NOT_COUNTED)
