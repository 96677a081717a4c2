"""Codes of findings about the functional sign-off."""

from __future__ import annotations

from drp.domain.finding_code import FindingCode

SIGN_OFF_REFUSED = FindingCode(
    "DRP-B001",
    "critical",
    "business referent refused the application",
    "Technical checks passed, but the business referent went through the checklist and a step did not show what it must.",
    "see the step and its comment; people could not have worked with this application",
)
SIGN_OFF_MISSING = FindingCode(
    "DRP-B002",
    "inconclusive",
    "nobody signed the application off",
    "The plan asks for the sign-off of a business referent, and no acceptable answer came before the deadline.",
    "invite the referent to the drill, and answer with `drp drill sign-off latest` while it waits",
)
SIGN_OFF_UNSIGNED = FindingCode(
    "DRP-B003",
    "note",
    "sign-off without a signature",
    "The checklist names no allowed signers, so whoever could write into the site's state directory could have answered.",
    "keep the referents' public keys in a file and name it as `sign_off.allowed_signers`",
)
WRT_MISSED = FindingCode(
    "DRP-T005",
    "critical",
    "work recovery time objective missed",
    "From the moment the technical checks passed, the business needed longer than allowed to say that people can work.",
    "rehearse the checklist, shorten it, or have the referent at hand when the application comes up",
)
SIGN_OFF = (SIGN_OFF_REFUSED, SIGN_OFF_MISSING, SIGN_OFF_UNSIGNED, WRT_MISSED)
