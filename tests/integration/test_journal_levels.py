"""Drills of every level in a real journal: a full drill is found however many shallower ones came since."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from drp.domain.schedule.proofs import proofs
from drp.domain.standing import standings
from drp.drill.conduct import conduct
from drp.drill.declare import declare, states
from drp.journal import SqlJournal
from tests.simulators.world import Script, World


def held(journal: SqlJournal, world: World, level: str, **script: object) -> str:
    """Hold a drill of a level, all of whose points are fresh, and return its id."""
    world.clock.sleep(3_600.0)
    now = world.clock.now().wall
    world.script = replace(Script(consistent_at=now, watermark=now), **script)
    plan = replace(world.plan, level=level, scenario=replace(world.plan.scenario, disaster_at=None))
    recorder = declare(plan, journal, world, world.clock, requested_by="test", ad_hoc=False)
    conduct(recorder, replace(world.ports(), journal=journal))
    return recorder.drill


def test_the_newest_of_each_level_and_verdict_is_told(tmp_path: Path) -> None:
    world = World()
    path = tmp_path / "journal.sqlite"
    with closing(SqlJournal(path, world.clock)) as journal:
        full = held(journal, world, "full")
        broken = held(journal, world, "hash", difference={"changed": 1})
        hashes = [held(journal, world, "hash") for _ in range(5)]
        samples = [held(journal, world, "sample") for _ in range(3)]
        fresh = journal.history.telling(["ehr"])
        journal.verify()
        stored = journal.history.telling(["ehr"])
    with closing(SqlJournal(path, world.clock)) as journal:
        again = journal.history.telling(["ehr"])
        assert stored == again
        assert {full, broken, hashes[-1], samples[-1]} <= set(stored) <= set(fresh)
        told = states(journal, stored)
        found = {(proof.level, proof.drill) for proof in proofs(told)["ehr"]}
        assert {("full", full), ("hash", hashes[-1]), ("sample", samples[-1])} <= found
        assert journal.history.rta_ms("ehr") == told[0].concluded.measurements[0].rta_ms
        assert [each.level for each in journal.history.newest(3)] == ["sample"] * 3
        now = world.clock.now().wall
        before = journal.history.baselines("ehr", before=now, until=now, counted=False, but="")
        assert before == (full,)
        (standing,) = standings({"ehr": world.plan.recoveries[0].application}, told, now)
        assert (standing.last.drill, standing.compared.drill) == (full, samples[-1])
        assert standing.level == "ok", standing.reasons
        assert journal.history.misfit() == ""
