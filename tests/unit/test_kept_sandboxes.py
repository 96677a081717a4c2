"""A kept sandbox stays on the list until somebody looked and nothing of it was left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.events import SandboxDestroyed
from drp.domain.fold import fold
from drp.domain.sandbox import Residue
from drp.drill.release import is_held
from tests.simulators.world import World
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
