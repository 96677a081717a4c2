"""Which datum bounds the loss: of several stores the one that shows least, and never one that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.check import CheckResult, Watermark
from drp.domain.events import PhaseCompleted
from drp.domain.measure import rpa_interval
from drp.domain.phase import Verified
from drp.domain.watermarks import all_dated, bounding
from tests.simulators.world import EPOCH, Script, World, events_of
from tests.unit.test_drill_control_flow import concluded, run

MINUTE = timedelta(minutes=1)


def seen(minutes: float | None, store: str = "a", *, canary: bool = False, outcome: str = "passed", undated=False):
    mark = None
    if minutes is not None:
        mark = Watermark(at=EPOCH - minutes * MINUTE, source="q", store=store, canary=canary)
    return CheckResult(check=f"newest {store}", outcome=outcome, statement="s", watermark=mark, undated=undated)


@pytest.mark.parametrize(
    ("results", "minutes"),
    [
        ([], None),
        ([seen(5)], 5),
        ([seen(5, "a"), seen(90, "b")], 90),
        ([seen(90, "b"), seen(5, "a")], 90),
        ([seen(5, "a"), seen(90, "a")], 90),
        ([seen(5, "a", canary=True), seen(90, "a")], 5),
        ([seen(5, "a", canary=True), seen(90, "b")], 90),
        ([seen(5, "a", canary=True), seen(7, "a", canary=True), seen(90, "a")], 7),
        ([seen(5, "a"), seen(None, "b")], 5),
        ([seen(5, "a"), seen(None, "b", outcome="undetermined", undated=True)], 5),
        ([seen(5, "a", outcome="failed")], None),
    ],
)
def test_the_store_that_shows_least_bounds_the_loss(results, minutes):
    mark = bounding(results)
    assert (mark.at if mark is not None else None) == (EPOCH - minutes * MINUTE if minutes is not None else None)


@pytest.mark.parametrize("outcome", ["undetermined", "failed"])
def test_a_store_that_shows_no_datum_to_believe_leaves_the_loss_unknown(outcome):
    known = seen(5, "a", canary=True)
    assert all_dated([known])
    assert not all_dated([known, seen(None, "b", outcome=outcome, undated=True)])
    assert not all_dated([known, seen(None, "a", outcome=outcome, undated=True)])


@pytest.mark.parametrize("outcome", ["undetermined", "failed"])
def test_what_a_check_saw_that_did_not_pass_is_not_left_out_in_favour_of_others(outcome):
    assert not all_dated([seen(5, "a"), seen(90, "b", outcome=outcome)])


def test_a_clock_that_may_be_ahead_makes_its_datum_as_much_older():
    skewed = Watermark(at=EPOCH - 5 * MINUTE, source="q", store="b", clock_skew_seconds=600)
    assert skewed.written_by == EPOCH - 15 * MINUTE
    result = CheckResult(check="n", outcome="passed", statement="s", watermark=skewed)
    assert bounding([seen(7), result]) is skewed
    assert bounding([seen(20), result]) is not skewed
    assert rpa_interval(EPOCH, EPOCH - 4 * MINUTE, skewed) == (240_000, 900_000)
    ends = Watermark(at=datetime(1, 1, 1, tzinfo=UTC), source="q", clock_skew_seconds=600)
    assert ends.written_by == ends.at


stores = st.sampled_from(["a", "b", "c"])
marks = st.builds(seen, st.integers(0, 10_000), stores, canary=st.booleans())


@given(results=st.lists(marks, min_size=1, max_size=6), more=st.builds(seen, st.integers(0, 10_000), st.just("new")))
def test_another_store_never_makes_the_loss_smaller(results, more):
    before, after = bounding(results), bounding([*results, more])
    assert before is not None
    assert after is not None
    assert after.at <= before.at


def verified(world: World) -> Verified:
    outputs = [event.output for event in events_of(world) if isinstance(event, PhaseCompleted)]
    (output,) = [output for output in outputs if isinstance(output, Verified)]
    return output


@pytest.mark.parametrize(
    ("after_point", "believed"),
    [
        (timedelta(0), True),
        (-timedelta(minutes=2), True),
        (timedelta(milliseconds=1), False),
        (timedelta(minutes=5), False),
    ],
)
def test_a_datum_younger_than_the_backup_is_refused_whatever_the_verifier_says(after_point, believed):
    point = EPOCH - timedelta(minutes=10)
    world = World(Script(consistent_at=point, watermark=point + after_point))
    verdict = run(world).verdict
    assert verdict == ("passed" if believed else "inconclusive")
    assert (verified(world).watermark is not None) == believed
    measurement = concluded(world).measurements[0]
    assert measurement.rpo_attainment == ("met" if believed else "undetermined")
    if not believed:
        (check,) = verified(world).checks
        assert check.outcome == "undetermined"
        assert f"{point + after_point:%Y-%m-%d %H:%M:%SZ}" in check.observed
        assert measurement.rpa_upper_ms is None
