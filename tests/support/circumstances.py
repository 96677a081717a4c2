"""What the judge of a reconciliation knows beside records, in tests."""

from __future__ import annotations

from datetime import date

from drp.domain.reconciliation.preparation import Circumstances


def rolling(*applications: str) -> Circumstances:
    """Return circumstances in which these applications can be rolled, and nobody knows a restored state."""
    return Circumstances(point_in_time=frozenset(applications), today=date(2026, 11, 21))
