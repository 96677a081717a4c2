"""Approval of a drill before anything is touched: who may give it, what is refused, what waiting measures."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.codec import from_json, to_data
from drp.domain.approval import is_same_person
from drp.domain.approval_desk import ApprovalDeposit
from drp.domain.events import Interrupted as InterruptedEvent
from drp.domain.events import PhaseStarted
from drp.domain.fold import fold
from drp.domain.measure import Objectives, rto_attainment
from drp.domain.summary import summarise
from drp.domain.took import took_ms
from drp.evidence.consistency import contradictions
from drp.evidence.record import make_record, read_record, record_bytes
from tests.simulators.approvals import SimApprovals
from tests.simulators.clock import EPOCH
from tests.simulators.world import World, events_of
from tests.support.approvals import (
    POLICY,
    SIGNED,
    answer,
    answering,
    concluded,
    ends,
    questions,
    run,
    untouched,
    world_with,
)
from tests.support.findings import told


def codes(world: World) -> list[str]:
    return [finding.code for finding in told(events_of(world))]


def record_of(world: World):
    return make_record(world.journal.entries(world.journal.drills()[0]), {})


def test_it_waits_before_anything_is_touched_and_the_wait_is_inside_rta_shown_apart():
    world, seen = world_with(), []
    answering(world, after_looks=40)
    then = world.approvals.visit

    def visit(desk: SimApprovals, drill: str) -> None:
        seen.append(list(world.calls))
        then(desk, drill)

    world.approvals.visit = visit
    assert run(world).verdict == "passed"
    assert seen
    assert not any(seen), "nothing was called while it waited"
    (ended,) = ends(world)
    assert (ended.outcome, ended.by.name, ended.by.proven_by, ended.by.uid) == ("approved", "anna", "account", 1000)
    (found,) = concluded(world).measurements
    assert found.clock.t1_approved is not None
    assert 19_000 < found.approval_wait_ms <= found.clock.t1_approved < found.clock.t2_point_chosen < found.rta_ms
    assert found.rto_attainment == "met"
    record = record_of(world)
    assert record.approval == ended
    assert contradictions(record) == ()
    assert read_record(record_bytes(record)) == record
    assert not world.approvals.waiting


def test_without_a_policy_nobody_is_asked():
    world = world_with(None)
    assert run(world).verdict == "passed"
    assert questions(world) == []
    assert concluded(world).measurements[0].approval_wait_ms == 0
    assert world.approvals.opened == 0


def test_nobody_in_time_ends_it_aborted_and_untouched():
    world = world_with(names=("ehr", "lis"))
    assert run(world).verdict == "aborted"
    assert concluded(world).reasons[0] == "nobody approved the drill in time"
    assert codes(world) == ["DRP-B005", "DRP-B005"]
    assert untouched(world)
    assert not any(isinstance(event, PhaseStarted | InterruptedEvent) for event in events_of(world))
    assert 600 < world.clock.elapsed < 620
    (drill,) = world.journal.drills()
    assert 10 < len([sign for sign in world.journal.signs(drill) if sign.event.phase == "approval"]) < 400


def test_a_refusal_ends_it_at_once_with_its_reason():
    world = world_with()
    answering(world, decision="refuse", reason="the intensive care unit moves")
    assert run(world).verdict == "aborted"
    assert concluded(world).reasons[0] == "an approver refused the drill"
    (finding,) = told(events_of(world))
    assert (finding.code, finding.subject) == ("DRP-B006", "ehr")
    assert "the intensive care unit moves" in finding.observed
    assert untouched(world)
    assert record_of(world).approval.outcome == "refused"
    assert world.clock.elapsed < 60


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"drill": "weekly-other"}, "it answers drill"),
        ({"plan_digest": "0" * 64}, "another plan"),
        ({"challenge": "f" * 32}, "an earlier question"),
        ({"reason": " \n"}, "no reason"),
        ({"reason": "x" * 2001}, "longer than"),
        ({"name": "x" * 2001}, "longer than"),
    ],
)
def test_what_does_not_fit_is_refused_with_why(changes, reason):
    world = world_with()

    def visit(desk: SimApprovals, drill: str) -> None:
        if desk.looks == 2:
            wrong = replace(answer(world, drill), **changes)
            desk.waiting[drill].append(ApprovalDeposit(id="wrong", answer=wrong, uid=1000))

    world.approvals.visit = visit
    assert run(world).verdict == "aborted"
    ((deposit, refusal),) = world.approvals.replies
    assert (deposit, reason in refusal) == ("wrong", True), refusal
    assert [ended.outcome for ended in ends(world)] == ["missing"]


@pytest.mark.parametrize(
    ("uid", "reason"), [(4242, "not among its approvers"), (-1, "cannot be told"), (1001, ""), (1000, "")]
)
def test_without_keys_the_account_that_owns_the_answer_counts(uid, reason):
    world = world_with()
    answering(world, uid=uid)
    assert run(world).verdict == ("aborted" if reason else "passed")
    assert reason in world.approvals.replies[0][1]


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        ("signed by n.durand@chu.example", ""),
        ("signed by thief@chu.example", "not among its approvers"),
        ("signed by nobody@chu.example", "no allowed signer"),
        ("", "no allowed signer"),
    ],
)
def test_where_there_are_keys_only_an_approvers_signature_counts(signature, reason):
    world = world_with(SIGNED)
    answering(world, signature=signature)
    assert run(world).verdict == ("aborted" if reason else "passed")
    assert reason in world.approvals.replies[0][1]
    if not reason:
        (ended,) = ends(world)
        assert (ended.by.name, ended.by.key, ended.signature) == ("n.durand@chu.example", "SHA256:sim", signature)


def test_rubbish_is_answered_and_a_right_answer_still_counts_and_only_the_first():
    world = world_with()
    answering(world, after_looks=4)
    then = world.approvals.visit

    def visit(desk: SimApprovals, drill: str) -> None:
        if desk.looks == 2:
            desk.waiting[drill].append(ApprovalDeposit(id="rubbish", answer=None, trouble="no JSON"))
        then(desk, drill)
        if desk.looks == 4:
            desk.hand_in(answer(world, drill, decision="refuse"))

    world.approvals.visit = visit
    assert run(world).verdict == "passed"
    assert [refusal for _, refusal in world.approvals.replies] == [
        "the answer cannot be read: no JSON",
        "",
        "somebody answered already",
    ]
    assert [ended.outcome for ended in ends(world)] == ["approved"]


@pytest.mark.parametrize(("requester", "taken"), [("ndurand", False), ("n.durand", False), ("N. Durand", False), ("carl", True)])  # fmt: skip
def test_four_eyes_are_not_the_requesters_own(requester, taken):
    world = world_with(replace(SIGNED, four_eyes=True))
    answering(world, signature="signed by n.durand@chu.example", name="")
    assert run(world, requester).verdict == ("passed" if taken else "aborted")
    assert ("somebody else has to approve it" in world.approvals.replies[0][1]) is not taken


def test_with_four_eyes_the_name_that_is_typed_counts_too_and_the_requester_may_refuse():
    typed = world_with(replace(SIGNED, four_eyes=True))
    answering(typed, signature="signed by b.martin@chu.example", name="N. Durand")
    assert run(typed, "ndurand").verdict == "aborted"
    assert "somebody else" in typed.approvals.replies[0][1]
    refused = world_with(replace(SIGNED, four_eyes=True))
    answering(refused, signature="signed by n.durand@chu.example", decision="refuse")
    assert run(refused, "ndurand").verdict == "aborted"
    assert ends(refused)[0].outcome == "refused"


def test_another_person_of_one_letter_is_another_person():
    assert is_same_person("ndurand", "n.durand@chu.example")
    assert not is_same_person("ndurant", "n.durand@chu.example")
    assert not is_same_person("root", "n.durand@chu.example")


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(1, 10**7))
def test_a_wait_neither_meets_nor_misses_an_objective(work_ms, waited_ms, rto_ms):
    objectives = Objectives(rto=timedelta(milliseconds=rto_ms), rpo=timedelta(hours=1))
    found = rto_attainment(work_ms + waited_ms, objectives, recovered=True, waited_ms=waited_ms)
    if work_ms + waited_ms <= rto_ms:
        assert found == "met"
    else:
        assert found == ("missed" if work_ms > rto_ms else "undetermined")


def test_a_long_wait_is_no_missed_objective_and_no_pass():
    world = world_with(replace(POLICY, within=timedelta(hours=8)))
    answering(world, after_looks=10_000)
    assert run(world).verdict == "inconclusive"
    assert codes(world) == ["DRP-T009"]
    assert concluded(world).measurements[0].rto_attainment == "undetermined"


def test_how_long_it_took_leaves_the_wait_out():
    slow, quick = world_with(), world_with()
    answering(slow, after_looks=300)
    answering(quick, after_looks=1)
    found = []
    for world in (slow, quick):
        run(world)
        found.append(took_ms(fold(world.journal.entries(world.journal.drills()[0]))))
    assert None not in found
    assert abs(found[0] - found[1]) < 2_000
    assert slow.clock.elapsed > quick.clock.elapsed + 100


def test_a_list_tells_that_it_waits_and_until_when():
    world = world_with()
    seen = []
    world.approvals.visit = lambda desk, drill: seen.append(summarise(fold(world.journal.entries(drill))))
    run(world)
    assert seen[0].awaits_approval_until == questions(world)[0].until > EPOCH
    assert summarise(fold(world.journal.entries(world.journal.drills()[0]))).awaits_approval_until is None


def test_a_record_that_passed_without_its_approval_contradicts_itself():
    world = world_with(SIGNED)
    answering(world, signature="signed by n.durand@chu.example")
    assert run(world).verdict == "passed"
    record = record_of(world)
    approval = record.approval
    assert contradictions(record) == ()
    changed = [
        None,
        replace(approval, outcome="missing"),
        replace(approval, by=None),
        replace(approval, by=replace(approval.by, name="thief@chu.example")),
        replace(approval, by=replace(approval.by, proven_by="account")),
        replace(approval, signature=""),
        replace(approval, answer=replace(approval.answer, drill="another")),
        replace(approval, answer=replace(approval.answer, plan_digest="0" * 64)),
        replace(approval, answer=replace(approval.answer, decision="refuse")),
    ]
    for one in changed:
        assert any("approv" in said for said in contradictions(replace(record, approval=one))), one


def test_answers_survive_their_way_through_json():
    world = world_with()
    answering(world)
    run(world)
    made = ends(world)[0].answer
    assert from_json(type(made), json.dumps(to_data(made)).encode()) == made
