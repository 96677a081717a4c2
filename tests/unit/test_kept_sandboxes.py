"""A kept sandbox stays on the list until somebody looked and nothing of it was left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.events import SandboxDestroyed
from drp.domain.fold import fold
from drp.domain.sandbox import Residue, SandboxHandle
from drp.drill.declare import reopen
from drp.drill.release import is_held, release
from drp.errors import SandboxError
from tests.simulators.world import World
from tests.support.findings import told
from tests.unit.test_drill_control_flow import run


@pytest.mark.parametrize(("residue", "still"), [(Residue(processes=0), False), (Residue(processes=1), True)])
def test_a_kept_sandbox_whose_end_left_something_is_not_forgotten(residue, still):
    world = World()
    world.plan = replace(world.plan, keep_sandbox=True)
    run(world)
    (drill,) = world.journal.drills()
    assert is_held(fold(world.journal.entries(drill)).recoveries["ehr"])
    world.journal.append(drill, SandboxDestroyed(recovery="ehr", sandbox="sbx-1", residue=residue))
    assert is_held(fold(world.journal.entries(drill)).recoveries["ehr"]) is still


@pytest.mark.parametrize(("left", "codes"), [(Residue(processes=0), []), (Residue(processes=1), ["DRP-D001"])])
def test_whoever_lets_a_kept_sandbox_go_journals_what_is_left_once(left, codes):
    world = World()
    world.plan = replace(world.plan, keep_sandbox=True)
    run(world)
    (drill,) = world.journal.drills()
    before = len(list(world.journal.entries(drill)))
    for _ in range(2):
        release(reopen(drill, world.journal), "ehr", lambda _: left)
    events = [entry.event for entry in world.journal.entries(drill)][before:]
    assert [finding.code for finding in told(events)] == codes
    assert isinstance(events[0], SandboxDestroyed)


def test_that_nobody_could_look_is_a_finding():
    world = World()
    world.plan = replace(world.plan, keep_sandbox=True)
    run(world)
    (drill,) = world.journal.drills()

    def refuse(_: SandboxHandle) -> Residue:
        raise SandboxError("the driver is not there any more")

    recorder = reopen(drill, world.journal)
    residue = release(recorder, "ehr", refuse)
    assert residue is not None
    assert not residue.clean
    assert "DRP-D001" in {finding.code for finding in recorder.state.recoveries["ehr"].findings}
