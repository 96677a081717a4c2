"""Every parser of hostile bytes answers or refuses in its own way, whatever it is given."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fuzzing import TARGETS, hostile, seeds


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_breaks_nothing(target: str) -> None:
    for seed in seeds(target):
        TARGETS[target](seed)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_nothing_but_its_own_refusal_leaves_a_parser(target: str, data: st.DataObject) -> None:
    TARGETS[target](data.draw(STRATEGIES[target]))


STRATEGIES = {target: hostile(target) for target in TARGETS}
