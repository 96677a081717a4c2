"""Sandboxes are let go: destroyed, and what is left of them journalled, with a finding when anything is.

A sandbox that was kept is let go long after its drill was sealed, by its keeper, or by somebody who cleans up.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from drp.domain.events import SandboxDestroyed, SandboxKept
from drp.domain.findings.catalogue import PHASE_UNEXERCISED, RESIDUE_LEFT, SANDBOX_KEPT
from drp.domain.findings.finding import Finding
from drp.domain.fold import DrillState, RecoveryState
from drp.domain.phrase import fact, own_words
from drp.domain.ports import Ports
from drp.domain.sandbox import Residue, SandboxHandle
from drp.drill.recorder import Recorder
from drp.drill.traffic import traffic_since
from drp.errors import DrpError

Destroy = Callable[[SandboxHandle], Residue]
"""The Sandbox port's ``destroy``, or one that tries for longer."""


def destroyed(destroy: Destroy, sandbox: SandboxHandle) -> Residue:
    """Destroy a sandbox and return what is left of it; that nobody could look is residue too."""
    try:
        return destroy(sandbox)
    except DrpError as error:
        return Residue(processes=0, paths=(fact("unknown", "unknown: {words}", words=own_words(error.message)),))


def let_go(recorder: Recorder, ports: Ports, name: str) -> None:
    """Destroy the sandbox of a recovery, if it has one, and journal what it sent and what is left of it."""
    sandbox = recorder.state.recoveries[name].sandbox
    if sandbox is None:
        return
    if is_here(recorder.state):
        tell_traffic(recorder, ports, name)
    residue, findings = remains_of(recorder, sandbox, ports.sandbox.destroy)
    gone = SandboxDestroyed(recovery=name, sandbox=sandbox.id, residue=residue) if residue is not None else None
    recorder.found(name, *findings, after=gone)


def host_of(state: DrillState) -> str:
    """Return the machine on which a drill's sandboxes are: which declared it, or took it up last; empty: not told."""
    told = [resumed.host for resumed in state.resumptions if resumed.host]
    return told[-1] if told else state.declared.host if state.declared is not None else ""


def is_here(state: DrillState) -> bool:
    """Return whether the sandboxes of a drill are on this machine; nobody looks at another's from here."""
    return host_of(state) in {"", socket.gethostname()}


def remains_of(
    recorder: Recorder, sandbox: SandboxHandle, destroy: Destroy
) -> tuple[Residue | None, tuple[Finding, ...]]:
    """Destroy a sandbox and return what is left, and what is to be said of that; None: it was on another machine."""
    if is_here(recorder.state):
        residue = destroyed(destroy, sandbox)
        return residue, residue_findings(residue)
    host = host_of(recorder.state)
    unseen = PHASE_UNEXERCISED.finding(
        subject="sandbox",
        observed=fact(
            "whose-end-drill-nobody",
            "it was on {host}, whose end of the drill nobody saw from {gethostname}",
            host=host,
            gethostname=socket.gethostname(),
        ),
        expected=fact("what-left-seen", "what is left is seen"),
        remedy=fact(
            "run-drp-drill-clean",
            "run `drp drill clean` on {host}: a sandbox ends with the process that made it",
            host=host,
        ),
    )
    return None, (unseen,)


def tell_traffic(recorder: Recorder, ports: Ports, name: str) -> None:
    """Tell what the sandbox sent since it was verified, or at all if it never was: it ran on until now."""
    try:
        event, findings = traffic_since(ports.sandbox, name, recorder.state.recoveries[name])
    except DrpError as error:
        why = fact("phase-failed", "{error} {why}", error=error.code, why=own_words(error.message))
        unseen = PHASE_UNEXERCISED.finding(
            subject="egress",
            observed=why,
            expected=fact("what-sent-seen", "what was sent is seen"),
            remedy=own_words(error.hint),
        )
        event, findings = None, (unseen,)
    recorder.found(name, *findings, after=event)


def residue_findings(residue: Residue | None) -> tuple[Finding, ...]:
    """Return what is to be said of a sandbox's remains; nothing when there are none."""
    if residue is None or residue.clean:
        return ()
    left = ", ".join((*residue.paths, *residue.mounts, *residue.cgroups)) or fact(
        "processes", "{processes} processes", processes=residue.processes
    )
    return (RESIDUE_LEFT.finding(subject="sandbox", observed=left, expected=fact("nothing-left", "nothing left")),)


def kept_finding(kept: SandboxKept) -> Finding:
    """Return what is to be said of a sandbox that is kept."""
    return SANDBOX_KEPT.finding(
        subject=kept.sandbox,
        observed=fact("kept-until", "kept until {until}", until=f"{kept.until:%Y-%m-%dT%H:%MZ}"),
        expected=fact("destroyed", "destroyed"),
    )


def is_held(progress: RecoveryState) -> bool:
    """Return whether a sandbox is kept still, or its end left something: then it is not done with."""
    return progress.kept is not None and (progress.residue is None or not progress.residue.clean)


def release(recorder: Recorder, name: str, destroy: Destroy) -> Residue | None:
    """Destroy the kept sandbox of a recovery, and journal what is left of it; None: it keeps none."""
    progress = recorder.state.recoveries[name]
    prepared = progress.outputs.prepare
    if prepared is None or not is_held(progress):
        return None
    residue = destroyed(destroy, prepared.sandbox)
    gone = SandboxDestroyed(recovery=name, sandbox=prepared.sandbox.id, residue=residue)
    recorder.found(name, *residue_findings(residue), after=gone)
    return residue
