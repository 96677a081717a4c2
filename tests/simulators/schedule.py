"""A schedule without a hospital: policies, a clock that tests move, an engine that remembers, drills that are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from drp.domain.clock import Stamp
from drp.domain.events import DrillDeclared, EvidenceSealed
from drp.domain.findings.catalogue import RTO_MISSED
from drp.domain.fold import fold
from drp.domain.journal import Journal
from drp.domain.level import Level
from drp.domain.orders import Order, OrderSeen, Procedure, Values
from drp.domain.plan import DrillPlan
from drp.domain.progress import Cancelled
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.proofs import Proof, proofs
from drp.domain.schedule.register import Register
from drp.errors import NotFound
from drp.schedule.desk import Desk
from drp.schedule.orders import occasion_of, plan_name
from tests.simulators.journal import MemoryJournal
from tests.simulators.register import MemoryRegister
from tests.support.sample_journal import plan_of, tale, tell
from tests.support.sample_outputs import application

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class HandClock:
    """The Clock port, moved by hand, in whichever direction."""

    def __init__(self, wall: datetime = MONDAY) -> None:
        self.wall = wall

    def now(self) -> Stamp:
        return Stamp(wall=self.wall, monotonic_ns=int((self.wall - MONDAY).total_seconds()) * 10**9, boot_id="b")

    def sleep(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)


class MemoryEngine:
    """The Engine port: it remembers orders, and a test says what becomes of them."""

    def __init__(self) -> None:
        self.seen: dict[str, OrderSeen] = {}

    def submit(self, order: Order) -> bool:
        if order.id in self.seen:
            return False
        self.seen[order.id] = OrderSeen(order=order, state="waiting")
        return True

    def orders(self, *, only_open: bool = True) -> tuple[OrderSeen, ...]:
        return tuple(each for each in self.seen.values() if not only_open or each.state in {"waiting", "running"})

    def abort(self, order_id: str, *, by: str) -> bool:
        known = self.seen[order_id]
        self.seen[order_id] = replace(known, state="aborted", abort_asked_by=by)
        return known.state in {"waiting", "running"}

    def serve(self, procedures: Sequence[Procedure], cancelled: Cancelled) -> None:
        raise AssertionError("whoever looks at a schedule carries nothing out")

    def become(self, order_id: str, **changes: object) -> None:
        self.seen[order_id] = replace(self.seen[order_id], **changes)

    def waiting(self) -> list[str]:
        return [name for name, each in self.seen.items() if each.state == "waiting"]


def policy(application: str = "ehr", level: str = "full", **changes: object) -> Policy:
    said = {"cron": "0 2 * * *", "max_age": 2 * DAY, "grace": DAY, "expected": HOUR, "start_within": 12 * HOUR}
    return Policy(application=application, level=level, **{**said, **changes})


@dataclass
class SimSchedule:
    """Everything that a desk is made of."""

    policies: tuple[Policy, ...] = (policy(),)
    clock: HandClock = field(default_factory=HandClock)
    engine: MemoryEngine = field(default_factory=MemoryEngine)
    group: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Plan of the site → the applications that it recovers."""
    unplannable: set[str] = field(default_factory=set)
    """Applications of which no plan can be made."""
    register: Register | None = None
    journal: Journal | None = None
    _sealed: dict[str, dict[str, list[Proof]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.register = self.register or MemoryRegister(self.clock)
        self.journal = self.journal or MemoryJournal(self.clock)

    def desk(self, **changes: object) -> Desk:
        made = Desk(
            policies={each.key: each for each in self.policies},
            register=self.register,
            journal=self.journal,
            clock=self.clock,
            host="alpha",
            engine=self.engine,
            plan=self.plan,
            expected=lambda _policy: HOUR,
            proofs=self.proofs,
        )
        return replace(made, **changes)

    def plan(self, values: Values) -> DrillPlan:
        first = str(values["application"])
        names = self.group.get(str(values["plan"]), (first,))
        if broken := self.unplannable & set(names):
            raise NotFound(f"there is no application {', '.join(sorted(broken))}")
        without = values["without"]
        told = [tale(application=replace(application(), name=name)) for name in names if name not in without]
        return replace(plan_of(*told), name=plan_name(str(values["plan"]), first), level=_level(values))

    def proofs(self, name: str) -> list[Proof]:
        return [proof for drill in self._sealed for proof in self._sealed[drill].get(name, [])]

    def carry_out(self, order_id: str, verdict: str = "passed", *, sealed: bool = True) -> str:
        """Hold the drill of an order, as a worker would; return its id."""
        values = self.engine.seen[order_id].order.values
        self.engine.become(order_id, state="done" if sealed else "running")
        return self.hold(order_id, values, verdict, sealed=sealed)

    def hold(self, order_id: str, values: Values, verdict: str = "passed", *, sealed: bool = True) -> str:
        plan, drill = self.plan(values), str(values["drill"])
        occasion = occasion_of(order_id, values, register_head=self.register.head(), worker="alpha")
        self._tell(drill, plan, verdict, occasion=occasion, host="alpha")
        if sealed:
            self.seal(drill)
        return drill

    def hold_by_hand(self, drill: str, *names: str, verdict: str = "passed", level: Level = "full") -> None:
        """Hold a drill that somebody typed."""
        told = [tale(application=replace(application(), name=name)) for name in names]
        self._tell(drill, replace(plan_of(*told), name=drill, level=level), verdict)
        self.seal(drill)

    def seal(self, drill: str) -> None:
        self.journal.append(drill, EvidenceSealed(record_digest="d" * 64, location=f"/evidence/{drill}"))
        self._sealed[drill] = proofs([fold(self.journal.entries(drill))])

    def _tell(self, drill: str, plan: DrillPlan, verdict: str, **declared: object) -> None:
        raised = (
            [RTO_MISSED.finding(subject="ehr", observed="2:40:20", expected="2:00:00")] if verdict == "failed" else []
        )
        told = [tale(application=recovery.application, raised=raised) for recovery in plan.recoveries]
        entries = tell(*told, drill=drill, interruption="SIGTERM" if verdict == "aborted" else "")
        for entry in entries:
            event = entry.event
            if isinstance(event, DrillDeclared):
                event = replace(event, plan=plan, **declared)
            self.journal.append(drill, event)


def _level(values: Values) -> Level:
    level = values["level"]
    assert level in {"full", "hash", "sample"}
    return level


def until(schedule: SimSchedule, end: datetime, step: timedelta, work: Callable[[], None]) -> None:
    """Let the time pass in steps, doing some work at each."""
    while schedule.clock.wall < end:
        schedule.clock.wall += step
        work()
