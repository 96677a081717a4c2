"""One wave of more applications than there are descriptors for at the same time: all are recovered, in turn."""

from __future__ import annotations

import pytest

from tests.support.many_site import ManySite
from tests.support.scratch import scratch

pytestmark = pytest.mark.real
MANY, DESCRIPTORS = 5, 192


def test_a_wave_that_does_not_fit_at_once_passes_in_turn() -> None:
    with scratch("drp-many") as folder:
        status, events, words = ManySite(folder).make(MANY, files=2, file_bytes=1000).run(descriptors=DESCRIPTORS)
    assert status == 0, words
    alive: set[str] = set()
    most = 0
    for event in events:
        kind, recovery = event["event"]["type"], event["event"].get("recovery", "")
        if kind == "phase-started":
            alive.add(recovery)
            most = max(most, len(alive))
        elif kind == "sandbox-destroyed":
            alive.discard(recovery)
    assert not alive
    assert 1 <= most < MANY, "they were not let go before the last one began"
