"""The one table of finding codes. Codes are never reused; `drp explain CODE` prints an entry."""

from __future__ import annotations

from drp.domain.findings.approval import APPROVAL
from drp.domain.findings.finding import Severity
from drp.domain.findings.finding_code import FindingCode
from drp.domain.findings.history import HISTORY
from drp.domain.findings.origin import ORIGIN
from drp.domain.findings.points import POINTS
from drp.domain.findings.reconciliation import RECONCILIATION
from drp.domain.findings.runbook import RUNBOOK
from drp.domain.findings.sign_off import SIGN_OFF
from drp.domain.findings.time import TIME
from drp.domain.findings.witness import WITNESS
from drp.domain.findings.worm import WORM

_ELSEWHERE = (*APPROVAL, *HISTORY, *ORIGIN, *POINTS, *RECONCILIATION, *RUNBOOK, *SIGN_OFF, *TIME, *WITNESS, *WORM)
CATALOGUE: dict[str, FindingCode] = {code.code: code for code in _ELSEWHERE}
assert len(CATALOGUE) == len(_ELSEWHERE), "a code means one thing"


def _add(code: str, severity: Severity, title: str, meaning: str, remedy: str) -> FindingCode:
    assert code not in CATALOGUE, code
    return CATALOGUE.setdefault(code, FindingCode(code, severity, title, meaning, remedy))


