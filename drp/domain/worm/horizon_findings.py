"""What a horizon says that the point's own lock does not. Pure."""

from __future__ import annotations

from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.findings.horizon import ENDS_BEFORE_OWN, HORIZON_UNKNOWN, NEEDS_DELETABLE
from drp.domain.phrase import Instant, fact
from drp.domain.terms import listed
from drp.domain.worm.horizon import Horizon

_SHORT = 8
_NAMED = 5


def horizon_findings(horizon: Horizon | None, at: datetime) -> tuple[Finding, ...]:
    """Return the findings about one point. What ``immutable_for`` asks is held against the attestation, not here."""
    if horizon is None:
        return ()
    subject = horizon.point[:_SHORT]
    if horizon.unknown:
        expected = fact("horizon-known", "every object that it needs known, and its lock")
        return (HORIZON_UNKNOWN.finding(subject=subject, observed=horizon.unknown, expected=expected),)
    own = horizon.own_until
    if own is None or own <= at or horizon.forever:
        return ()
    expected = fact("locked-as-long-as-own", "everything locked until {own}, as the point itself", own=Instant(own))
    if horizon.until is None and horizon.open:
        named = [each.key for each in horizon.weakest if each.mode != "compliance"][:_NAMED]
        observed = fact("needs-open", "not locked: {names}", names=listed(named, horizon.open))
        return (NEEDS_DELETABLE.finding(subject=subject, observed=observed, expected=expected),)
    if horizon.until is not None and horizon.until < own:
        named = [each.key for each in horizon.weakest if each.until is not None and each.until < own]
        observed = fact(
            "needs-earlier",
            "locked until {until} alone: {names}",
            until=Instant(horizon.until),
            names=listed(named[:_NAMED], len(named)),
        )
        return (ENDS_BEFORE_OWN.finding(subject=subject, observed=observed, expected=expected),)
    return ()
