"""The state of the schedule: folded at once or in parts, and never in doubt about a slot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from drp.codec import canonical, from_json, to_data
from drp.domain.clock import Stamp
from drp.domain.phrase import NOTHING, say
from drp.domain.schedule.events import (
    Paused,
    PauseEnded,
    PolicySeen,
    RegisterEntry,
    RegisterEvent,
    SlotEnded,
    SlotExpected,
    SlotSkipped,
)
from drp.domain.schedule.fold import KEPT, ScheduleState, fold_register
from drp.domain.schedule.slot import Slot
from drp.domain.worm.facts import PointsAccepted, PointsNoted
from drp.domain.worm.points import LostPoint, NotedPoint

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
POLICIES = ("ehr/full", "ehr/hash", "lis/full")


names = st.sampled_from(["ehr", "lis"])
ids = st.sampled_from(["a", "b", "c"])
new = st.builds(
    NotedPoint,
    application=names,
    point=ids,
    consistent_at=st.integers(0, 9).map(lambda hours: AT + timedelta(hours=hours)),
    mark=st.sampled_from(["", "x", "y"]),
)
lost = st.builds(
    LostPoint, application=names, point=ids, altered=st.booleans(), allowed=st.sampled_from([NOTHING, say("retention")])
)
noted = st.builds(
    PointsNoted,
    repository=st.sampled_from(["main", "vault"]),
    host=st.just("one"),
    new=st.lists(new, max_size=3).map(tuple),
    lost=st.lists(lost, max_size=2).map(tuple),
)
accepted = st.builds(
    PointsAccepted,
    repository=st.sampled_from(["main", "vault"]),
    application=names,
    points=st.lists(ids, max_size=2).map(tuple),
    by=st.just("ada"),
    reason=st.just("moved"),
)


@st.composite
def registers(draw: st.DrawFn) -> list[RegisterEvent]:
    """Events in an order that the adapters let through: a slot is expected once, ends once, and only then."""
    events: list[RegisterEvent] = []
    expected: list[Slot] = []
    waiting: list[Slot] = []
    for number in range(draw(st.integers(0, 40))):
        kind = draw(
            st.sampled_from(
                ["seen", "gone", "expected", "ended", "paused", "pause-ended", "skipped", "noted", "accepted"]
            )
        )
        policy = draw(st.sampled_from(POLICIES))
        application, level = policy.split("/")
        cause = draw(st.sampled_from(["cron", "after", "change"]))
        slot = Slot(
            application=application, level=level, at=AT + timedelta(hours=draw(st.integers(0, 99))), cause=cause
        )
        if kind in {"seen", "gone"}:
            events.append(PolicySeen(policy=policy, digest=str(number) if kind == "seen" else ""))
        elif kind == "expected" and slot.id not in {one.id for one in expected}:
            expected.append(slot)
            waiting.append(slot)
            events.append(SlotExpected(slot=slot))
        elif kind == "ended" and waiting:
            ended = waiting.pop(draw(st.integers(0, len(waiting) - 1)))
            ending = draw(st.sampled_from(["held", "missed", "superseded", "paused", "blocked"]))
            events.append(SlotEnded(slot=ended, ending=ending, reason="held", values={}))
        elif kind == "paused":
            events.append(Paused(policy=policy, until=AT, by="ada", reason="move"))
        elif kind == "pause-ended":
            events.append(PauseEnded(policy=policy, by="ada"))
        elif kind == "skipped" and slot.id not in {one.id for one in expected}:
            events.append(SlotSkipped(slot=slot, by="ada", reason="move"))
        elif kind == "noted":
            events.append(draw(noted))
        elif kind == "accepted":
            events.append(draw(accepted))
    return events


def entries(events: list[RegisterEvent]) -> list[RegisterEntry]:
    return [
        RegisterEntry(
            position=number,
            stamp=Stamp(wall=AT + timedelta(minutes=number), monotonic_ns=number, boot_id="b"),
            event=event,
            link="",
        )
        for number, event in enumerate(events)
    ]


@given(registers(), st.integers(0, 40))
def test_folding_in_parts_by_way_of_json_is_folding_at_once(events: list[RegisterEvent], cut: int) -> None:
    told = entries(events)
    noted = from_json(ScheduleState, canonical(to_data(fold_register(told[:cut]))))
    assert fold_register(told[cut:], noted) == fold_register(told)


@given(registers())
def test_every_slot_is_open_or_counted_among_the_ends(events: list[RegisterEvent]) -> None:
    state = fold_register(entries(events))
    expected = {event.slot.id for event in events if isinstance(event, SlotExpected)}
    ended = [event for event in events if isinstance(event, SlotEnded)]
    assert set(state.open) == expected - {event.slot.id for event in ended}
    assert sum(sum(counts.values()) for counts in state.counts.values()) == len(ended)
    for policy, kept in state.ended.items():
        assert list(kept) == [event for event in ended if event.slot.policy == policy][-KEPT:]


@given(registers())
def test_the_newest_slot_of_cron_is_not_one_of_another_cause(events: list[RegisterEvent]) -> None:
    state = fold_register(entries(events))
    for policy in POLICIES:
        came = [e.slot for e in events if isinstance(e, SlotExpected) and e.slot.policy == policy]
        by_cron = [slot.at for slot in came if slot.cause == "cron"]
        assert (state.last[policy].at if policy in state.last else None) == max(by_cron, default=None)


@given(registers())
def test_misses_in_a_row_are_those_since_one_was_held(events: list[RegisterEvent]) -> None:
    state = fold_register(entries(events))
    for policy in POLICIES:
        row = 0
        for event in events:
            if isinstance(event, PolicySeen) and event.policy == policy and not event.digest:
                row = 0
            if isinstance(event, SlotEnded) and event.slot.policy == policy:
                row = 0 if event.ending in {"held", "superseded"} else row + 1
        assert state.missed.get(policy, 0) == row


def test_slots_count_from_when_the_schedule_was_last_looked_at() -> None:
    looked = AT - timedelta(days=1)
    told = entries([PolicySeen(policy="ehr/full", digest="a", since=looked)])
    assert fold_register(told).counted_from("ehr/full") == looked
    slot = Slot(application="ehr", level="full", at=AT)
    more = entries([PolicySeen(policy="ehr/full", digest="a", since=looked), SlotExpected(slot=slot)])
    assert fold_register(more).counted_from("ehr/full") == AT
    assert fold_register(entries([PolicySeen(policy="ehr/full", digest="a")])).counted_from("ehr/full") == AT
    assert fold_register(()).counted_from("ehr/full") is None


@given(registers())
def test_a_loss_stays_told_until_somebody_accepts_it_whatever_is_noted_afterwards(events: list[RegisterEvent]) -> None:
    state = fold_register(entries(events))
    untold: set[tuple[str, str, str]] = set()
    for number in range(len(events)):
        before = fold_register(entries(events[:number])).repositories
        event = events[number]
        if isinstance(event, PointsNoted):
            known = before[event.repository].expected if event.repository in before else {}
            present = {(each.application, each.point) for each in event.new} | set(known)
            for each in event.lost:
                key = (event.repository, each.application, each.point)
                if (each.application, each.point) in present:
                    untold = untold - {key} if each.allowed else untold | {key}
                if each.allowed:
                    present.discard((each.application, each.point))
        elif isinstance(event, PointsAccepted):
            untold -= {(event.repository, event.application, point) for point in event.points}
    told = {
        (name, *known.key)
        for name, repository in state.repositories.items()
        for known in repository.expected.values()
        if known.lost_at is not None
    }
    assert told == untold


@given(registers())
def test_folding_on_leaves_what_was_folded_as_it_was(events: list[RegisterEvent]) -> None:
    told = entries(events)
    half = fold_register(told[: len(told) // 2])
    before = to_data(half)
    fold_register(told[len(told) // 2 :], half.copy())
    assert to_data(half) == before
