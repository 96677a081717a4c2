"""Functional sign-off in the control flow: what is asked, what is taken, what is refused, and what it measures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.events import SignedOff, SignOffAsked, SignOffStarted
from drp.domain.sign_off import Principal, StepResult
from drp.domain.sign_off_desk import Deposit
from drp.evidence.record import make_record
from tests.simulators.desk import SimDesk
from tests.simulators.world import Script, events_of
from tests.support.findings import told
from tests.support.sign_offs import (
    CHECKLIST,
    STEPS,
    answer,
    answering,
    codes,
    concluded,
    kinds,
    measured,
    run,
    world_with,
)


def test_a_sign_off_stops_the_clock_of_the_business():
    world = world_with(wrt=timedelta(minutes=5))
    answering(world, after_looks=20)
    assert run(world).verdict == "passed"
    assert kinds(world) == [SignOffAsked, SignOffStarted, SignedOff]
    found = measured(world)
    assert found.rta_ms == found.clock.t10_checks_passed
    assert found.rta_business_ms == found.clock.t11_signed_off
    assert found.rta_ms is not None
    assert found.rta_business_ms is not None
    assert found.wrt_ms == found.rta_business_ms - found.rta_ms
    assert found.wrt_ms >= 9_000
    assert found.wrt_attainment == "met"
    assert codes(world) == ["DRP-B003"], "unsigned, and said so"
    assert not world.alive
    assert not world.desk.waiting
    record = make_record(world.journal.entries(world.journal.drills()[0]), {})
    assert record.recoveries[0].sign_off is not None
    assert record.recoveries[0].sign_off.answer.name == "N. Durand"


def test_without_being_asked_nobody_signs_and_nothing_is_missing():
    world = world_with()
    world.plan = replace(world.plan, sign_off=None)
    assert run(world).verdict == "passed"
    assert kinds(world) == []
    assert measured(world).wrt_attainment is None


def test_a_slow_sign_off_misses_the_work_recovery_time():
    world = world_with(wrt=timedelta(seconds=5))
    answering(world, after_looks=20)
    assert run(world).verdict == "failed"
    assert measured(world).wrt_attainment == "missed"
    assert "DRP-T005" in codes(world)
    assert any("WRT missed" in reason for reason in concluded(world).reasons)


def test_a_failed_step_fails_the_drill_and_is_named():
    world = world_with(wrt=timedelta(hours=1))
    results = (
        StepResult(id="open", outcome="failed", comment="empty screen"),
        StepResult(id="print", outcome="passed"),
    )
    answering(world, results=results)
    assert run(world).verdict == "failed"
    finding = told(events_of(world))[0]
    assert (finding.code, finding.subject) == ("DRP-B001", "open: open a record")
    assert (finding.observed, finding.expected) == ("empty screen", "the last entry of yesterday")
    assert measured(world).rta_business_ms is None
    assert measured(world).wrt_attainment == "not-measured"


def test_nobody_answering_is_inconclusive_after_the_deadline():
    world = world_with()
    assert run(world).verdict == "inconclusive"
    assert codes(world) == ["DRP-B002"]
    assert "the application was not signed off" in concluded(world).reasons[-1]
    assert not world.alive
    (drill,) = world.journal.drills()
    waited = [sign for sign in world.journal.signs(drill) if sign.event.phase == "sign-off"]
    assert 10 < len(waited) < 400, "signs of life, and not at every look"
    assert world.clock.elapsed > 600


def test_what_did_not_recover_is_not_shown_to_anybody():
    world = world_with(script=Script(checks=("failed",)))
    assert run(world).verdict == "failed"
    assert kinds(world) == []
    assert world.clock.elapsed < 60


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"drill": "weekly-other"}, "it answers drill"),
        ({"application": "lis"}, "it answers for lis"),
        ({"plan_digest": "0" * 64}, "another plan"),
        ({"challenge": "f" * 32}, "an earlier question"),
        ({"steps": STEPS[:1], "results": (StepResult(id="open", outcome="passed"),)}, "another checklist"),
        ({"steps": (replace(STEPS[0], expect="anything"), STEPS[1])}, "another checklist"),
        ({"results": (StepResult(id="open", outcome="passed"),)}, "no result for print"),
        (
            {"results": (StepResult(id="open", outcome="passed"), StepResult(id="pront", outcome="passed"))},
            "no step pront",
        ),
        (
            {"results": tuple(StepResult(id=name, outcome="passed") for name in ("open", "print", "open"))},
            "two results",
        ),
        ({"name": "  "}, "nobody's name"),
        ({"comment": "x" * 2001}, "longer than"),
        ({"answered_at": datetime(2026, 11, 21, 2, 0, tzinfo=UTC)}, "before it was opened"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_the_reason(changes, reason):
    world = world_with()
    place: list[tuple[str, str]] = []

    def visit(desk: SimDesk, drill: str, application: str) -> None:
        if desk.looks == 2:
            place.append((drill, application))
            wrong = replace(answer(world, drill, application), **changes)
            desk.waiting[drill, application].append(Deposit(id="wrong", answer=wrong))

    world.desk.visit = visit
    assert run(world).verdict == "inconclusive"
    ((deposit, refusal),) = world.desk.replies
    assert deposit == "wrong"
    assert reason in refusal
    assert SignedOff not in kinds(world)


def test_what_cannot_be_read_is_refused_and_a_right_answer_still_counts():
    world = world_with()
    answering(world, after_looks=4)
    then = world.desk.visit

    def visit(desk: SimDesk, drill: str, application: str) -> None:
        if desk.looks == 2:
            desk.waiting[drill, application].append(Deposit(id="rubbish", answer=None, trouble="no JSON"))
        then(desk, drill, application)

    world.desk.visit = visit
    assert run(world).verdict == "passed"
    assert [bool(refusal) for _, refusal in world.desk.replies] == [True, False]


def test_a_second_answer_is_refused_whatever_it_says():
    world = world_with()
    answering(world)
    first = world.desk.visit

    def visit(desk: SimDesk, drill: str, application: str) -> None:
        first(desk, drill, application)
        if desk.looks == 3:
            failed = tuple(StepResult(id=step.id, outcome="failed") for step in STEPS)
            desk.hand_in(answer(world, drill, application, results=failed))

    world.desk.visit = visit
    assert run(world).verdict == "passed"
    assert [refusal for _, refusal in world.desk.replies] == ["", "the checklist was answered already"]


@pytest.mark.parametrize(
    ("signature", "taken"), [("signed by nurse@hospital", True), ("signed by thief@hospital", False), ("", False)]
)
def test_where_signers_are_listed_only_their_signature_counts(signature, taken):
    who = Principal(principal="nurse@hospital", name="N. Durand")
    world = world_with(replace(CHECKLIST, allowed_signers="nurse@hospital\nthief@hospital", principals=(who,)))
    answering(world, signature=signature)
    assert run(world).verdict == ("passed" if taken else "inconclusive")
    assert (SignedOff in kinds(world)) is taken
    if taken:
        signed = next(event for event in events_of(world) if isinstance(event, SignedOff))
        assert (signed.signature, signed.signer.principal) == (signature, "nurse@hospital")
        assert codes(world) == []


def test_every_application_waits_for_its_own_referent():
    world = world_with(names=("ehr", "lis"))
    answering(world, after_looks=1)
    only_ehr = world.desk.visit
    world.desk.visit = lambda desk, drill, name: only_ehr(desk, drill, name) if name == "ehr" else None
    assert run(world).verdict == "inconclusive"
    assert "DRP-B002" in codes(world)
    by_name = {item.recovery: item for item in concluded(world).measurements}
    assert by_name["ehr"].rta_business_ms is not None
    assert by_name["lis"].rta_business_ms is None