NO_ELIGIBLE_POINT = _add(
    "DRP-S001",
    "critical",
    "no eligible recovery point",
    "No recovery point of the application satisfies the plan's selection. After a disaster there would be nothing to restore.",
    "look at the refused points and their reasons, then at the backup job and the retention of the repository",
)
POINTS_UNREADABLE = _add(
    "DRP-S002",
    "critical",
    "recovery points cannot be read",
    "The repository holds recovery points that its own tool cannot read; newer points may be hidden.",
    "run the repository tool's check, and compare with the points that the backup job reported",
)
REPOSITORY_EMPTIED = _add(
    "DRP-S003",
    "critical",
    "repository was emptied behind delete markers",
    "The bucket's newest versions are delete markers: somebody removed the backup, object lock kept the older versions.",
    "treat it as an intrusion; the locked versions can be restored from a point in time before the deletion",
)
NOT_IMMUTABLE = _add(
    "DRP-W001",
    "warning",
    "recovery point is not immutable",
    "The restored point could have been deleted or changed by whoever holds the backup credentials.",
    "enable object lock in compliance mode, or keep an offline copy",
)
MEDIUM_ABSENT = _add(
    "DRP-M001",
    "inconclusive",
    "medium was not attached in time",
    "The air-gapped medium named by the plan was absent, or another one was attached, until the deadline.",
    "attach the medium with the expected label and run the drill again",
)
REPOSITORY_UNUSABLE = _add(
    "DRP-M002",
    "inconclusive",
    "repository could not be used",
    "The repository did not answer or refused access, so nothing could be restored from it.",
    "see the hint of the error; a real recovery would have stopped here too",
)
RESTORE_DAMAGED = _add(
    "DRP-R001",
    "critical",
    "backup is damaged",
    "The backup tool could not read objects that this recovery point needs.",
    "restore from another copy or point, and replace the damaged repository",
)
RESTORE_FAILED = _add(
    "DRP-R002",
    "critical",
    "restore runbook failed",
    "A task of the restore runbook failed on a reachable repository.",
    "look at the task named in the finding; correct the runbook or the backup",
)
RESTORE_UNCERTAIN = _add(
    "DRP-R003",
    "inconclusive",
    "restore could not be carried out",
    "The restore was cut short by something other than the backup: a time limit, a lost sandbox, a full disk.",
    "see the hint of the error, then run the drill again",
)
FILE_CHANGED = _add(
    "DRP-H001",
    "critical",
    "restored file differs from the manifest",
    "The content of a restored file is not the content that was backed up.",
    "do not trust this recovery point; find when the file changed by drilling older points",
)
FILE_MISSING = _add(
    "DRP-H002",
    "critical",
    "restored file is missing",
    "The manifest made at backup time names a file that the restore did not bring back.",
    "check the backup job's exclusions and errors",
)
FILE_UNEXPECTED = _add(
    "DRP-H003",
    "critical",
    "restored file is not in the manifest",
    "The restore brought back something that was not there when the manifest was made.",
    "check that manifest and recovery point belong together; treat unknown files as hostile",
)
FILE_UNREADABLE = _add(
    "DRP-H004",
    "critical",
    "restored file cannot be read",
    "A restored file gave an input/output or permission error while it was hashed.",
    "look at the error number, the sandbox's disk and the file's mode",
)
METADATA_CHANGED = _add(
    "DRP-H005",
    "critical",
    "restored metadata differs from the manifest",
    "Mode, owner, link target or another attribute differs from what was recorded at backup time.",
    "check the backup tool's options; wrong modes and owners stop applications from starting",
)
MANIFEST_MISSING = _add(
    "DRP-H006",
    "inconclusive",
    "no manifest for this recovery point",
    "Without a manifest made at backup time nobody can tell whether the restored files are the files that were backed up.",
    "run `drp manifest create` before each backup and keep the manifest apart from the repository",
)
OWNERSHIP_NOT_JUDGED = _add(
    "DRP-H007",
    "note",
    "ownership not judged",
    "The sandbox maps a single user id, so the restored owners say nothing about the backup.",
    "set `identity: range` on the sandbox to judge ownership",
)
MANIFEST_FOREIGN = _add(
    "DRP-H008",
    "critical",
    "manifest does not belong to this recovery point",
    "The manifest's digest, application or recovery point is not the one that the recovery point names.",
    "find the manifest that was made with this backup; where one serves several applications, declare `backup.manifest_of` for each; treat a replaced manifest as tampering",
)
MANIFEST_WAIVED = _add(
    "DRP-H009",
    "warning",
    "files were not compared",
    "The recovery point names no manifest and the plan does not ask for one, so only the checks speak for the restored files.",
    "run `drp manifest create` before each backup and leave `require_manifest` at its default",
)
START_FAILED = _add(
    "DRP-U001",
    "critical",
    "application did not start",
    "A task of the start runbook failed in the sandbox.",
    "look at the task named in the finding and at the application's own log in the record",
)
START_UNCERTAIN = _add(
    "DRP-U002",
    "inconclusive",
    "application start could not be judged",
    "The start runbook could not be carried through: time limit, lost sandbox, Ansible missing.",
    "see the hint of the error, then run the drill again",
)
CHECK_FAILED = _add(
    "DRP-C001",
    "critical",
    "check failed",
    "A verifier looked at the running application and found it not as expected.",
    "see observed and expected; a clinician would have met this fault",
)
CHECK_UNDETERMINED = _add(
    "DRP-C002",
    "inconclusive",
    "check could not judge",
    "A verifier could not come to a result: it crashed, timed out, or lacked what it compares with.",
    "fix the check; a check that cannot judge never passes",
)
NOTHING_CHECKED = _add(
    "DRP-C003",
    "inconclusive",
    "nothing was checked",
    "The plan has no check for this application, so nobody knows whether it works.",
    "add at least one check to the application",
)
WRITES_LOST = _add(
    "DRP-C004",
    "note",
    "acknowledged writes are lost",
    "Writes that users were told are safe came after the recovery point and did not come back. The recovery point objective judges how much of it is accepted.",
    "have the listed writes entered again, or back up more often",
)
SANDBOX_LEAKS = _add(
    "DRP-I001",
    "inconclusive",
    "sandbox is not isolated",
    "A probe inside the sandbox reached something it must not reach. Nothing restored was started.",
    "do not drill on this host until `drp doctor` proves isolation",
)
ISOLATION_NOT_PROVEN = _add(
    "DRP-I004",
    "inconclusive",
    "isolation could not be proven",
    "Nothing was seen to leave the sandbox, but the probe that says so was not shown able: outside it missed what it has to reach, or inside it could not try. Nothing restored was started.",
    "run `drp doctor`, free what the finding names on the drill host, and run the drill again",
)
SOFTWARE_CHANGED = _add(
    "DRP-I003",
    "critical",
    "software image is not the declared one",
    "The software that the application's file names by its digest has another content. It was not used, and nothing was restored.",
    "find out who changed the image; if the change is meant, put the digest that `drp app image` prints into the file",
)
EGRESS_ATTEMPTED = _add(
    "DRP-I002",
    "warning",
    "restored software tried to reach the outside",
    "The egress recorder caught connections that would have gone to production. They went nowhere.",
    "make sure that a real recovery switches these interfaces off before the application starts",
)
RTO_MISSED = _add(
    "DRP-T001",
    "critical",
    "recovery time objective missed",
    "Recovering the application took longer than its objective allows.",
    "look at the phase timeline for where the time went",
)
RPO_MISSED = _add(
    "DRP-T002",
    "critical",
    "recovery point objective missed",
    "The newest usable recovery point is older than the objective allows.",
    "back up more often, or find why newer points were refused",
)
RPO_UNDETERMINED = _add(
    "DRP-T003",
    "inconclusive",
    "recovery point actual cannot be told",
    "The recovery point is young enough, but the newest datum seen in the restored application is older than the objective: idle time and loss look alike.",
    "configure a canary that writes through the application, or a query for the newest row",
)
CLOCK_NOT_MONOTONIC = _add(
    "DRP-T004",
    "warning",
    "durations come from the wall clock",
    "The machine was restarted, or stood still, during the drill, so durations could not come from the monotonic clock.",
    "read the times as approximate",
)
RESIDUE_LEFT = _add(
    "DRP-D001",
    "critical",
    "restored data was left behind",
    "Destroying the sandbox left processes, mounts or restored files.",
    "run `drp drill clean` and look at what it names; patient data must not stay",
)
SANDBOX_KEPT = _add(
    "DRP-D002",
    "note",
    "sandbox kept on request",
    "The sandbox with its restored data was kept for inspection until the stated time.",
    "run `drp drill clean` when you are done",
)
DRILL_INTERRUPTED = _add(
    "DRP-X001",
    "inconclusive",
    "drill was cut off",
    "drp was killed or the machine stopped before the recovery was complete.",
    "run the drill again",
)
DRILL_RESUMED = _add(
    "DRP-X002",
    "warning",
    "drill was resumed after an interruption",
    "drp stopped and took the drill up again. The lost time is inside the recovery time, and shown apart.",
    "nothing, unless it happens again",
)
PHASE_UNEXERCISED = _add(
    "DRP-X003",
    "inconclusive",
    "recovery could not be exercised",
    "An error that says nothing about the backup stopped this recovery.",
    "see the hint of the error, then run the drill again",
)
MATERIALS_CHANGED = _add(
    "DRP-X005",
    "inconclusive",
    "what the drill uses was changed meanwhile",
    "A runbook, a file of the site, the backup tool, a verifier or drp itself is no longer the one that the plan declared. What is found with it would not be about the drill that was declared.",
    "run the drill again: it will declare what is there now",
)
DEPENDENCY_FAILED = _add(
    "DRP-X004",
    "inconclusive",
    "not attempted: a dependency did not recover",
    "An application that this one depends on did not recover, so this recovery was not attempted.",
    "fix the dependency first",
)
