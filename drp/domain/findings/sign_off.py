"""Codes of findings about the functional sign-off."""

from __future__ import annotations

from drp.domain.findings.finding_code import FindingCode

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
SIGN_OFF_OTHER_NAME = FindingCode(
    "DRP-B004",
    "warning",
    "signed under another name",
    "The signature is that of an allowed signer, but the name under the answer is not the one that is declared for "
    "this signer, or, where none is declared, not one that the signer's principal says.",
    "ask the signer whose word this is; declare who signs, and by what name, as `sign_off.principals`",
)
WRT_MISSED = FindingCode(
    "DRP-T005",
    "critical",
    "work recovery time objective missed",
    "From the moment the technical checks passed, the business needed longer than allowed to say that people can work.",
    "rehearse the checklist, shorten it, or have the referent at hand when the application comes up",
)
SIGN_OFF = (SIGN_OFF_REFUSED, SIGN_OFF_MISSING, SIGN_OFF_UNSIGNED, SIGN_OFF_OTHER_NAME, WRT_MISSED)
