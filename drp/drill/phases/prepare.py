"""prepare: compare the declared software, open the run sandbox and prove it, before anything restored exists in it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from drp.domain.application import SoftwareImage
from drp.domain.findings.catalogue import ISOLATION_NOT_PROVEN, SANDBOX_LEAKS, SOFTWARE_CHANGED
from drp.domain.findings.finding import Finding
from drp.domain.findings.time import CAP_NOT_IN_FORCE
from drp.domain.phase import Prepared
from drp.domain.phrase import fact, quoted, say, several
from drp.domain.ports import Progress
from drp.domain.sandbox import IsolationProof, SandboxHandle, SandboxOrder, SandboxProfile, SoftwareFound
from drp.domain.served_ports import served_ports
from drp.domain.terms import listed
from drp.drill.context import PhaseContext
from drp.drill.phases.pinning import bound_repository

_LISTED = 20


def prepare_phase(context: PhaseContext) -> Prepared:
    """Return the sandbox and its proof; a proof that does not hold, or other software, is a finding and ends it.

    Where nothing is going to be started, it is a bare one. Raises ``NotFound`` when a software image is not there, and
    what the ports name.
    """
    sandbox = context.ports.sandbox
    software = tuple(_look_at(image, context) for image in context.recovery.application.software if context.plan.starts)
    changed = [image for image in software if not image.as_declared]
    order = _running(context, bind=not changed) if context.plan.starts else SandboxOrder()
    handle = sandbox.open(_placed(context), f"{context.drill}.{context.recovery.name}", order)
    try:
        context.report(Progress(message=say("proving isolation")))
        proof = sandbox.prove(handle)
    except BaseException:
        sandbox.destroy(handle)  # nobody else knows the handle yet
        raise
    findings = (*_changes(changed), *_findings(proof), *_uncapped(context.recovery.sandbox, handle))
    return Prepared(sandbox=handle, proof=proof, findings=findings, software=software)


def _placed(context: PhaseContext) -> SandboxProfile:
    """Return the profile with every data volume at its absolute path in the backup, where one is said relatively.

    Raises what Repository names.
    """
    profile, point = context.recovery.sandbox, context.point
    if all(each.at.startswith("/") for each in profile.data_volumes):
        return profile
    root = bound_repository(context).restore_order(point).source_root
    placed = (replace(each, at=posixpath.join(root, each.at)) for each in profile.data_volumes)
    return replace(profile, data_volumes=tuple(placed))


def _running(context: PhaseContext, *, bind: bool) -> SandboxOrder:
    """Return what a sandbox needs in which the application is going to run."""
    application = context.recovery.application
    return SandboxOrder(
        software=application.software if bind else (),
        application=context.recovery.name,
        addresses=application.addresses,
        serves=served_ports(application),
        pod=context.drill if context.plan.pod else "",
        hostname=application.hostname or application.name,
        neighbours=context.plan.neighbours_of(context.recovery),
    )


def _look_at(image: SoftwareImage, context: PhaseContext) -> SoftwareFound:
    """Return what stands at the place of a declared image, before anything of it is used."""
    digest = context.ports.hasher.tree_digest(
        Path(image.image), report=context.report, cancelled=context.ports.cancelled
    )
    return SoftwareFound(image=image.image, at=image.at, digest=digest, expected=image.digest)


def _uncapped(profile: SandboxProfile, handle: SandboxHandle) -> Iterator[Finding]:
    """Yield the caps of the profile that are not in force: it may take what it can get."""
    for name in handle.not_capped:
        expected = quoted(f"{name}: {getattr(profile, name, None)}")
        yield CAP_NOT_IN_FORCE.finding(
            subject=fact("sandbox-named", "sandbox {profile}", profile=profile.name),
            observed=fact("no-cap", "no cap"),
            expected=expected,
        )


def _changes(changed: Sequence[SoftwareFound]) -> tuple[Finding, ...]:
    return tuple(
        SOFTWARE_CHANGED.finding(subject=image.image, observed=image.digest, expected=image.expected)
        for image in changed
    )


def _findings(proof: IsolationProof) -> tuple[Finding, ...]:
    if proof.holds:
        return ()
    found = [
        SANDBOX_LEAKS.finding(
            subject=check.id,
            observed=fact("probe-allowed", "allowed {detail}", detail=check.detail)
            if check.detail
            else fact("allowed", "allowed"),
            expected=fact("denied", "denied"),
        )
        for check in [check for check in proof.checks if check.outcome == "allowed"][:_LISTED]
    ]
    if proof.canary_hits or not proof.canary_intact:
        touched = fact("intact", "intact") if proof.canary_intact else fact("touched", "touched")
        observed = fact("tripwire-hits", "{hits} hits, {touched}", hits=proof.canary_hits, touched=touched)
        found.append(
            SANDBOX_LEAKS.finding(
                subject=fact("tripwire", "tripwire"),
                observed=observed,
                expected=fact("no-hits-intact", "no hits, intact"),
            )
        )
    if proof.allowed and not found:
        found.append(
            SANDBOX_LEAKS.finding(
                subject=fact("proof", "proof"),
                observed=fact("probes-allowed", "{allowed} allowed", allowed=proof.allowed),
                expected=fact("denied", "denied"),
            )
        )
    return (*found, *_doubts(proof))


def _doubts(proof: IsolationProof) -> Iterator[Finding]:
    """Yield why a proof proves nothing, one finding a cause: the harness's own trouble, and no leak."""
    if proof.control_failed:
        missed = listed(proof.control_missed[:5], len(proof.control_missed)) or fact("everything", "everything")
        observed = fact(
            "reached-targets-outside-sandbox",
            "reached {reached} targets outside the sandbox, missed {missed}",
            reached=proof.control_reached,
            missed=missed,
        )
        expected = fact("probe-reaches-outside-what", "the probe reaches outside what it must not reach inside")
        yield ISOLATION_NOT_PROVEN.finding(
            subject=fact("positive-control", "positive control"), observed=observed, expected=expected
        )
    if proof.errors:
        untried = [check for check in proof.checks if check.outcome == "error"]
        named = several(
            (fact("probe-says", "{probe} {detail}", probe=each.id, detail=each.detail) for each in untried[:3]), "; "
        )
        observed = fact("probes-not-tried", "{errors} could not be tried: {named}", errors=proof.errors, named=named)
        yield ISOLATION_NOT_PROVEN.finding(
            subject=fact("probe", "probe"),
            observed=observed,
            expected=fact("every-probe-comes-result", "every probe comes to a result"),
        )
    if not (proof.denied or proof.allowed or proof.errors):
        yield ISOLATION_NOT_PROVEN.finding(
            subject=fact("probe", "probe"),
            observed=fact("no-probe-ran", "no probe ran"),
            expected=fact("every-probe-denied", "every probe is denied"),
        )
