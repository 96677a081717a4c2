"""What a listing of recovery points shows of the backup, whether or not one of them is taken."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.findings.catalogue import NO_ELIGIBLE_POINT, POINTS_UNREADABLE, REPOSITORY_EMPTIED
from drp.domain.findings.finding import Finding
from drp.domain.findings.points import FOREIGN_POINT, PASSED_OVER
from drp.domain.phrase import fact, joined
from drp.domain.recovery_point import PointListing, RecoveryPoint, RefusedPoint
from drp.domain.terms import POLICIES, others
from drp.drill.context import PhaseContext

_NAMED = 3
"""So many bad points of other applications, and folders that are no points, are named."""
_REFUSED = 5


def listing_findings(
    context: PhaseContext,
    listing: PointListing,
    point: RecoveryPoint | None,
    refused: tuple[RefusedPoint, ...],
    *,
    told: bool,
) -> tuple[Finding, ...]:
    """Return what the listing shows; ``told``: why no point was taken is said already."""
    found = [*_emptied(context, listing), *_unreadable(listing), *_passed_over(listing), *_foreign(listing)]
    if point is None and not told:
        reasons = joined(
            fact("refused-point", "{point} {reason}", point=item.id[:8], reason=item.reason)
            for item in refused[:_REFUSED]
        )
        policy = POLICIES[context.recovery.selection.policy]
        expected = fact("point-for-policy", "a recovery point for the policy {policy}", policy=policy)
        found.append(
            NO_ELIGIBLE_POINT.finding(
                subject=context.recovery.name,
                observed=reasons or fact("lists-none", "the repository lists none"),
                expected=expected,
            )
        )
    return tuple(found)


def _emptied(context: PhaseContext, listing: PointListing) -> Iterator[Finding]:
    if listing.emptied:
        expected = fact("newest-versions-data", "newest versions that are data")
        yield REPOSITORY_EMPTIED.finding(
            subject=context.recovery.repository, observed=listing.emptied, expected=expected
        )


def _unreadable(listing: PointListing) -> Iterator[Finding]:
    for name in listing.unreadable:
        if name != listing.emptied:
            yield POINTS_UNREADABLE.finding(
                subject=name,
                observed=fact("point-not-readable", "present in the repository, not readable"),
                expected=fact("readable-point", "a readable recovery point"),
            )


def _foreign(listing: PointListing) -> Iterator[Finding]:
    expected = fact("points-make-sense", "points that make sense")
    for name in listing.foreign[:_NAMED]:
        another = fact("another-application-s", "another application's")
        yield FOREIGN_POINT.finding(subject=name, observed=another, expected=expected)
    if (more := len(listing.foreign) - _NAMED) > 0:
        observed = fact("foreign-in-all", "{n} of other applications in all", n=len(listing.foreign))
        yield FOREIGN_POINT.finding(subject=others(more), observed=observed, expected=expected)


def _passed_over(listing: PointListing) -> Iterator[Finding]:
    expected = fact("whole-copy", "a whole copy")
    for each in listing.passed_over[:_NAMED]:
        yield PASSED_OVER.finding(subject=each.name, observed=each.reason, expected=expected)
    if (more := len(listing.passed_over) - _NAMED) > 0:
        observed = fact("passed-over-in-all", "{n} were passed over in all", n=len(listing.passed_over))
        yield PASSED_OVER.finding(subject=others(more), observed=observed, expected=expected)
