"""Why sets of records cannot be judged."""

from __future__ import annotations

from collections.abc import Mapping

from drp.domain.phrase import Phrase, fact, joined
from drp.domain.reconciliation.collected import Collected


def trouble_of(collected: Mapping[str, Collected], *records: str) -> Phrase:
    """Return why the sets cannot be judged, empty when they can."""
    return joined(
        fact("set-not-read", "{records}: {trouble}", records=name, trouble=collected[name].trouble)
        for name in troubled(collected, *records)
    )


def troubled(collected: Mapping[str, Collected], *records: str) -> tuple[str, ...]:
    """Return which of the sets cannot be judged."""
    return tuple(dict.fromkeys(name for name in records if collected[name].trouble))
