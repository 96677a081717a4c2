"""What may befall a simulated drill, and what fold and model say of it, as plain data that compares."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

from drp.codec import to_data
from drp.domain.fold import DrillState, RecoveryState
from drp.domain.sandbox import EgressAttempt, Residue
from drp.domain.timeline import recovered
from drp.drill.release import is_held
from drp.errors import SandboxError, Unreachable
from tests.simulators.traffic import Traffic
from tests.simulators.world import EPOCH
from tests.support.drill_model import PHASES, Part
from tests.unit.test_drill_reconciliation import AT, HEALTHY

LEFT = Residue(processes=1, paths=("/run/drp/data",))
SENT = EgressAttempt(at=EPOCH, protocol="tcp", destination="10.1.2.3", port=2575)
CHANGES = {
    "nothing": {},
    "no point": {"points": 0},
    "points that cannot be read": {"unreadable": ("snapshots/0a",)},
    "a leak": {"proof_allowed": 1},
    "a damaged pack": {"unrestored": ("pack 0a",)},
    "a changed file": {"difference": {"changed": 1}},
    "lost files": {"difference": {"missing": 2, "unexpected": 1}},
    "no start": {"start_ok": False},
    "a failing check": {"checks": ("passed", "failed")},
    "an unsure check": {"checks": ("undetermined",)},
    "no check": {"checks": ()},
    "residue": {"residue": LEFT},
    "egress": {"traffic": Traffic(egress=(SENT,))},
    "a silent repository": {"faults": {"preflight": Unreachable("no answer")}},
    "a sandbox that cannot be opened": {"faults": {"open": SandboxError("no user namespaces")}},
    "an error nobody foresaw": {"faults": {"check": ValueError("embedded null byte")}},
    "other materials": {"materials": {"runbook": "another"}},
    "a lost order": {"records": {**HEALTHY, "results": [(AT + 5, ("13",)), (AT + 9, ("14",))]}},
    "records that cannot be read": {"records": {**HEALTHY, "orders": "no such table"}},
}
DAMAGES = (
    "DELETE FROM drp_journal",
    "UPDATE drp_journal SET body = replace(body, 'e', 'E')",
    "UPDATE drp_journal SET drill = 'other', sequence = 0",
)
LIKELY = (*CHANGES, *["a changed file", "lost files", "an unsure check", "nothing"] * 4)
ANSWERS = ("nobody", "passed", "passed", "failed", "of another day")


@dataclass(frozen=True)
class Fate:
    """What befalls a process while it holds a drill."""

    death: tuple[int, str] | None = None
    stop: int | None = None
    """After so many calls of a port somebody asks the drill to stop."""
    answer: str = "nobody"


def fate(random: Random, most: int, *, dies: float) -> Fate:
    """Draw what befalls a process; most deaths are in the middle, where there is something to lose."""
    answer = random.choice(ANSWERS)
    if random.random() < dies:
        return Fate(death=(random.randint(1, most), random.choice(["inside", "after", "unsaid"])), answer=answer)
    return Fate(stop=random.choice([None, None, random.randint(1, 40)]), answer=answer)


class OneByOne:
    """The Crew port without threads: which of two recoveries is first does not change from run to run."""

    def together(self, step, names, **_: object) -> None:
        for name in names:
            step(name)


def seen(recovery: RecoveryState) -> dict[str, object]:
    """Return what the fold says of a recovery, as plain data."""
    sandbox, residue = recovery.sandbox, recovery.residue
    return {
        "outputs": {output.phase: to_data(output) for output in recovery.outputs},
        "findings": [json.dumps(to_data(finding), sort_keys=True) for finding in recovery.findings],
        "earlier": {json.dumps(to_data(finding), sort_keys=True) for finding in recovery.earlier},
        "next": recovery.next_phase,
        "ended": set(recovery.ended),
        "alive": sandbox.id if sandbox is not None else None,
        "residue": to_data(residue) if residue is not None else None,
        "held": is_held(recovery),
        "recovered": recovered(recovery),
        "awaits": recovery.awaits_sign_off,
        "signed": recovery.signed_off is not None,
        "sent": recovery.traffic is not None,
    }


def told(part: Part) -> dict[str, object]:
    """Return what the model says of it."""
    gone = part.last("sandbox-destroyed")
    failed = part.last("phase-failed")
    return {
        "outputs": {phase: part.outputs[phase] for phase in PHASES if phase in part.outputs},
        "findings": list(part.told),
        "earlier": part.earlier,
        "next": part.next_phase,
        "ended": {*part.outputs, *([failed["phase"]] if failed else [])},
        "alive": part.alive,
        "residue": gone["residue"] if gone else None,
        "held": part.held,
        "recovered": part.recovered,
        "awaits": part.awaits_sign_off,
        "signed": part.last("signed-off") is not None,
        "sent": part.last("traffic-seen") is not None,
    }


def overall(state: DrillState) -> dict[str, object]:
    return {
        "interrupted": state.interrupted is not None,
        "reconciled": state.reconciled is not None,
        "verdict": state.concluded.verdict if state.concluded is not None else None,
        "sealed": state.sealed is not None,
        "entries": state.entries,
    }
