"""Nobody reads faster than the site lets them: shares of a cap, its arithmetic, and what it means for a recovery time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.config.values import parse_rate
from drp.domain.application import Objectives
from drp.domain.measure import rto_attainment
from drp.domain.pace import paced
from drp.domain.precheck import judge
from drp.domain.restore import RestoreOrder
from drp.repositories.copies.repository import PROGRAM
from tests.simulators.world import Script, World, plan
from tests.unit.test_drill_control_flow import codes, concluded, run
from tests.unit.test_precheck import ROOM

NAMES = ("ehr", "lis", "pacs")
MIB = 1 << 20


@pytest.fixture(scope="module")
def pace() -> Iterator[Any]:
    """Return the module that paces copies, as its program imports it."""
    sys.path.insert(0, str(PROGRAM.parent))
    import copy_pace

    yield copy_pace
    sys.path.remove(str(PROGRAM.parent))


class Time:
    """A clock that only moves when somebody sleeps, or reads slowly."""

    def __init__(self) -> None:
        self.now, self.ticks = 0.0, 0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 1.0, "no sign of life for longer"
        self.now += seconds

    def tick(self) -> None:
        self.ticks += 1


@given(
    most=st.integers(1024, 1 << 31),
    pieces=st.lists(st.tuples(st.integers(1, 1 << 22), st.floats(0, 2)), min_size=1, max_size=10),
)
def test_no_stretch_of_reading_is_faster_than_the_cap(pace, most, pieces):
    time = Time()
    paces = pace.Pace(most, time.tick, time.clock, time.sleep)
    began, read = time.now, 0
    for wanted, slowly in pieces:
        piece = paces.piece(wanted)
        assert 0 < piece <= wanted
        time.now += slowly
        paces.took(piece)
        read += piece
        assert read / most <= (time.now - began) * 1.000001 + 1e-6
        if slowly > piece / most:  # it was slower than allowed: what follows gains nothing by that
            began, read = time.now - piece / most, piece


def test_without_a_cap_nobody_waits(pace):
    time = Time()
    paces = pace.Pace(0, time.tick, time.clock, time.sleep)
    assert paces.piece(MIB) == MIB
    paces.took(1 << 40)
    assert (time.now, time.ticks) == (0.0, 0)


def test_a_slow_piece_gives_signs_of_life(pace):
    time = Time()
    paces = pace.Pace(1024, time.tick, time.clock, time.sleep)
    assert paces.piece(MIB) == 512
    paces.took(10 * 1024)
    assert (time.now, time.ticks) == (10.0, 10)


@given(
    names=st.integers(1, 3),
    repositories=st.lists(st.sampled_from(["vault", "worm"]), min_size=3, max_size=3),
    parallel=st.none() | st.integers(1, 4),
    vault=st.none() | st.integers(2048, 1 << 32),
    site=st.none() | st.integers(2048, 1 << 32),
    apart=st.booleans(),
)
def test_all_that_may_read_at_once_never_comes_to_more_than_is_allowed(
    names, repositories, parallel, vault, site, apart
):
    made = plan(NAMES[:names])
    recoveries = tuple(
        replace(
            each,
            repository=repository,
            application=replace(each.application, depends_on=() if apart else each.application.depends_on),
        )
        for each, repository in zip(made.recoveries, repositories, strict=False)
    )
    made = paced(replace(made, recoveries=recoveries, parallel=parallel), {"vault": vault, "worm": None}, site)
    for wave in made.waves():
        at_once = min(len(wave), parallel or len(wave))
        reading = sorted((each.bytes_per_second or 0 for each in wave), reverse=True)[:at_once]
        if site is not None:
            assert sum(reading) <= site
        same = sorted((each.bytes_per_second or 0 for each in wave if each.repository == "vault"), reverse=True)
        if vault is not None:
            assert sum(same[:at_once]) <= vault
            assert all(each.bytes_per_second for each in wave if each.repository == "vault")
    if site is None and vault is None:
        assert all(each.bytes_per_second is None for each in made.recoveries)


@pytest.mark.parametrize(
    ("said", "per_second"),
    [("50MB/s", 50_000_000), ("1KiB/s", 1024), ("400Mbit/s", 50_000_000), ("1.5 GiB/s", 1_610_612_736)],
)
def test_speeds_are_read_as_people_write_them(said: str, per_second: int) -> None:
    assert parse_rate(said) == per_second


@pytest.mark.parametrize("said", ["50MB", 50_000_000, "fast", "0MB/s", "1000B/s", "8bit/s", "50 MB / h", "-5MB/s", ""])
def test_what_is_no_speed_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match=r"speed|slower"):
        parse_rate(said)


def test_an_order_says_what_is_in_force() -> None:
    order = RestoreOrder(argv=("restic", "restore"), capped_by=("--limit-download", "{kib}"))
    capped = order.capped(5 * MIB + 7)
    assert (capped.argv[-2:], capped.bytes_per_second) == (("--limit-download", "5120"), 5 * MIB)
    assert order.capped(None) is order
    unable = RestoreOrder(argv=("other",))
    assert unable.capped(MIB) is unable
    exact = replace(order, capped_by=("--bytes-per-second", "{bytes}")).capped(5 * MIB + 7)
    assert (exact.argv[-1], exact.bytes_per_second) == (str(5 * MIB + 7), 5 * MIB + 7)


def capped_world(**script: Any) -> World:
    world = World(Script(**script))
    world.plan = paced(world.plan, {"vault": MIB}, None)
    return world


def test_a_cap_reaches_the_tool_and_the_record() -> None:
    world = capped_world(capped_by=("--limit-download", "{kib}"))
    run(world)
    (entry,) = [each for each in world.journal.stored[world.journal.drills()[0]] if _restored(each)]
    assert entry.event.output.bytes_per_second == MIB
    assert world.inputs["restore"]["order"]["argv"][-2:] == ["--limit-download", "1024"]
    assert concluded(world).verdict == "passed"
    (measurement,) = concluded(world).measurements
    assert measurement.capped_ms > 0
    assert "DRP-R005" not in codes(world)


def test_a_cap_that_nobody_can_set_is_told_and_not_passed_over() -> None:
    world = capped_world()
    run(world)
    assert "DRP-R005" in codes(world)
    (measurement,) = concluded(world).measurements
    assert measurement.capped_ms == 0
    assert concluded(world).verdict == "passed", "a warning: the time that was measured is true"


def test_a_cap_of_the_machine_that_is_not_in_force_is_told() -> None:
    for unset in ((), ("io_bytes_per_second",)):
        world = World(Script())
        (recovery,) = world.plan.recoveries
        profile = replace(recovery.sandbox, data_backing="disk", io_bytes_per_second=MIB)
        world.plan = replace(world.plan, recoveries=(replace(recovery, sandbox=profile),))
        opened = world.open
        world.open = lambda *taken, unset=unset, opened=opened: replace(opened(*taken), not_capped=unset)  # type: ignore[method-assign]
        run(world)
        assert ("DRP-R005" in codes(world)) == bool(unset)
        assert (concluded(world).measurements[0].capped_ms == 0) == bool(unset)


def test_what_would_be_late_under_a_cap_alone_is_neither_met_nor_missed() -> None:
    whole = capped_world(capped_by=("{bytes}",))
    run(whole)
    (measured,) = concluded(whole).measurements
    rta, capped = measured.rta_ms, measured.capped_ms
    assert rta is not None

    def attained(rto_ms: int, **script: Any) -> tuple[str, set[str]]:
        world = capped_world(**script)
        (recovery,) = world.plan.recoveries
        objectives = replace(recovery.application.objectives, rto=timedelta(milliseconds=rto_ms), mtpd=None)
        recovery = replace(recovery, application=replace(recovery.application, objectives=objectives))
        world.plan = replace(world.plan, recoveries=(recovery,))
        run(world)
        return concluded(world).measurements[0].rto_attainment, set(codes(world))

    attainment, found = attained(rta - 1, capped_by=("{bytes}",))
    assert (attainment, "DRP-T010" in found, "DRP-T001" in found) == ("undetermined", True, False)
    attainment, found = attained(rta - capped - 1, capped_by=("{bytes}",))
    assert (attainment, "DRP-T001" in found) == ("missed", True)
    assert attained(rta - 1)[0] == "missed", "no cap was in force"


@given(rta=st.integers(0, 10**8), turn=st.integers(0, 10**8), capped=st.integers(0, 10**8))
def test_what_slowed_it_never_turns_late_into_in_time(rta, turn, capped):
    objectives = Objectives(rto=timedelta(hours=1), rpo=timedelta(hours=1))
    found = rto_attainment(rta, objectives, recovered=True, waited_ms=turn + capped)
    assert (found == "met") == (rta <= 3_600_000)


def test_a_cap_under_which_no_drill_can_be_in_time_is_known_before() -> None:
    (recovery,) = plan(("ehr",)).recoveries
    slow = replace(plan(("ehr",)), recoveries=(replace(recovery, bytes_per_second=1024),))
    sizes = {"ehr": 1024 * 3600 * 1000}
    found = judge(slow, replace(ROOM, sizes=sizes))
    assert [reason.code for reason in found.reasons if reason.code == "slow-link"] == ["slow-link"]
    assert not judge(slow, ROOM).reasons, "nobody knows how much it is"


def _restored(entry: Any) -> bool:
    output = getattr(entry.event, "output", None)
    return output is not None and output.phase == "restore"
