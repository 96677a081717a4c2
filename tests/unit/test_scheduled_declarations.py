"""Of one occasion of the schedule there is one drill, whoever declares it; and it vouches for the register."""

from __future__ import annotations

import multiprocessing
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drp.clock import SystemClock
from drp.domain.events import DrillDeclared
from drp.domain.occasion import Occasion
from drp.domain.schedule.events import PolicySeen
from drp.domain.worm.known import RepositoryKnown
from drp.drill.declare import declare
from drp.drill.recorder import Silent
from drp.errors import Busy, Tampered
from drp.journal import SqlJournal
from drp.service.registered import occasion_of, require_declared
from tests.simulators.journal import MemoryJournal
from tests.simulators.register import MemoryRegister
from tests.simulators.world import Script, World, plan
from tests.unit.test_drill_control_flow import run

OCCASION = Occasion(
    order="ehr/full@20261129T020000Z",
    slots=("ehr/full@20261129T020000Z",),
    policies={"ehr/full": "a" * 64},
    expected_at=datetime(2026, 11, 29, 2, tzinfo=UTC),
    register_head="-1:" + "0" * 64,
    worker="alpha/cellar",
)
ID = "ehr-drill-20261129-020000z"


def declared(journal: Any, occasion: Occasion | None = OCCASION) -> str:
    made = replace(plan(), name="ehr-drill")
    return declare(
        made, journal, Silent(), SystemClock(), requested_by="schedule", ad_hoc=False, occasion=occasion
    ).state.drill


def test_a_drill_of_the_schedule_has_its_name_of_the_occasion_and_says_why_it_is_held(tmp_path: Path) -> None:
    with closing(SqlJournal(tmp_path / "journal.sqlite", SystemClock())) as journal:
        assert declared(journal) == ID
        first = next(journal.entries(ID)).event
        assert isinstance(first, DrillDeclared)
        assert first.occasion == OCCASION == occasion_of(journal, ID)
        by_hand = declared(journal, occasion=None)
        assert not by_hand.endswith("z")
        assert occasion_of(journal, by_hand) is None


def test_a_second_drill_of_one_occasion_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with closing(SqlJournal(tmp_path / "journal.sqlite", SystemClock())) as journal:
        declared(journal)
        with pytest.raises(Busy, match=ID):
            declared(journal)
        assert len(list(journal.entries(ID))) == 1
        assert journal.verify() == 1
    memory = MemoryJournal(SystemClock())
    declared(memory)
    with pytest.raises(Busy, match=ID):
        declared(memory)


def test_of_many_processes_that_declare_at_once_one_does(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    SqlJournal(path, SystemClock()).close()
    together = multiprocessing.get_context("spawn")
    barrier, said = together.Barrier(4), together.Queue()
    workers = [together.Process(target=_compete, args=(path, barrier, said)) for _ in range(4)]
    for worker in workers:
        worker.start()
    told = sorted(said.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    assert told == ["busy", "busy", "busy", "declared"]
    with closing(SqlJournal(path, SystemClock())) as journal:
        assert journal.verify() == 1


def _compete(path: Path, barrier: Any, said: Any) -> None:
    with closing(SqlJournal(path, SystemClock())) as journal:
        barrier.wait(100)
        try:
            declared(journal)
        except Busy:
            said.put("busy")
        else:
            said.put("declared")


def test_a_register_that_lost_what_a_drill_names_was_tampered_with(tmp_path: Path) -> None:
    clock = SystemClock()
    register = MemoryRegister(clock)
    register.append(PolicySeen(policy="ehr/full", digest="a"), PolicySeen(policy="lis/full", digest="a"))
    with closing(SqlJournal(tmp_path / "journal.sqlite", clock)) as journal:
        require_declared(journal, register)
        declared(journal, replace(OCCASION, register_head=register.head()))
        require_declared(journal, register)
        require_declared(journal, register, every=True)
        kept = register.written[:]
        register.append(PolicySeen(policy="pacs/full", digest="a"))
        require_declared(journal, register)  # what came afterwards takes nothing away
        register.written = kept[:1]
        for every in (False, True):
            with pytest.raises(Tampered, match=ID):
                require_declared(journal, register, every=every)
        register.written = []
        with pytest.raises(Tampered, match=ID):
            require_declared(journal, register)


def test_a_head_that_is_none_is_believed_by_nobody(tmp_path: Path) -> None:
    clock = SystemClock()
    with closing(SqlJournal(tmp_path / "journal.sqlite", clock)) as journal:
        declared(journal, replace(OCCASION, register_head="nonsense"))
        with pytest.raises(Tampered):
            require_declared(journal, MemoryRegister(clock))


@pytest.mark.parametrize("every", [False, True])
def test_a_register_that_lost_what_a_drill_saw_when_it_took_its_point_was_tampered_with(every: bool) -> None:
    register = MemoryRegister(SystemClock())
    register.append(PolicySeen(policy="ehr/full", digest="a"), PolicySeen(policy="lis/full", digest="a"))
    world = World(Script(known=RepositoryKnown(head=register.head())))
    assert run(world).verdict == "passed"
    require_declared(world.journal, register, every=every)
    register.written = register.written[:1]
    with pytest.raises(Tampered, match="is not any more"):
        require_declared(world.journal, register, every=every)
