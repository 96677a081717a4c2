"""select: wait for the medium if it must be attached, list the recovery points, take one, say why not the others."""

from __future__ import annotations

from datetime import datetime

from drp.domain.clock import Stamp, elapsed_ms
from drp.domain.finding import Finding
from drp.domain.finding_codes import NO_ELIGIBLE_POINT, NOT_IMMUTABLE, POINTS_UNREADABLE, REPOSITORY_EMPTIED
from drp.domain.measure import milliseconds
from drp.domain.phase import Selected
from drp.domain.ports import Progress, Repository
from drp.domain.recovery_point import (
    Immutability,
    PointListing,
    RecoveryPoint,
    RefusedPoint,
    Selection,
    preference,
    refusal,
)
from drp.drill.context import PhaseContext
from drp.errors import Interrupted, MediaNeeded

_MEDIA_POLL_SECONDS = 2.0


def select_phase(context: PhaseContext) -> Selected:
    """Return the chosen recovery point, or none with the reasons. Raises what the Repository port names."""
    recovery = context.recovery
    repository = context.ports.repositories[recovery.repository]
    waited_ms = _wait_for_medium(context, repository)
    listing = repository.points(recovery.application)
    point, immutability, refused = choose(
        repository, listing, recovery.selection, disaster_at=context.disaster_at, now=context.declared_at
    )
    return Selected(
        point=point,
        immutability=immutability,
        policy=recovery.selection.policy,
        seed=recovery.selection.seed,
        refused=refused,
        media_wait_ms=waited_ms,
        findings=_findings(context, listing, point, immutability, refused),
    )


def _wait_for_medium(context: PhaseContext, repository: Repository) -> int:
    """Ask until the medium is there or the plan's deadline has passed; return how long it took, in milliseconds."""
    clock = context.ports.clock
    begun: Stamp = clock.now()
    deadline_ms = milliseconds(context.recovery.media_deadline)
    missing = False
    while True:
        try:
            repository.preflight()
        except MediaNeeded as error:
            waited = elapsed_ms(begun, clock.now())[0]
            if waited >= deadline_ms:
                raise
            if context.ports.cancelled():
                message = "stopped while waiting for a medium"
                raise Interrupted(message) from error
            context.report(Progress(message=f"waiting for medium {error.label}: {error.message}"))
            clock.sleep(min(_MEDIA_POLL_SECONDS, (deadline_ms - waited) / 1000))
            missing = True
        else:
            return elapsed_ms(begun, clock.now())[0] if missing else 0


def choose(
    repository: Repository, listing: PointListing, selection: Selection, *, disaster_at: datetime, now: datetime
) -> tuple[RecoveryPoint | None, Immutability | None, tuple[RefusedPoint, ...]]:
    """Return the point that the selection takes, what is known of its immutability, and the refused ones with why."""
    refused: list[RefusedPoint] = []
    eligible: list[RecoveryPoint] = []
    for point in listing.points:
        reason = refusal(point, selection, disaster_at)
        if reason is None:
            eligible.append(point)
        else:
            refused.append(RefusedPoint(id=point.id, consistent_at=point.consistent_at, reason=reason))
    if selection.policy == "specific" and len(eligible) > 1:
        reason = f"{selection.point} is the beginning of several points"
        refused += [RefusedPoint(id=point.id, consistent_at=point.consistent_at, reason=reason) for point in eligible]
        eligible = []
    for point in preference(eligible, selection):
        immutability = repository.immutability(point)
        if selection.policy == "newest-immutable" and not immutability.holds_at(now):
            reason = f"not immutable ({immutability.mode}, {immutability.provenance})"
            refused.append(RefusedPoint(id=point.id, consistent_at=point.consistent_at, reason=reason))
            continue
        return point, immutability, tuple(refused)
    return None, None, tuple(refused)


def _findings(
    context: PhaseContext,
    listing: PointListing,
    point: RecoveryPoint | None,
    immutability: Immutability | None,
    refused: tuple[RefusedPoint, ...],
) -> tuple[Finding, ...]:
    found = []
    if listing.emptied:
        found.append(
            REPOSITORY_EMPTIED.finding(
                subject=context.recovery.repository, observed=listing.emptied, expected="newest versions that are data"
            )
        )
    found += [
        POINTS_UNREADABLE.finding(
            subject=name, observed="present in the repository, not readable", expected="a readable recovery point"
        )
        for name in listing.unreadable
        if name != listing.emptied
    ]
    if point is None:
        reasons = "; ".join(f"{item.id[:8]} {item.reason}" for item in refused[:5]) or "the repository lists none"
        found.append(
            NO_ELIGIBLE_POINT.finding(
                subject=context.recovery.name,
                observed=reasons,
                expected=f"a recovery point for the policy {context.recovery.selection.policy}",
            )
        )
    elif immutability is not None and not immutability.holds_at(context.declared_at):
        found.append(
            NOT_IMMUTABLE.finding(
                subject=point.short_id,
                observed=f"{immutability.mode} ({immutability.provenance})",
                expected="compliance lock that has not run out, legal hold, or an offline medium",
            )
        )
    return tuple(found)
