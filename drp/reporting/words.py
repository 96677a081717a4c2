"""The words for every value that the domain may hold, ready for translation, with the tone that goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from drp.domain.phrase import Phrase, say

Tone = Literal["good", "bad", "doubt", "plain"]
"""How something is to be taken. Reports show it by a word and a mark, and only then by a colour."""

TONE_COLOURS: dict[Tone, str] = {"good": "#17693f", "bad": "#a8201a", "doubt": "#8a5200", "plain": "#4a5460"}
"""Of tones, dark enough on their grounds and on white."""

VERDICTS: Mapping[str, Phrase] = {
    "passed": say("Passed"),
    "failed": say("Failed"),
    "inconclusive": say("Inconclusive"),
    "aborted": say("Aborted"),
}
VERDICT_MEANINGS: Mapping[str, Phrase] = {
    "passed": say("Every application came back within its objectives, and all that was looked at is as expected."),
    "failed": say("The recovery was exercised, and what came back is not what is needed."),
    "inconclusive": say("Something could not be judged. What is not proven does not count as passed."),
    "aborted": say("The drill was stopped before its end. It proves nothing about what it did not reach."),
}
STANDINGS: Mapping[str, Phrase] = {
    "passed": say("Passed"),
    "failed": say("Failed"),
    "inconclusive": say("Inconclusive"),
    "not-reached": say("Not reached"),
}
"""How one application stands by itself."""
STANDING_TONES: Mapping[str, Tone] = {
    "passed": "good",
    "failed": "bad",
    "inconclusive": "doubt",
    "not-reached": "plain",
}
VERDICT_TONES: Mapping[str, Tone] = {"passed": "good", "failed": "bad", "inconclusive": "doubt", "aborted": "plain"}

ATTAINMENTS: Mapping[str, Phrase] = {
    "met": say("Met"),
    "missed": say("Missed"),
    "undetermined": say("Undetermined"),
    "not-measured": say("Not measured"),
    "not-judged": say("Not asked"),
    "by-point": say("Young enough, by the point alone"),
}
ATTAINMENT_TONES: Mapping[str, Tone] = {
    "met": "good",
    "missed": "bad",
    "undetermined": "doubt",
    "not-measured": "doubt",
    "not-judged": "plain",
    "by-point": "plain",
}

SEVERITIES: Mapping[str, Phrase] = {
    "critical": say("Critical"),
    "inconclusive": say("Not judged"),
    "warning": say("Warning"),
    "note": say("Note"),
}
SEVERITY_TONES: Mapping[str, Tone] = {"critical": "bad", "inconclusive": "doubt", "warning": "doubt", "note": "plain"}

CHECK_OUTCOMES: Mapping[str, Phrase] = {
    "passed": say("Passed"),
    "failed": say("Failed"),
    "undetermined": say("Undetermined"),
}
BASES: Mapping[str, Phrase] = {
    "counted": say("counted"),
    "content": say("compared by content"),
    "observed": say("looked at"),
}
WITNESSES: Mapping[str, Phrase] = {
    "drp": say("read by drp"),
    "restored": say("said by the restored system"),
    "outside": say("seen from outside"),
}
"""Who says so."""
REFERENT = say("said by the business referent")
RESTORED_SYSTEMS = say("said by the restored systems")
CHECK_TONES: Mapping[str, Tone] = {"passed": "good", "failed": "bad", "undetermined": "doubt"}

TASK_OUTCOMES: Mapping[str, Phrase] = {
    "ok": say("ok"),
    "changed": say("done"),
    "failed": say("failed"),
    "unreachable": say("unreachable"),
    "skipped": say("not needed"),
}
TASK_TONES: Mapping[str, Tone] = {
    "ok": "good",
    "changed": "good",
    "failed": "bad",
    "unreachable": "bad",
    "skipped": "plain",
}

PROBE_OUTCOMES: Mapping[str, Phrase] = {"denied": say("denied"), "allowed": say("allowed"), "error": say("error")}
PROBE_TONES: Mapping[str, Tone] = {"denied": "good", "allowed": "bad", "error": "doubt"}

PHASE_NAMES: Mapping[str, Phrase] = {
    "select": say("Choose the point"),
    "prepare": say("Prepare the sandbox"),
    "restore": say("Restore"),
    "hash": say("Compare files"),
    "start": say("Start"),
    "verify": say("Check"),
    "reconcile": say("Compare applications"),
    "sign-off": say("Sign off"),
    "destroy": say("Destroy"),
    "approval": say("Approve"),
}

LOCK_MODES: Mapping[str, Phrase] = {
    "compliance": say("object lock, compliance mode"),
    "governance": say("object lock, governance mode: privileged users may lift it"),
    "legal-hold": say("object lock, legal hold"),
    "offline": say("offline: reachable only while its medium is attached"),
    "none": say("none: whoever holds the backup credentials may delete it"),
    "unknown": say("unknown"),
}
PROVENANCES: Mapping[str, Phrase] = {
    "declared": say("declared: the configuration says so, nobody looked"),
    "observed": say("observed: the repository said so when asked"),
    "probed": say("probed: drp tried to delete and was refused"),
}
SHORT_PROVENANCES: Mapping[str, Phrase] = {
    "declared": say("as declared"),
    "observed": say("as observed"),
    "probed": say("as probed"),
}
CLOCK: Mapping[str, Phrase] = {
    "t1_approved": say("approved"),
    "t2_point_chosen": say("recovery point chosen"),
    "t3_media_reachable": say("medium reachable"),
    "t4_isolation_proven": say("sandbox ready, isolation proven"),
    "t5_first_byte": say("first byte restored"),
    "t6_last_byte": say("last byte restored"),
    "t7_integrity_verdict": say("files compared"),
    "t9_application_up": say("application up"),
    "t10_checks_passed": say("technical checks passed: usable"),
    "t11_signed_off": say("signed off by the business"),
    "t12_torn_down": say("sandbox destroyed"),
}
"""The instants of the clock, by their names in the record."""

POLICIES: Mapping[str, Phrase] = {
    "newest": say("the newest"),
    "newest-immutable": say("the newest that is immutable"),
    "specific": say("the one asked for"),
    "random": say("drawn at random"),
    "oldest-retained": say("the oldest retained"),
}
DEVIATIONS: Mapping[str, Phrase] = {
    "changed": say("changed"),
    "missing": say("missing"),
    "unexpected": say("unexpected"),
    "unreadable": say("unreadable"),
    "metadata": say("metadata differ"),
    "kind": say("of another kind"),
    "unstable": say("changing while read"),
}

SCHEDULE = say("the schedule")
"""Who asks for drills that nobody asked for."""
CLEAN = say("Nothing left")
LEFT = say("Left behind")
ERASED_BY: Mapping[str, Phrase] = {
    "memory": say("It was in memory, and never on a disk."),
    "key": say(
        "It was encrypted; its key, which was in memory alone, is gone, and what is not encrypted was overwritten."
    ),
    "overwrite": say("All that had been written to it was overwritten."),
}
NOT_ERASED = say("Its content was not erased.")
