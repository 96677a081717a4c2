"""Drills that are cut off: whatever was found before the cut is still said after it, and nothing is made better."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.codec import canonical, to_data
from drp.domain.events import PhaseFailed, Resumed, SandboxDestroyed, SandboxKept
from drp.domain.sandbox import Residue
from drp.drill.declare import reopen
from drp.drill.resume import take_up
from drp.errors import AccessDenied, SandboxError
from drp.redact import remember
from tests.simulators.world import Script, World, dying, events_of
from tests.support.findings import told
from tests.unit.test_drill_control_flow import codes, concluded, run

LEFT = Residue(processes=1, paths=("/run/drp/data",))


def killed_at(number: int, script: Script, on_interrupt: str = "resume", *, names: tuple[str, ...] = ("ehr",)) -> World:
    world = World(script, on_interrupt=on_interrupt, names=names)
    world.journal.kill_at = (number, "after")
    with dying():
        run(world)
    world.journal.kill_at = None
    world.alive.clear()  # a sandbox dies with its process
    return world


def taken_up(world: World) -> World:
    (drill,) = world.journal.drills()
    take_up(reopen(drill, world.journal, world), world.ports())
    return world


@pytest.mark.parametrize("on_interrupt", ["conclude", "resume"])
@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script(unreadable=("snapshots/0a",)), "DRP-S002"),
        (Script(immutability="none"), "DRP-W001"),
        (Script(difference={"missing": 1}), "DRP-H002"),
        (Script(start_ok=False), "DRP-U001"),
        (Script(checks=("failed",)), "DRP-C001"),
    ],
)
def test_a_finding_survives_being_killed_at_every_append(script, code, on_interrupt):
    reference = World(script)
    verdict = run(reference).verdict
    for number in range(2, reference.journal.appends + 1):
        world = killed_at(number, script, on_interrupt)
        said = code in codes(world)
        taken_up(world)
        if on_interrupt == "resume" or said:
            assert code in codes(world), number
            allowed = {verdict} if verdict == "failed" else {verdict, "inconclusive"}
            assert concluded(world).verdict in allowed, number
        else:
            assert concluded(world).verdict != "passed", number


def test_a_bad_end_is_not_made_unsaid_by_a_second_attempt():
    script = Script(start_ok=False)
    reference = World(script, names=("lis",))
    run(reference)
    ended = next(n for n, event in enumerate(events_of(reference), start=1) if isinstance(event, SandboxDestroyed))
    world = killed_at(ended - 1, script, names=("lis",))
    script.start_ok = True  # the second time it would start
    taken_up(world)
    assert concluded(world).verdict == "failed"
    assert "DRP-U001" in codes(world)
    assert world.opened == 1


def test_what_a_lost_sandbox_left_is_said():
    world = killed_at(6, Script(residue=LEFT))
    world.script.on_call = lambda name: (
        setattr(world.script, "residue", Residue(processes=0)) if name == "open" else None
    )
    taken_up(world)
    assert any(isinstance(event, Resumed) and event.lost_sandboxes for event in events_of(world))
    assert concluded(world).verdict == "failed"
    assert "DRP-D001" in codes(world)


def test_a_lost_sandbox_that_cannot_be_looked_at_is_residue():
    world = killed_at(6, Script(faults={"destroy": SandboxError("no answer")}))
    world.script.on_call = lambda name: world.script.faults.clear() if name == "open" else None
    taken_up(world)
    (left,) = told(events_of(world))[-2:-1]
    assert (left.code, left.observed) == ("DRP-D001", "unknown: no answer")


@pytest.mark.parametrize("on_interrupt", ["conclude", "resume"])
def test_a_sandbox_that_died_with_its_process_is_not_kept(on_interrupt):
    world = World(on_interrupt=on_interrupt)
    world.plan = replace(world.plan, keep_sandbox=True)
    world.journal.kill_at = (9, "after")
    with dying():
        run(world)
    world.journal.kill_at = None
    world.alive.clear()
    taken_up(world)
    assert not any(isinstance(event, SandboxKept) for event in events_of(world))
    assert any(isinstance(event, SandboxDestroyed) for event in events_of(world))


def test_nothing_is_started_beside_a_restore_cell_that_does_not_go():
    world = World(Script(cell_residue=LEFT))
    assert run(world).verdict == "inconclusive"
    assert "DRP-R003" in codes(world)
    assert not {"compare", "runbook.start"} & set(world.calls)


def test_a_clock_that_was_set_back_by_a_reboot_meets_no_objective():
    world = killed_at(6, Script())
    world.clock.boot, world.clock.behind = "boot-2", timedelta(days=20_000)
    taken_up(world)
    measurement = concluded(world).measurements[0]
    assert (measurement.rta_ms, measurement.rto_attainment) == (None, "undetermined")
    assert "DRP-T006" in codes(world)
    assert concluded(world).verdict == "inconclusive"


def test_a_drill_that_is_cut_off_again_and_again_is_concluded():
    world = killed_at(6, Script())
    for _ in range(3):
        world.journal.kill_at = (world.journal.appends + 4, "after")
        with dying():
            taken_up(world)
        world.alive.clear()
    world.journal.kill_at = None
    taken_up(world)
    assert sum(isinstance(event, Resumed) for event in events_of(world)) == 3
    assert concluded(world).verdict == "inconclusive"


@pytest.mark.parametrize("where", ["points", "prove", "receipt", "compare", "runbook.start", "check"])
def test_an_unforeseen_error_ends_destroyed_and_sealed(where):
    world = World(Script(faults={where: ValueError("embedded null byte")}))
    assert run(world).verdict == "inconclusive"
    (failed,) = [event for event in events_of(world) if isinstance(event, PhaseFailed)]
    assert failed.exit_status == 70
    assert re.fullmatch(r"unforeseen ValueError in \w+, line \d+: embedded null byte", failed.message)
    assert not world.alive
    assert world.records


def test_no_secret_that_an_error_tells_is_journalled():
    remember("Tr0ub4dor&3")
    world = World(Script(faults={"points": AccessDenied("wrong password Tr0ub4dor&3", hint="not Tr0ub4dor&3")}))
    run(world)
    text = b"".join(canonical(to_data(event)) for event in events_of(world)) + b"".join(world.records.values())
    assert b"[secret]" in text
    assert b"Tr0ub4dor" not in text
