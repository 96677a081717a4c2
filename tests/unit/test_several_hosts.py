"""Drills of several hosts in one journal: whose clock is told of whom, and one record whoever seals it."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import timedelta

from drp.domain.events import EvidenceSealed
from drp.domain.fold import fold
from drp.domain.plan import DrillPlan
from drp.drill.conduct import conduct
from drp.drill.declare import declare, matching
from drp.evidence.record import make_record, record_bytes
from tests.simulators.world import World


def without_day(world: World) -> DrillPlan:
    return replace(world.plan, scenario=replace(world.plan.scenario, disaster_at=None))


def test_another_hosts_clock_that_runs_ahead_is_not_this_one_set_back() -> None:
    world = World()
    recorder = declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False)
    assert recorder.state.declared is not None
    world.journal.append("z-1", replace(recorder.state.declared, host="other"))
    world.clock.behind = timedelta(hours=2)
    world.plan = without_day(world)
    # this host's own drill is as old: both are ahead of the clock now
    again = declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False)
    assert again.state.declared is not None
    assert 7_100_000 < again.state.declared.clock_apart_ms <= 7_200_000
    assert 7_100_000 < again.state.declared.clock_behind_ms <= 7_200_000


def test_of_a_host_that_never_wrote_nothing_is_said_to_have_been_set_back() -> None:
    world = World()
    recorder = declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False)
    assert recorder.state.declared is not None
    alone = World()
    alone.journal.append("z-1", replace(recorder.state.declared, host="other"))
    alone.clock.behind = timedelta(hours=2)
    alone.plan = without_day(alone)
    again = declare(alone.plan, alone.journal, alone, alone.clock, requested_by="t", ad_hoc=False)
    assert again.state.declared is not None
    assert again.state.declared.clock_behind_ms == 0
    assert 7_100_000 < again.state.declared.clock_apart_ms <= 7_200_000


def test_the_id_names_the_host_where_the_journal_is_shared() -> None:
    world = World()
    first, second = (
        declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False, shared=True).drill
        for _ in range(2)
    )
    part = socket.gethostname().partition(".")[0].lower()
    assert part[:10] in first
    assert first != second
    assert matching(first, (first, second)) == first


def test_whoever_seals_makes_the_same_record() -> None:
    """The tools are journalled with the verdict; a host with others, after a crash, adds nothing of its own."""
    world = World()
    recorder = declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False)
    conduct(recorder, world.ports())
    entries = tuple(world.journal.entries(recorder.drill))
    concluded, sealed = fold(entries).concluded, fold(entries).sealed
    assert concluded is not None
    assert dict(concluded.tools) == dict(world.ports().tools())
    assert isinstance(sealed, EvidenceSealed)
    assert sealed.host == socket.gethostname()
    unsealed = entries[:-1]
    assert record_bytes(make_record(unsealed, concluded.tools)) == record_bytes(make_record(entries, concluded.tools))
