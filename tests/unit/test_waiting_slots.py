"""What a slot waits for is a code with values: for a person, for other drills, for room; and it ends by the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.config.site import Site, load_site
from drp.domain.events import ApprovalAsked, DrillDeclared
from drp.domain.journal import Journal
from drp.domain.orders import Order, OrderSeen
from drp.domain.precheck import REASONS as PRECHECK
from drp.domain.precheck import BackupSign, judge
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.events import PolicySeen, SlotEnded, SlotExpected
from drp.domain.schedule.reasons import REASONS, Reason
from drp.domain.schedule.slot import Slot
from drp.engine.inline import InlineEngine
from drp.errors import UsageError
from drp.reporting.scheduling import Sentences
from drp.schedule.ahead import coming
from drp.schedule.orders import Due, occasion_of, order_of, plan_of, values_of
from drp.schedule.people import skip
from drp.schedule.procedures import Hands, drill_procedure
from drp.schedule.settling import Fate, Obstacle, settle
from drp.schedule.tick import tick
from drp.schedule.waiting import explained, of_order, of_precheck
from drp.service.wiring import Wiring
from tests.simulators.schedule import HOUR, SimSchedule
from tests.support.sample_journal import tale, tell
from tests.support.sites import write_site
from tests.unit.test_precheck import AT, GIB, ROOM, sized
from tests.unit.test_tick import DRILL, SLOT, TWO, begun, written

MINUTE = timedelta(minutes=1)
SLOT_ = Slot(application="ehr", level="full", at=TWO)
LOCK = BackupSign(repository="vault", kind="lock", since=AT, host="nas-1")
WINDOW = BackupSign(repository="vault", kind="window", since=AT, until=AT + HOUR)
DUE = BackupSign(repository="vault", kind="due", since=AT, until=AT + HOUR)
ROOMS = {
    "memory-lacking": {"memory_bytes": 100 << 20},
    "space-lacking": {"records": {"/state": 5}},
    "sandbox-lacking": {"lacking": {"ehr": "no loop devices"}},
    "backup-running": {"backups": (WINDOW,)},
    "backup-due": {"backups": (DUE,)},
    "backup-writing": {"backups": (LOCK,)},
}


def both(reason: Reason) -> list[str]:
    decision = Decision(slot=SLOT_, action="wait", reason=reason.code, values=reason.values)
    return [Sentences(tag).of(decision) for tag in ("en", "fr")]


@pytest.mark.parametrize("code", ROOMS)
def test_whatever_lets_a_drill_wait_for_room_is_a_reason_of_the_schedule_in_both_languages(code: str) -> None:
    found = judge(sized(), replace(ROOM, **ROOMS[code])).waits
    assert found is not None
    reason = of_precheck(found)
    assert reason.code == code
    english, french = both(reason)
    assert english != french
    assert "{" not in english + french
    assert REASONS[code].partition("{")[0] in reason.text
    assert "{" not in reason.text


def test_nothing_that_lets_a_drill_wait_lacks_its_reason() -> None:
    full = replace(ROOM, volumes=("/run", 1), records={"/state": 1}, memory_bytes=1, lacking={"ehr": "none"})
    full = replace(full, backups=(LOCK, WINDOW, DUE))
    found = judge(sized(data_backing="disk"), full)
    assert {each.code for each in found.blocking} == {
        code for code, (weight, _) in PRECHECK.items() if weight == "blocked"
    }
    assert {
        of_precheck(each).code for each in found.reasons if each.code.startswith("backup") or each in found.blocking
    } == set(ROOMS)


def test_what_a_machine_lacks_is_said_in_units_of_the_reader() -> None:
    found = judge(sized(), replace(ROOM, memory_bytes=GIB // 4)).waits
    assert found is not None
    english, french = both(of_precheck(found))
    assert "has 256 MiB" in of_precheck(found).text
    assert "MB" in english
    assert "Mo" in french


def seen(
    name: str, state: str = "waiting", *keys: str, priority: int = 1, place: str = "", host: str = ""
) -> OrderSeen:
    order = Order(id=name, procedure="drill", values={}, keys=keys, priority=priority, place=place)
    return OrderSeen(order=order, state=state, host=host)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([], None),
        ([seen("it")], None),
        ([seen("it"), seen("later")], None),
        ([seen("elsewhere", "running", place="north"), seen("it")], None),
        ([seen("earlier"), seen("it")], Reason("queued", {"ahead": "1"})),
        ([seen("earlier", priority=2), seen("it")], None),
        ([seen("it"), seen("graver", priority=0), seen("works", "running")], Reason("queued", {"ahead": "2"})),
        ([seen("works", "running", "a", "b"), seen("it", "waiting", "b")], Reason("key-busy", {"repository": "b"})),
        (
            [seen("works", "running", "b", place="north"), seen("it", "waiting", "b")],
            Reason("key-busy", {"repository": "b"}),
        ),
        ([seen("over", "done", "b"), seen("it", "waiting", "b")], None),
        ([seen("it", "running", host="beta")], Reason("looks-for-room", {"host": "beta"})),
    ],
)
def test_an_order_waits_for_the_repository_or_its_turn(orders: Sequence[OrderSeen], expected: Reason | None) -> None:
    assert of_order(orders, "it") == expected


def declared(schedule: SimSchedule, *, asks: bool) -> None:
    """Let the drill of the slot be declared, and wait for a person."""
    values = schedule.engine.seen[SLOT].order.values
    occasion = occasion_of(SLOT, values, register_head=schedule.register.head(), worker="alpha")
    event = tell(tale(), drill=DRILL)[0].event
    assert isinstance(event, DrillDeclared)
    asked = ApprovalAsked(approvers=("anna", "bert"), challenge="c", until=TWO + 4 * HOUR)
    schedule.journal.append(DRILL, replace(event, occasion=occasion), *([asked] if asks else []))


@pytest.mark.parametrize(("asks", "reason"), [(True, "awaiting-approval"), (False, "running")])
def test_a_slot_whose_drill_waits_for_a_person_says_for_whom_and_until_when(asks: bool, reason: str) -> None:
    schedule = begun(SimSchedule())
    declared(schedule, asks=asks)
    desk = schedule.desk()
    (decision,) = [each.decision for each in coming(desk, desk.policies, schedule.clock.wall)]
    assert (decision.action, decision.reason, decision.values["drill"]) == ("wait", reason, DRILL)
    if asks:
        assert (decision.values["approvers"], decision.values["at"]) == ("anna, bert", "2026-11-23T06:00:00Z")
        english, french = both(Reason(decision.reason, decision.values))
        assert "waits for approval by anna, bert until" in english
        assert "attend l’approbation de anna, bert" in french
    with pytest.raises(UsageError, match="has begun"):
        skip(desk, SLOT, by="ada", reason="a move")


def test_a_slot_whose_order_waits_does_not_start_now_and_says_for_what() -> None:
    schedule = begun(SimSchedule())
    decision = Decision(slot=SLOT_, action="start", reason="due-now")
    (order,) = schedule.engine.orders()
    other = replace(order, order=replace(order.order, id="other", values={}), state="running")
    (repository,) = order.order.keys
    told = explained(schedule.desk(), decision, [other, order])
    assert (told.action, told.reason, told.values) == ("wait", "key-busy", {"repository": repository})
    assert explained(schedule.desk(), decision, [order]) == decision
    lacks = Reason("backup-running", {"repository": "vault", "at": "x"})
    here = schedule.desk(room=lambda _values: lacks)
    running = replace(order, state="running", host="alpha")
    assert explained(here, decision, [running]).reason == "backup-running"
    assert explained(here, decision, [replace(running, host="beta")]).values == {"host": "beta"}, (
        "not this machine's room"
    )
    assert explained(schedule.desk(), decision, [running]).reason == "looks-for-room"


def ends_of(schedule: SimSchedule) -> list[SlotEnded]:
    return [each for each in written(schedule) if isinstance(each, SlotEnded)]


def test_a_slot_that_waited_in_the_queue_is_missed_for_what_was_before_it() -> None:
    schedule = begun(SimSchedule())
    (order,) = schedule.engine.orders()
    schedule.engine.seen["other"] = replace(order, order=replace(order.order, id="other", values={}), state="running")
    schedule.clock.wall = TWO + 12 * HOUR + MINUTE
    tick(schedule.desk())
    (end,) = ends_of(schedule)
    assert (end.ending, end.reason, end.values) == ("missed", "key-busy", {"repository": order.order.keys[0]})


def test_a_slot_that_nothing_kept_waiting_is_missed_as_too_late() -> None:
    schedule = begun(SimSchedule())
    schedule.clock.wall = TWO + 12 * HOUR + MINUTE
    tick(schedule.desk())
    (end,) = ends_of(schedule)
    assert (end.ending, end.reason) == ("missed", "too-late")


def test_a_worker_that_has_the_order_says_itself_what_it_waited_for_and_if_it_does_not_the_slot_ends_all_the_same() -> (
    None
):
    for says in (True, False):
        schedule = begun(SimSchedule())
        schedule.engine.become(SLOT, state="running", host="beta")
        schedule.clock.wall = TWO + 12 * HOUR + MINUTE
        tick(schedule.desk())
        assert ends_of(schedule) == []
        if says:
            late = Obstacle(Reason("memory-lacking", {"needed_bytes": "5", "free_bytes": "4"}))
            settle(schedule.register, schedule.journal, schedule.engine.seen[SLOT].order.values, Fate("no", late=late))
        schedule.clock.wall += 10 * MINUTE
        tick(schedule.desk())
        (end,) = ends_of(schedule)
        assert (end.ending, end.reason) == (("blocked", "memory-lacking") if says else ("missed", "too-late"))


POLICY = """version: 1
preset: none
defaults: {zone: UTC, jitter: 0s}
policies: [{application: ehr, level: full, cron: "0 HOUR * * *", max_age: 3d, expected: 1h, start_within: 1h}]
"""


class Hand(SystemClock):
    """The real clock; nobody sleeps by it."""

    def sleep(self, seconds: float) -> None:
        """Do not."""


def ordered(folder: Path, by: timedelta) -> tuple[Site, Order]:
    """Return a site whose register expects a slot that has to begin so long from now, and its order."""
    directory = write_site(folder)
    now = SystemClock().now().wall
    (directory / "inventory/schedule.yml").write_text(POLICY.replace("HOUR", str((now.hour + 12) % 24)))
    site = load_site(directory)
    said = site.schedule.policies["ehr/full"]
    at = next(SimSchedule().desk().occasions(said.cron, said.zone, now - timedelta(days=1)))
    slot = Slot(application="ehr", level="full", at=at)
    register = Wiring(site).register()
    register.append(PolicySeen(policy=said.key, digest="d"), SlotExpected(slot=slot, start_by=now + by))
    values = values_of([Due(slot, said)])
    return site, order_of([Due(slot, said)], plan_of(site, values), values)


def test_an_order_that_waits_for_room_until_it_is_too_late_ends_its_slot_as_blocked_by_that(tmp_path: Path) -> None:
    site, order = ordered(tmp_path, -MINUTE)
    lacks = Reason("backup-running", {"repository": "vault", "at": "2026-11-30T04:00:00Z"})
    hands = Hands(site=lambda: site, clock=Hand(), worker="w", room=lambda _wiring, _plan, _lasting: lacks)
    engine = InlineEngine(Hand(), host="w")
    engine.submit(order)
    engine.serve((drill_procedure(hands),), lambda: False)
    (over,) = engine.orders(only_open=False)
    assert (over.state, "backups of vault run until" in over.error) == ("failed", True)
    (end,) = [entry.event for entry in Wiring(site).register().entries() if isinstance(entry.event, SlotEnded)]
    assert (end.ending, end.reason, end.values) == ("blocked", lacks.code, lacks.values)
    journal: Journal = Wiring(site).journal()
    assert journal.drills() == ()


def test_an_order_that_only_came_too_late_misses_its_slot(tmp_path: Path) -> None:
    site, order = ordered(tmp_path, -MINUTE)
    hands = Hands(site=lambda: site, clock=Hand(), worker="w", room=lambda _wiring, _plan, _lasting: None)
    engine = InlineEngine(Hand(), host="w")
    engine.submit(order)
    engine.serve((drill_procedure(hands),), lambda: False)
    (end,) = [entry.event for entry in Wiring(site).register().entries() if isinstance(entry.event, SlotEnded)]
    assert (end.ending, end.reason) == ("missed", "too-late")


def test_an_order_that_waits_in_time_begins_once_there_is_room_and_asks_for_as_long_as_it_takes(tmp_path: Path) -> None:
    site, order = ordered(tmp_path, HOUR)
    asked: list[timedelta] = []

    def room(_wiring: object, _plan: object, lasting: timedelta) -> Reason | None:
        asked.append(lasting)
        return Reason("site-busy") if len(asked) < 3 else None

    procedure = drill_procedure(Hands(site=lambda: site, clock=Hand(), worker="w", room=room))
    found = procedure.steps[0].action({**order.values, "order": order.id}, lambda: False)
    assert found == {"begun": False, "looked": 3}
    assert asked == [HOUR] * 3
