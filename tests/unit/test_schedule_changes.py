"""What changed, and which slots that and other drills cause: once each, whoever asks how often."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.application import Application
from drp.domain.clock import Stamp
from drp.domain.schedule.causes import PassedDrill, after_slots
from drp.domain.schedule.changes import COUNTS, WORDS, changed, used
from drp.domain.schedule.events import Paused, PolicySeen, RegisterEntry, SlotEnded, SlotExpected
from drp.domain.schedule.fold import ScheduleState, fold_register
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.proofs import Proof
from drp.domain.schedule.slot import Ending, Slot
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.schedule.causes import caused_slots
from tests.simulators.clock import EPOCH
from tests.simulators.world import Script, World

START = EPOCH - timedelta(days=1)
PLAIN = Policy(application="ehr", level="full", max_age=timedelta(days=30), grace=timedelta(days=3))
AFTER = replace(PLAIN, after="weekly")
ON_CHANGE = replace(PLAIN, on_change=True)
PROOF = Proof(level="full", drill="proof", declared_at=EPOCH, host="here")
HEX = st.sampled_from(["a" * 64, "b" * 64])
USES = st.dictionaries(st.sampled_from(["x", "y", "repository r", "runbooks of drp"]), HEX)


class Sheet:
    """A register's state, and what happens to it."""

    def __init__(self, policy: Policy, since: datetime = START) -> None:
        self.policy, self.position, self.state = policy, 0, ScheduleState()
        self.policies = {policy.key: policy}
        self.write(PolicySeen(policy=policy.key, digest="d"), since)

    def write(self, event: object, at: datetime) -> None:
        stamp = Stamp(wall=at, monotonic_ns=0, boot_id="b")
        fold_register([RegisterEntry(position=self.position, stamp=stamp, event=event, link="l")], self.state)  # type: ignore[arg-type]
        self.position += 1

    def expect(self, *slots: Slot) -> None:
        for slot in slots:
            self.write(SlotExpected(slot=slot), slot.at)

    def end(self, slot: Slot, ending: Ending = "held", drill: str = "") -> None:
        self.write(SlotEnded(slot=slot, ending=ending, reason="held", values={}, drill=drill), slot.at)


def causes(sheet: Sheet, world: World | None = None, *, since=lambda app, drill: (), now: datetime = EPOCH, proof: Proof | None = PROOF):  # fmt: skip
    proven = {sheet.policy.key: proof} if proof is not None else {}
    return caused_slots(sheet.policies, sheet.state, (world or World()).journal, since=since, proven=proven, now=now)


def hold(world: World, **changes: object) -> datetime:
    """Hold a drill and return when it was sealed."""
    plan = replace(world.plan, **changes)
    recorder = declare(plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False)
    conduct(recorder, world.ports())
    assert recorder.state.sealed_at is not None
    return recorder.state.sealed_at.wall


def test_every_part_of_an_application_counts_or_does_not():
    assert {field.name for field in fields(Application)} == {*COUNTS, *WORDS}
    assert not set(COUNTS) & set(WORDS)


@given(USES, USES)
def test_what_changed_is_what_differs_but_for_what_an_older_drp_did_not_declare(then, now):
    found = changed(then, now)
    assert found == changed(now, then)
    assert changed(then, then) == ()
    for name in then.keys() | now.keys():
        later = name.startswith(("repository ", "runbooks of drp")) and not (name in then and name in now)
        assert (name in found) is (not later and then.get(name) != now.get(name))


def test_runbooks_of_other_kinds_are_left_out_and_shared_ones_are_not():
    materials = {
        f"runbooks/{name}": "d"
        for name in ("own/restore.yml", "own/files/x", "other/restore.yml", "other/files/x", "roles/r/tasks/main.yml", "ansible.cfg")
    } | {"drp": "d", "/usr/bin/restic": "d", "/usr/bin/setpriv": "d", "inventory/applications/ehr.yml": "d"}  # fmt: skip
    assert set(used(materials, "own", {"/usr/bin/restic": "e"})) == {
        "runbooks/own/restore.yml",
        "runbooks/own/files/x",
        "runbooks/roles/r/tasks/main.yml",
        "runbooks/ansible.cfg",
        "/usr/bin/restic",
    }


def test_a_passed_drill_of_the_plan_causes_a_slot_at_its_sealing_and_once():
    world, sheet = World(), Sheet(AFTER)
    assert causes(sheet, world) == ()
    sealed_at = hold(world)
    (slot,) = causes(sheet, world)
    assert slot == Slot(application="ehr", level="full", at=sealed_at.replace(microsecond=0), cause="after")
    assert causes(sheet, world) == (slot,), "whoever asks, it is the same slot"
    sheet.expect(slot)
    assert causes(sheet, world) == ()
    sheet.end(slot)
    assert causes(sheet, world) == ()
    for number in range(8):  # ends of others do not make it come again
        cron = Slot(application="ehr", level="full", at=slot.at + timedelta(days=number + 1))
        sheet.expect(cron)
        sheet.end(cron)
    assert causes(sheet, world) == ()


@pytest.mark.parametrize(
    ("script", "changes"),
    [(Script(checks=("failed",)), {}), (Script(manifest=False), {}), (Script(), {"name": "another"})],
)
def test_no_other_drill_causes_one(script, changes):
    world, sheet = World(script), Sheet(AFTER)
    hold(world, **changes)
    assert causes(sheet, world) == ()


def test_a_drill_that_is_not_sealed_yet_causes_none():
    world, sheet, seen = World(), Sheet(AFTER), []
    world.script.on_call = lambda name: seen.append(causes(sheet, world))
    hold(world)
    assert seen
    assert set(seen) == {()}


