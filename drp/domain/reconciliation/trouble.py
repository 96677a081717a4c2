"""Why sets of records cannot be judged."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.reconciliation.collected import Collected


def trouble_of(collected: Mapping[str, Collected], *records: str) -> str:
    """Return why the sets cannot be judged, empty when they can."""
    return "; ".join(dict.fromkeys(f"{name}: {collected[name].trouble}" for name in records if collected[name].trouble))
