"""prepare: compare the declared software, open the run sandbox and prove it, before anything restored exists in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drp.domain.application import SoftwareImage
from drp.domain.finding import Finding
from drp.domain.finding_codes import SANDBOX_LEAKS, SOFTWARE_CHANGED
from drp.domain.phase import Prepared
from drp.domain.ports import Progress
from drp.domain.sandbox import IsolationProof, SandboxOrder, SoftwareFound
from drp.drill.context import PhaseContext


def prepare_phase(context: PhaseContext) -> Prepared:
    """Return the sandbox and its proof; a proof that does not hold, or other software, is a finding and ends it.

    Raises ``NotFound`` when a software image is not there, and what the ports name.
    """
    sandbox = context.ports.sandbox
    software = tuple(_look_at(image, context) for image in context.recovery.application.software)
    changed = [image for image in software if not image.as_declared]
    order = SandboxOrder(
        software=() if changed else context.recovery.application.software,
        pod=context.drill if context.plan.pod else "",
        addresses=context.plan.addresses_around(context.recovery),
    )
    handle = sandbox.open(context.recovery.sandbox, f"{context.drill}.{context.recovery.name}", order)
    context.report(Progress(message="proving isolation"))
    try:
        proof = sandbox.prove(handle)
    except BaseException:
        sandbox.destroy(handle)  # nobody else knows the handle yet
        raise
    findings = (*_changes(changed), *_findings(proof))
    return Prepared(sandbox=handle, proof=proof, findings=findings, software=software)


def _look_at(image: SoftwareImage, context: PhaseContext) -> SoftwareFound:
    """Return what stands at the place of a declared image, before anything of it is used."""
    digest = context.ports.hasher.tree_digest(
        Path(image.image), report=context.report, cancelled=context.ports.cancelled
    )
    return SoftwareFound(image=image.image, at=image.at, digest=digest, expected=image.digest)


def _changes(changed: Sequence[SoftwareFound]) -> tuple[Finding, ...]:
    return tuple(
        SOFTWARE_CHANGED.finding(subject=image.image, observed=image.digest, expected=image.expected)
        for image in changed
    )


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
