"""What a restored application sent: attempts to leave become findings, calls between neighbours are only recorded."""

from __future__ import annotations

from collections.abc import Collection

from drp.domain.events import TrafficSeen
from drp.domain.findings.catalogue import EGRESS_ATTEMPTED
from drp.domain.findings.finding import Finding
from drp.domain.fold import RecoveryState
from drp.domain.phrase import fact
from drp.domain.ports import Sandbox
from drp.domain.sandbox import EgressAttempt

_NAMED = 20
"""So many destinations become findings of their own; the record has all that were kept."""


def egress_findings(egress: Collection[EgressAttempt], told: Collection[EgressAttempt] = ()) -> tuple[Finding, ...]:
    """Return a finding for each destination, up to a limit, that is not among those ``told`` already."""
    known = {_shown(attempt) for attempt in told}
    destinations = sorted({_shown(attempt) for attempt in egress} - known)
    found = [_finding(destination) for destination in destinations[:_NAMED]]
    more = len(destinations) - _NAMED
    return (*found, *([_finding(fact("more-destinations", "{more} more destinations", more=more))] if more > 0 else []))


def traffic_since(
    sandbox: Sandbox, recovery: str, progress: RecoveryState
) -> tuple[TrafficSeen | None, tuple[Finding, ...]]:
    """Return what a recovery's sandbox sent that verify has not told, if anything, and what is to be said of it."""
    assert progress.sandbox is not None
    verified = progress.outputs.verify
    told = verified.egress if verified is not None else ()
    known = (verified.neighbours or ()) if verified is not None else ()
    # an attempt whose payload was caught later is another one, and so is what stands for those that were not kept
    egress = tuple(attempt for attempt in sandbox.egress(progress.sandbox) if attempt not in told)
    neighbours = sandbox.neighbours(progress.sandbox)
    if not egress and neighbours == known:
        return None, ()
    return TrafficSeen(recovery=recovery, egress=egress, neighbours=neighbours), egress_findings(egress, told)


def _finding(destination: str) -> Finding:
    return EGRESS_ATTEMPTED.finding(
        subject=destination,
        observed=fact("caught-recorded", "caught and recorded"),
        expected=fact("no-attempt", "no attempt"),
    )


def _shown(attempt: EgressAttempt) -> str:
    if attempt.protocol in {"any", "unreadable"}:
        return attempt.where
    name = attempt.destination.removeprefix("name:")
    if name != attempt.destination:
        return fact("look-up", "look-up of {name}", name=name)
    return f"{attempt.protocol} {attempt.destination}" + (f":{attempt.port}" if attempt.port else "")
