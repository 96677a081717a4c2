"""What has to be told follows from what is known; each cause once, until it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.alerts import GRAVITY, Aborted, Cause, Kind, Situation, causes
from drp.domain.held import LastDrill
from drp.domain.schedule.due import Due
from drp.domain.standing import Standing
from drp.domain.telling import LONGEST_WAIT, Listener, listen, news, only, refused, took
from drp.domain.worm.points import KnownPoint
from drp.domain.worm.standing import RepositoryStanding

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Kept:
    drill: str
    application: str
    until: datetime


def held(verdict: str, *, drill: str = "d-1", depth: str = "full", residue: bool = False) -> LastDrill:
    return LastDrill(
        drill=drill,
        declared_at=NOW - HOUR,
        verdict=verdict,  # type: ignore[arg-type]
        depth=depth,  # type: ignore[arg-type]
        measurement=None,
        residue=residue,
    )


def standing(*doubts: LastDrill, last: LastDrill | None = None, name: str = "ehr") -> Standing:
    return Standing(
        application=name, title="", tier=0, drillable=True, level="ok", reasons=(), last=last, doubts=doubts
    )


def gone(application: str, point: str = "a" * 64) -> KnownPoint:
    return KnownPoint(application=application, point=point, consistent_at=NOW, noted_at=NOW, lost_at=NOW)


CASES: list[tuple[Kind, Situation]] = [
    ("failed", Situation(now=NOW, standings=[standing(held("failed"))])),
    ("inconclusive", Situation(now=NOW, standings=[standing(held("inconclusive"))])),
    ("residue", Situation(now=NOW, standings=[standing(last=held("passed", residue=True))])),
    ("aborted", Situation(now=NOW, aborted=[Aborted(application="ehr", drill="d-1", declared_at=NOW)])),
    ("overdue", Situation(now=NOW, dues=[Due(application="ehr", level="full", state="overdue", proven_at=NOW - HOUR)])),
    ("never-proven", Situation(now=NOW, dues=[Due(application="ehr", level="hash", state="never")])),
    ("missed", Situation(now=NOW, dues=[Due(application="ehr", level="hash", state="proven", missed=2)])),
    (
        "feed-unreadable",
        Situation(
            now=NOW,
            dues=[
                Due(application=name, level="full", state="proven", waits="feed-unreadable") for name in ("ehr", "lis")
            ],
        ),
    ),
    ("scheduler-dead", Situation(now=NOW, silent_since=NOW - HOUR)),
    ("scheduler-dead", Situation(now=NOW, unattended=True)),
    ("kept", Situation(now=NOW, kept=[Kept("d-1", "ehr", NOW - HOUR)])),
    ("lost-evidence", Situation(now=NOW, lost=["d-1"])),
    ("points-lost", Situation(now=NOW, repositories=[RepositoryStanding(repository="vault", missing=(gone("ehr"),))])),
    ("scrub-damaged", Situation(now=NOW, repositories=[RepositoryStanding(repository="vault", damaged=2)])),
    ("let-through", Situation(now=NOW, repositories=[RepositoryStanding(repository="vault", let_through=1)])),
]


@pytest.mark.parametrize(("kind", "situation"), CASES, ids=[kind for kind, _ in CASES])
def test_each_thing_that_is_wrong_is_one_cause(kind: Kind, situation: Situation) -> None:
    (cause,) = causes(situation)
    assert cause.kind == kind


def test_every_kind_has_a_gravity_and_a_case() -> None:
    assert set(GRAVITY) == set(get_args(Kind))
    assert {kind for kind, _ in CASES} == set(GRAVITY) - {"tampered", "unreadable"}  # of an overview there is none
    assert GRAVITY["inconclusive"] == GRAVITY["overdue"] == GRAVITY["failed"] == "critical"


def test_what_is_in_order_is_no_cause() -> None:
    healthy = Situation(
        now=NOW,
        standings=[standing(last=held("passed")), standing(name="documents")],
        dues=[
            Due(application="ehr", level="full", state="proven", proven_at=NOW),
            Due(application="ehr", level="hash", state="due", proven_at=NOW, waits="outside-window"),
            Due(application="documents", level="", state="unscheduled"),
        ],
        kept=[Kept("d-1", "ehr", NOW + HOUR), Kept("d-2", "ehr", NOW)],
    )
    assert causes(healthy) == ()


def test_another_failure_is_no_other_cause_and_another_level_is() -> None:
    first = causes(Situation(now=NOW, standings=[standing(held("failed", drill="d-1"))]))
    again = causes(Situation(now=NOW, standings=[standing(held("failed", drill="d-2"))]))
    deeper = causes(Situation(now=NOW, standings=[standing(held("failed", depth="hash"))]))
    assert first[0].key == again[0].key != deeper[0].key
    both = causes(Situation(now=NOW, lost=["d-1", "d-2"]))
    assert len({cause.key for cause in both}) == 2


def test_targets_hear_what_they_asked_for_and_what_concerns_all() -> None:
    failed, missed = Cause(kind="failed", application="ehr"), Cause(kind="missed", application="ehr", level="full")
    tampered = Cause(kind="tampered")
    assert failed.concerns((), "warning")
    assert failed.concerns(("ehr",), "critical")
    assert not failed.concerns(("lis",), "critical")
    assert not missed.concerns((), "critical")
    assert tampered.concerns(("lis",), "critical")


def told(listener: Listener, *present: Cause, at: datetime = NOW) -> tuple[Listener, list[str], list[str]]:
    listener = listen(listener, present, at)
    fresh = news(listener, at)
    return took(listener, fresh, at), [one.cause.key for one in fresh.begun], [one.cause.key for one in fresh.over]


def test_a_cause_is_told_once_and_its_end_once() -> None:
    cause = Cause(kind="failed", application="ehr", level="full", drill="d-1")
    listener, begun, over = told(Listener(), cause)
    assert (begun, over) == ([cause.key], [])
    listener, begun, over = told(listener, cause, at=NOW + HOUR)
    assert (begun, over) == ([], [])
    listener, begun, over = told(listener, at=NOW + 2 * HOUR)
    assert (begun, over) == ([], [cause.key])
    assert told(listener, at=NOW + 3 * HOUR) == (Listener(), [], [])
    assert told(listener, cause, at=NOW + 4 * HOUR)[1] == [cause.key]


def test_what_somebody_could_not_see_is_not_over() -> None:
    cause, tampered = Cause(kind="failed", application="ehr"), Cause(kind="tampered")
    listener, _, _ = told(Listener(), cause)
    listener = listen(listener, [tampered], NOW, complete=False)
    assert [one.cause for one in news(listener, NOW).begun] == [tampered]
    assert not news(listener, NOW).over


def test_what_began_and_ended_while_a_target_was_deaf_is_told() -> None:
    cause = Cause(kind="missed", application="ehr", level="full")
    deaf = refused(listen(Listener(), [cause], NOW), "HTTP 500", NOW)
    assert not deaf.may_be_tried(NOW)
    back = listen(deaf, [], NOW + HOUR)
    assert back.may_be_tried(NOW + HOUR)
    assert [one.told_at for one in news(back, NOW + HOUR).over] == [None]
    assert took(back, news(back, NOW + HOUR), NOW + HOUR) == Listener()


def test_tries_are_further_and_further_apart_up_to_an_hour() -> None:
    listener, at, waits = Listener(), NOW, []
    for _ in range(12):
        listener = refused(listener, "silence", at)
        assert listener.next_at is not None
        waits.append(listener.next_at - at)
        assert not listener.may_be_tried(listener.next_at - timedelta(seconds=1))
        assert listener.may_be_tried(listener.next_at)
        at = listener.next_at
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=1), LONGEST_WAIT)
    assert [refused(Listener(tries=tries), "", NOW).deaf for tries in (0, 1, 2)] == [False, False, True]


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    listener = refused(Listener(), "", NOW + timedelta(days=365))
    assert listener.may_be_tried(NOW)


def test_reminders_come_where_they_are_wanted() -> None:
    cause = Cause(kind="failed", application="ehr")
    listener, _, _ = told(Listener(), cause)
    assert not news(listener, NOW + 10 * HOUR)
    assert not news(listener, NOW + HOUR, 2 * HOUR)
    assert [one.cause for one in news(listener, NOW + 2 * HOUR, 2 * HOUR).still] == [cause]
    assert [one.cause for one in news(listener, NOW - HOUR, 2 * HOUR).still] == [cause]  # told in the future: again


def test_what_is_not_asked_for_any_more_is_not_told_as_over() -> None:
    cause = Cause(kind="failed", application="ehr")
    listener, _, _ = told(Listener(), cause)
    assert only(listener, lambda one: one.application != "ehr") == Listener()
    assert only(listener, lambda one: one.application == "ehr") == listener


KEYS = st.sampled_from([Cause(kind="failed", application=name) for name in "abc"])
STEP = st.tuples(st.sets(KEYS), st.booleans())


@given(st.lists(STEP, max_size=12))
def test_whatever_happens_begins_and_ends_alternate_and_nothing_is_swallowed(
    steps: list[tuple[set[Cause], bool]],
) -> None:
    listener, state = Listener(), dict.fromkeys("abc", False)
    begun_ever: set[str] = set()
    told_ever: set[str] = set()
    at = NOW
    for present, works in [*steps, (set(), True)]:
        at += 2 * HOUR
        begun_ever |= {cause.application for cause in present}
        listener = listen(listener, present, at)
        fresh = news(listener, at)
        if not works:
            listener = refused(listener, "", at)
            continue
        for one in fresh.begun:
            assert not state[one.cause.application]
            state[one.cause.application] = True
        for one in fresh.over:
            assert state[one.cause.application] is (one.told_at is not None)
            state[one.cause.application] = False
        told_ever |= {one.cause.application for one in (*fresh.begun, *fresh.over)}
        listener = took(listener, fresh, at)
        assert {name for name, open_ in state.items() if open_} == {cause.application for cause in present}
    assert told_ever == begun_ever
    assert listener == Listener()


def test_points_lost_are_one_cause_for_each_application_and_repository() -> None:
    vault = RepositoryStanding(repository="vault", missing=(gone("ehr"), gone("ehr", "b" * 64), gone("lis")))
    tape = RepositoryStanding(repository="tape", missing=(gone("ehr"),))
    found = causes(Situation(now=NOW, repositories=[vault, tape]))
    assert len({cause.key for cause in found}) == len(found) == 3
    assert [cause.number for cause in found if (cause.application, cause.repository) == ("ehr", "vault")] == [2]
    assert all(cause.concerns({"ehr"}, "critical") == (cause.application == "ehr") for cause in found)


def test_a_repository_of_which_nothing_is_wrong_is_no_cause() -> None:
    assert causes(Situation(now=NOW, repositories=[RepositoryStanding(repository="vault", points=9)])) == ()
