"""A register in memory that refuses what the real one refuses, and a planner's minute-by-minute reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from drp.cron import occasions
from drp.domain.clock import Stamp
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.events import PolicySeen, RegisterEntry, SlotEnded, SlotExpected
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.planner import Circumstances, decide
from drp.domain.schedule.policy import Policy, Window
from drp.domain.schedule.reasons import REASONS
from drp.domain.schedule.slot import Ending

MINUTE = timedelta(minutes=1)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = Policy(application="ehr", level="full", cron="30 2 * * *", zone="Europe/Paris", max_age=30 * DAY, grace=7 * DAY)
NIGHTS = (Window(days=(5, 6), begins=time(22), ends=time(6)),)
ALL_DAYS = tuple(range(7))


def said(decisions: tuple[Decision, ...]) -> list[tuple[str, str]]:
    """Return action and reason of each decision; every reason has what its sentence needs."""
    for decision in decisions:
        REASONS[decision.reason].format(**decision.values)
    return [(decision.action, decision.reason) for decision in decisions]


def at(text: str) -> datetime:
    """Return an instant in UTC: ``2026-11-29 22:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(slots=True)
class Book:
    """What a register would say of one policy, and what was started."""

    policy: Policy
    state: ScheduleState = field(default_factory=ScheduleState)
    expected: dict[str, datetime] = field(default_factory=dict)
    """Slot id → when it was expected."""
    ended: dict[str, tuple[Ending, str]] = field(default_factory=dict)
    started: dict[str, datetime] = field(default_factory=dict)
    running: dict[str, datetime] = field(default_factory=dict)
    """Slot id → when its drill ends."""
    unlisted: int = 0

    @classmethod
    def of(cls, policy: Policy, since: datetime) -> Book:
        """Return the book of a policy that is in force from an instant on."""
        seen = PolicySeen(policy=policy.key, digest="d")
        stamp = Stamp(wall=since, monotonic_ns=0, boot_id="b")
        book = cls(policy)
        book.state.policies[policy.key] = seen
        book.state.since[policy.key] = RegisterEntry(position=0, stamp=stamp, event=seen, link="l")
        return book

    def tick(self, now: datetime, expected: timedelta, **more: object) -> tuple[Decision, ...]:
        """Decide and write down, as a tick does; drills that are over by now have ended their slots."""
        for name, until in list(self.running.items()):
            if until <= now:
                del self.running[name]
                self.end(name, "held", "held")
        running = {name: f"drill-of-{name}" for name in self.running}
        around = Circumstances(expected=expected, running=running, **more)  # type: ignore[arg-type]
        decisions = decide(self.policy, self.state, now, occasions=occasions, around=around)
        for decision in decisions:
            self.write(decision, now, expected)
        return decisions

    def write(self, decision: Decision, now: datetime, expected: timedelta) -> None:
        """Write one decision down. Whatever a register refuses is an AssertionError."""
        slot = decision.slot
        if decision.new:
            assert slot.id not in self.expected, f"{slot.id} is expected twice"
            self.expected[slot.id] = now
            self.state.open[slot.id] = SlotExpected(slot=slot, start_by=decision.start_by)
            self.state.last[slot.policy] = max(self.state.last.get(slot.policy, slot), slot, key=lambda one: one.at)
        assert slot.id in self.state.open, f"{slot.id} is not open"
        if decision.action == "end":
            assert decision.ending is not None
            self.end(slot.id, decision.ending, decision.reason)
            if decision.reason == "many-missed":
                self.unlisted += int(decision.values["count"])
        elif decision.action == "start":
            assert slot.id not in self.started, f"{slot.id} is started twice"
            self.started[slot.id] = now
            self.running[slot.id] = now + expected

    def forget(self) -> None:
        """Let what was started not have begun."""
        self.started.clear()
        self.running.clear()

    def end(self, name: str, ending: Ending, reason: str) -> None:
        """End a slot, once."""
        assert name not in self.ended, f"{name} ends twice"
        slot = self.state.open.pop(name).slot
        self.ended[name] = (ending, reason)
        event = SlotEnded(slot=slot, ending=ending, reason=reason, values={})
        self.state.ended[slot.policy] = (*self.state.ended.get(slot.policy, ()), event)[-30:]


def minutes(zone: str, begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime, datetime]]:
    """Yield each whole minute with its wall time, and the latest wall time that was shown before it."""
    place = ZoneInfo(zone)
    shown = (begins - timedelta(days=2)).astimezone(place).replace(tzinfo=None)
    instant = begins - timedelta(days=2) + MINUTE
    while instant < ends:
        wall = instant.astimezone(place).replace(tzinfo=None)
        if instant >= begins:
            yield instant, wall, shown
        shown = max(shown, wall)
        instant += MINUTE


@dataclass(frozen=True, slots=True)
class Expression:
    """A cron expression by what it means, which nothing has to parse."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int] | None
    """None: every hour."""
    day: Callable[[datetime], bool] = lambda _wall: True

    def matches(self, wall: datetime) -> bool:
        """Return whether it names a wall time."""
        return wall.minute in self.minutes and (self.hours is None or wall.hour in self.hours) and self.day(wall)

    def fires(self, zone: str, begins: datetime, ends: datetime) -> list[datetime]:
        """Return when it fires, found by looking at every minute."""
        found = []
        for instant, wall, shown in minutes(zone, begins, ends):
            if self.hours is None:
                due = self.matches(wall)
            else:
                passed = int((wall - shown) / MINUTE)
                due = any(self.matches(shown + number * MINUTE) for number in range(1, passed + 1))
            if due:
                found.append(instant)
        return found


def open_minutes(windows: tuple[Window, ...], zone: str, begins: datetime, ends: datetime) -> set[datetime]:
    """Return every whole minute in which a drill may run, found by looking at a clock on the wall."""
    found = set()
    for instant, wall, shown in minutes(zone, begins, ends):
        latest = max(wall, shown)
        for back in (0, 1, 2):
            day = latest.date() - timedelta(days=back)
            for window in windows:
                if day.weekday() not in window.days:
                    continue
                first = datetime.combine(day, window.begins)
                last = datetime.combine(day, window.ends)
                if window.ends <= window.begins:
                    last += timedelta(days=1)
                if first <= latest < last:
                    found.add(instant)
    return found