def test_drills_that_passed_while_nobody_looked_are_seen_later_each_once():
    world, sheet = World(), Sheet(AFTER)
    sealed = []
    for _ in range(3):
        sealed.append(hold(world).replace(microsecond=0))
        world.clock.sleep(86_400)
    found = causes(sheet, world)
    assert [slot.at for slot in found] == sealed
    sheet.expect(*found[:2])
    assert [slot.at for slot in causes(sheet, world)] == sealed[2:]
    sheet.expect(found[2])
    assert causes(sheet, world) == ()


def test_what_was_sealed_before_the_policy_was_in_force_causes_none():
    world = World()
    sealed_at = hold(world)
    assert causes(Sheet(AFTER, since=sealed_at + timedelta(seconds=1)), world) == ()
    assert causes(Sheet(PLAIN), world) == ()


@given(st.lists(st.integers(0, 100), unique=True, max_size=12), st.data())
def test_however_often_and_late_somebody_looks_each_passed_drill_is_expected_once(instants, data):
    sheet, expected = Sheet(AFTER), []
    held: list[PassedDrill] = []
    for at in sorted(instants):
        held.append(PassedDrill(drill=f"d{at}", sealed_at=EPOCH + timedelta(hours=at)))
        if data.draw(st.booleans()):
            for _ in range(data.draw(st.integers(1, 2))):
                slots = list(after_slots(sheet.policies, sheet.state, lambda plan: held[-20:]))
                expected += slots
                sheet.expect(*slots)
                for slot in slots:
                    sheet.end(slot)
    slots = list(after_slots(sheet.policies, sheet.state, lambda plan: held[-20:]))
    assert [slot.at for slot in [*expected, *slots]] == [one.sealed_at for one in held]


def test_a_change_causes_one_slot_and_none_while_one_is_open():
    sheet = Sheet(ON_CHANGE)

    def since(application, drill):
        return ("runbooks/own/restore.yml",)

    (slot,) = causes(sheet, since=since, now=EPOCH + timedelta(hours=1, milliseconds=7))
    assert (slot.cause, slot.at) == ("change", EPOCH + timedelta(hours=1))
    sheet.expect(slot)
    assert causes(sheet, since=since, now=EPOCH + timedelta(hours=2)) == ()
    sheet.end(slot, "missed")
    for hours in range(3, 40):
        assert causes(sheet, since=since, now=EPOCH + timedelta(hours=hours)) == (), "missed is told, and not repeated"


def test_a_drill_that_tried_the_change_and_failed_is_not_repeated_until_it_changes_again():
    sheet, versions = Sheet(ON_CHANGE), {"proof": 1, "tried": 2}
    now = [2]

    def since(application, drill):
        return ("x",) if versions[drill] != now[0] else ()

    (slot,) = causes(sheet, since=since, now=EPOCH + timedelta(hours=1))
    sheet.expect(slot)
    sheet.end(slot, "held", "tried")
    assert causes(sheet, since=since, now=EPOCH + timedelta(hours=2)) == ()
    now[0] = 3
    (again,) = causes(sheet, since=since, now=EPOCH + timedelta(hours=3))
    assert again.at == EPOCH + timedelta(hours=3)
    now[0] = 1
    assert causes(sheet, since=since, now=EPOCH + timedelta(hours=4)) == (), "it is as it was proven again"


def test_a_drill_of_cron_that_tried_the_change_counts_as_well():
    sheet = Sheet(ON_CHANGE)
    cron = Slot(application="ehr", level="full", at=EPOCH + timedelta(hours=1))
    sheet.expect(cron)
    sheet.end(cron, "held", "tried")
    found = causes(sheet, since=lambda app, drill: ("x",) if drill == "proof" else (), now=EPOCH + timedelta(hours=2))
    assert found == ()


def test_ends_of_before_the_proof_say_nothing_of_what_changed_since():
    sheet = Sheet(ON_CHANGE)
    early = Slot(application="ehr", level="full", at=EPOCH - timedelta(hours=1), cause="change")
    sheet.expect(early)
    sheet.end(early, "missed")
    assert len(causes(sheet, since=lambda app, drill: ("x",), now=EPOCH + timedelta(hours=1))) == 1


def test_while_its_policy_is_paused_a_change_causes_none_and_afterwards_it_does():
    sheet, since = Sheet(ON_CHANGE), lambda app, drill: ("x",)
    early = Slot(application="ehr", level="full", at=EPOCH + timedelta(hours=1), cause="change")
    sheet.expect(early)
    until = EPOCH + timedelta(hours=5)
    sheet.write(Paused(policy="ehr", until=until, by="anna", reason="a move"), EPOCH + timedelta(hours=1))
    sheet.write(SlotEnded(slot=early, ending="paused", reason="paused", values={}), EPOCH + timedelta(hours=1))
    assert causes(sheet, since=since, now=EPOCH + timedelta(hours=2)) == ()
    assert len(causes(sheet, since=since, now=EPOCH + timedelta(hours=6))) == 1


@pytest.mark.parametrize("policy", [PLAIN, ON_CHANGE])
def test_without_a_proof_a_change_or_the_wish_there_is_none(policy):
    sheet = Sheet(policy)
    assert causes(sheet, since=lambda app, drill: ("x",), proof=None) == ()
    assert causes(sheet, since=lambda app, drill: ()) == ()
    assert bool(causes(sheet, since=lambda app, drill: ("x",))) is policy.on_change


def test_a_drill_after_a_plan_tries_the_change_too():
    world, sheet = World(), Sheet(replace(AFTER, on_change=True))
    hold(world)
    (slot,) = causes(sheet, world, since=lambda app, drill: ("x",))
    assert slot.cause == "after"
    assert slot.at.tzinfo is UTC
