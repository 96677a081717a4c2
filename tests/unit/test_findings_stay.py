"""What an attempt found stays found, whatever the next attempt finds, and with what a drill is resumed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.events import FindingRaised, PhaseCompleted, PhaseStarted, Resumed
from drp.domain.evidence import RecoveryRecord
from drp.domain.sandbox import EgressAttempt
from drp.evidence.record import read_record
from tests.simulators.world import EPOCH, Script, World, dying, events_of
from tests.unit.test_drill_control_flow import codes, concluded, run
from tests.unit.test_drill_cut_off import killed_at, taken_up


def append_of(script: Script, wanted: type, phase: str, *, names: tuple[str, ...] = ("ehr",)) -> int:
    """Return the number of the first append of such an event of a phase, in a drill that nobody kills."""
    world = World(replace(script), names=names, on_interrupt="resume")
    run(world)
    return next(
        number
        for number, event in enumerate(events_of(world), start=1)
        if isinstance(event, wanted) and getattr(getattr(event, "output", event), "phase", "") == phase
    )


def recorded(world: World) -> RecoveryRecord:
    (content,) = world.records.values()
    return read_record(content).recoveries[0]


HEAL = {
    "hash": lambda script: setattr(script, "difference", {}),
    "restore": lambda script: setattr(script, "unrestored", ()),
    "verify": lambda script: setattr(script, "checks", ("passed",)),
    "start": lambda script: setattr(script, "start_ok", True),
}


@pytest.mark.parametrize(
    ("script", "phase", "code"),
    [
        (Script(unrestored=("/data/1: corrupt",)), "restore", "DRP-R001"),
        (Script(difference={"missing": 1}), "hash", "DRP-H002"),
        (Script(difference={"changed": 1, "unexpected": 2}), "hash", "DRP-H001"),
        (Script(start_ok=False), "start", "DRP-U001"),
        (Script(checks=("failed", "passed")), "verify", "DRP-C001"),
        (Script(checks=("undetermined",)), "verify", "DRP-C002"),
    ],
)
@pytest.mark.parametrize("later", [0, 1, 2])
def test_a_second_attempt_that_is_sound_does_not_make_a_finding_unsaid(script, phase, code, later):
    """Killed right after the phase's output was journalled, and a little later: some findings are not raised yet then."""
    number = append_of(script, PhaseCompleted, phase)
    world = killed_at(number + later, replace(script))
    HEAL[phase](world.script)
    taken_up(world)
    assert concluded(world).verdict == ("inconclusive" if code == "DRP-C002" else "failed")
    record = recorded(world)
    assert code in {finding.code for finding in record.findings}
    if any(isinstance(event, Resumed) and event.lost_sandboxes for event in events_of(world)):
        assert code in {finding.code for finding in record.earlier_findings}


def test_a_finding_that_both_attempts_make_is_not_called_earlier():
    script = Script(difference={"missing": 1})
    world = taken_up(killed_at(append_of(script, PhaseStarted, "verify"), script))
    record = recorded(world)
    assert [finding.code for finding in record.findings].count("DRP-H002") == 1
    assert "DRP-H002" not in {finding.code for finding in record.earlier_findings}


def test_a_check_that_failed_is_said_before_the_next_one_runs():
    world = World(Script(checks=("failed",)), on_interrupt="resume")
    (recovery,) = world.plan.recoveries
    first = recovery.application.checks[0]
    application = replace(recovery.application, checks=(first, replace(first, name="slow")))
    world.plan = replace(world.plan, recoveries=(replace(recovery, application=application),))
    asked = 0

    def die_in_the_second(name: str) -> None:
        nonlocal asked
        asked += name == "check"
        if asked == 2:
            world.journal.kill_at = (world.journal.appends + 1, "before")
            world.script.checks = ("passed",)

    world.script.on_call = die_in_the_second
    with dying():
        run(world)
    world.journal.kill_at, world.script.on_call = None, lambda name: None
    world.alive.clear()
    taken_up(world)
    assert concluded(world).verdict == "failed"
    assert [finding.code for finding in recorded(world).earlier_findings] == ["DRP-C001"]


def test_findings_of_the_select_phase_are_not_said_twice():
    script = Script(immutability="none")
    world = taken_up(killed_at(append_of(script, PhaseStarted, "verify"), script))
    assert [finding.code for finding in recorded(world).findings].count("DRP-W001") == 1
    assert recorded(world).earlier_findings == ()


def test_egress_of_the_first_attempt_stays_a_warning():
    script = Script()
    number = append_of(script, PhaseCompleted, "verify")
    world = World(script, on_interrupt="resume")
    attempt = EgressAttempt(
        at=EPOCH, protocol="tcp", destination="10.0.0.1", port=25, payload_bytes=0, payload_digest=""
    )
    world.egress = lambda handle: (attempt,)  # type: ignore[method-assign]
    world.journal.kill_at = (number, "after")
    with dying():
        run(world)
    world.journal.kill_at = None
    taken_up(world)
    assert "DRP-I002" in codes(world)


@pytest.mark.parametrize("difference", [{}, {"missing": 1}])
def test_with_another_runbook_a_drill_does_not_go_on(difference):
    script = Script(difference=difference, materials={"runbooks/mine/restore.yml": "a", "drp": "1"})
    world = World(script, on_interrupt="resume")
    world.plan = replace(world.plan, materials=dict(script.materials))
    started = append_of(Script(difference=difference), PhaseStarted, "verify")
    world.journal.kill_at = (started, "after")
    with dying():
        run(world)
    world.journal.kill_at = None
    opened = world.opened
    world.script.materials = {"runbooks/mine/restore.yml": "b", "drp": "1"}
    taken_up(world)
    assert concluded(world).verdict == ("failed" if difference else "inconclusive")
    assert world.opened == opened, "nothing was restored again"
    found = [finding for finding in recorded(world).findings if finding.code == "DRP-X005"]
    assert [finding.observed for finding in found] == ["no longer as declared: runbooks/mine/restore.yml"]
    assert world.records, "it is sealed all the same"


@pytest.mark.parametrize(
    "now",
    [
        {"drp": "2", "restic": "r"},
        {"drp": "1"},
        {"drp": "1", "restic": "r", "runbooks/new/start.yml": "n"},
        {},
    ],
)
def test_what_was_changed_came_or_went_stops_the_drill(now):
    world = World(Script(materials={"drp": "1", "restic": "r"}))
    world.plan = replace(world.plan, materials={"drp": "1", "restic": "r"})
    world.script.on_call = lambda name: setattr(world.script, "materials", now) if name == "open" else None
    assert run(world).verdict == "inconclusive"
    assert codes(world) == {"DRP-X005"}
    assert not {"runbook.restore", "runbook.start"} & set(world.calls)
    assert not world.alive


def test_what_a_phase_found_is_kept_when_its_tools_changed_under_it():
    world = World(Script(materials={"drp": "1"}, difference={"changed": 1}))
    world.plan = replace(world.plan, materials={"drp": "1"})
    world.script.on_call = lambda name: setattr(world.script, "materials", {"drp": "2"}) if name == "compare" else None
    assert run(world).verdict == "failed"
    assert codes(world) == {"DRP-H001", "DRP-X005", "DRP-T003"}
    assert not world.alive
    assert any(
        isinstance(event, FindingRaised) and event.finding.remedy.startswith("run the drill again")
        for event in events_of(world)
    )
