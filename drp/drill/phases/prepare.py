"""prepare: open the run sandbox and prove that it is isolated, before anything restored exists in it."""

from __future__ import annotations

from drp.domain.finding import Finding
from drp.domain.finding_codes import SANDBOX_LEAKS
from drp.domain.phase import Prepared
from drp.domain.ports import Progress
from drp.domain.sandbox import IsolationProof
from drp.drill.context import PhaseContext


def prepare_phase(context: PhaseContext) -> Prepared:
    """Return the sandbox and its proof; a proof that does not hold is a finding, and ends the recovery."""
    sandbox = context.ports.sandbox
    handle = sandbox.open(context.recovery.sandbox, f"{context.drill}.{context.recovery.name}")
    context.report(Progress(message="proving isolation"))
    try:
        proof = sandbox.prove(handle)
    except BaseException:
        sandbox.destroy(handle)  # nobody else knows the handle yet
        raise
    return Prepared(sandbox=handle, proof=proof, findings=_findings(proof))


def _findings(proof: IsolationProof) -> tuple[Finding, ...]:
    if proof.holds:
        return ()
    expected = "every probe denied, the positive control able, the canary untouched"
    leaks = [check for check in proof.checks if check.outcome != "denied"]
    found = [
        SANDBOX_LEAKS.finding(subject=check.id, observed=f"{check.outcome} {check.detail}".strip(), expected="denied")
        for check in leaks[:20]
    ]
    if proof.control_missed or not proof.control_reached:
        missed = ", ".join(proof.control_missed[:5]) or "everything"
        found.append(SANDBOX_LEAKS.finding(subject="positive control", observed=f"missed {missed}", expected=expected))
    if proof.canary_hits or not proof.canary_intact:
        observed = f"{proof.canary_hits} hits, {'intact' if proof.canary_intact else 'touched'}"
        found.append(SANDBOX_LEAKS.finding(subject="canary", observed=observed, expected=expected))
    if not found:
        found.append(SANDBOX_LEAKS.finding(subject="proof", observed="no probe ran", expected=expected))
    return tuple(found)
