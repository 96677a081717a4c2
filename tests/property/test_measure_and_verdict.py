"""Properties of what is measured and what passes: no arithmetic and no order of events can earn a false pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from drp.domain.application import Objectives
from drp.domain.check import Watermark
from drp.domain.clock import Stamp, elapsed_ms
from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.measure import rpa_interval, rpo_attainment, rto_attainment
from drp.domain.recovery_point import RecoveryPoint, Selection, preference, refusal
from drp.domain.verdict import conclude
from tests.simulators.world import EPOCH, World, plan
from tests.unit.test_drill_control_flow import run

seconds = st.integers(min_value=-10_000_000, max_value=10_000_000)
OBJECTIVES = Objectives(rto=timedelta(hours=1), rpo=timedelta(hours=1))


@given(point=seconds, watermark=st.none() | seconds)
def test_rpa_is_an_interval_and_met_means_inside(point, watermark):
    mark = None if watermark is None else Watermark(at=EPOCH + timedelta(seconds=watermark), source="x")
    lower, upper = rpa_interval(EPOCH, EPOCH + timedelta(seconds=point), mark)
    assert (lower is None) == (point > 0), "a point of after the disaster measures nothing"
    if lower is None:
        assert upper is None
        assert rpo_attainment(lower, upper, OBJECTIVES) == "not-measured"
        return
    assert lower >= 0
    assert upper is None or upper >= lower
    attainment = rpo_attainment(lower, upper, OBJECTIVES)
    if attainment == "met":
        assert upper is not None
        assert upper <= 3_600_000
    if attainment == "missed":
        assert lower > 3_600_000


@given(lower=st.integers(0, 10**8), upper=st.integers(0, 10**8), worse=st.integers(0, 10**7))
def test_losing_more_never_turns_missed_into_met(lower, upper, worse):
    order = ["met", "undetermined", "missed"]
    upper = max(lower, upper)
    before = rpo_attainment(lower, upper, OBJECTIVES)
    after = rpo_attainment(lower + worse, upper + worse, OBJECTIVES)
    assert order.index(after) >= order.index(before)


def test_no_recovery_is_no_attainment():
    assert rto_attainment(None, OBJECTIVES) == "not-measured"
    assert rpo_attainment(None, None, OBJECTIVES) == "not-measured"


@given(start=st.integers(0, 10**15), end=st.integers(0, 10**15), jump=seconds, same=st.booleans())
def test_a_duration_is_never_negative_and_a_clock_that_ran_backwards_measured_nothing(start, end, jump, same):
    first = Stamp(wall=EPOCH, monotonic_ns=start, boot_id="a")
    last = Stamp(wall=EPOCH + timedelta(seconds=jump), monotonic_ns=end, boot_id="a" if same else "b")
    milliseconds, monotonic = elapsed_ms(first, last)
    backwards = end < start if same else jump < 0
    assert (milliseconds is None) == backwards
    assert milliseconds is None or milliseconds >= 0
    assert monotonic is same


ages = st.lists(st.integers(-1000, 100_000), min_size=0, max_size=12, unique=True)


def points_of(drawn: list[int]) -> list[RecoveryPoint]:
    return [
        RecoveryPoint(
            id=f"{index:064x}", repository="r", application="a", consistent_at=EPOCH - timedelta(seconds=age), size_bytes=None
        )
        for index, age in enumerate(drawn)
    ]  # fmt: skip


@given(drawn=ages, seed=st.integers(0, 1000))
def test_a_draw_can_be_drawn_again(drawn, seed):
    points, selection = points_of(drawn), Selection(policy="random", seed=seed)
    assert preference(points, selection) == preference(list(reversed(points)), selection)


@given(drawn=ages)
def test_newest_and_oldest_are_what_they_say_and_the_future_is_refused(drawn):
    points = points_of(drawn)
    newest = preference(points, Selection(policy="newest"))
    assert list(newest) == sorted(points, key=lambda p: p.consistent_at, reverse=True)
    assert preference(points, Selection(policy="oldest-retained")) == tuple(reversed(newest))
    for point in points:
        assert (refusal(point, Selection(), EPOCH) is None) == (point.consistent_at <= EPOCH)


def healthy():
    world = World()
    run(world)
    (drill,) = world.journal.drills()
    from drp.domain.fold import fold

    state = fold(world.journal.entries(drill))
    assert state.concluded is not None
    outputs = {name: replace(progress.outputs) for name, progress in state.recoveries.items()}
    return state.plan, outputs, {m.recovery: m for m in state.concluded.measurements}


@given(st.sampled_from(["select", "prepare", "restore", "hash", "start", "verify"]))
def test_without_any_one_phase_nothing_passes(phase):
    drill_plan, outputs, measurements = healthy()
    assert conclude(drill_plan, outputs, {}, measurements)[0] == "passed"
    setattr(outputs["ehr"], phase, None)
    assert conclude(drill_plan, outputs, {}, measurements)[0] == "inconclusive"


@given(st.lists(st.sampled_from(sorted(CATALOGUE)), min_size=1, max_size=5))
def test_any_grave_finding_forbids_a_pass(chosen):
    drill_plan, outputs, measurements = healthy()
    findings = [CATALOGUE[code].finding(subject="x", observed="y", expected="z") for code in chosen]
    verdict = conclude(drill_plan, outputs, {"ehr": findings}, measurements)[0]
    severities = {finding.severity for finding in findings}
    expected = "failed" if "critical" in severities else "inconclusive" if "inconclusive" in severities else "passed"
    assert verdict == expected


def test_what_was_compared_with_too_little_does_not_pass():
    drill_plan, outputs, measurements = healthy()
    hashed = outputs["ehr"].hash
    for files, files_hashed in ((0, 0), (0, 10), (10, 9), (10, 0)):
        outputs["ehr"].hash = replace(
            hashed,
            manifest=replace(hashed.manifest, files=files),
            difference=replace(hashed.difference, files_hashed=files_hashed),
        )
        assert conclude(drill_plan, outputs, {}, measurements)[0] == "inconclusive"


def test_one_recovery_does_not_speak_for_two():
    drill_plan, outputs, measurements = healthy()
    elsewhere = replace(drill_plan.recoveries[0], repository="offsite")
    twice = replace(drill_plan, recoveries=(*drill_plan.recoveries, elsewhere))
    assert conclude(twice, outputs, {}, measurements)[0] == "inconclusive"


def test_an_empty_plan_an_empty_drill_and_a_drill_without_measurement_do_not_pass():
    drill_plan, outputs, _ = healthy()
    assert conclude(plan(()), {}, {}, {})[0] == "inconclusive"
    assert conclude(drill_plan, {}, {}, {})[0] == "inconclusive"
    assert conclude(drill_plan, outputs, {}, {})[0] == "inconclusive"
