"""A worker dies between any two events of a drill that was ordered, twice; whoever goes on, the slot ends once.

Journal, register, evidence and the procedure are real, and what a drill's process does; its world is simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest

from drp.clock import SystemClock
from drp.config.site import Site, load_site
from drp.domain.events import DrillConcluded, Entry, Event
from drp.domain.orders import Order
from drp.domain.schedule.events import PolicySeen, SlotEnded, SlotExpected
from drp.domain.schedule.slot import Slot
from drp.engine.carrying import Course, Envelope, carry, clean
from drp.evidence.record import read_record
from drp.journal import SqlJournal
from drp.schedule.orders import Due, order_of, policy_digest, values_of
from drp.schedule.procedures import Hands, drill_procedure
from drp.service.requests import Request
from drp.service.supervisor import Outcome
from drp.service.wiring import Wiring
from drp.service.worker import _carry_out
from tests.simulators.dying import Killed
from tests.simulators.world import World, dying
from tests.support.ordered import conclusions
from tests.support.sites import REPOSITORIES, write_site

ONE_END = ["DrillDeclared", "DrillConcluded", "EvidenceSealed"]
DRILL = (
    "name: one\nscenario: {title: Fire, disaster_at: now}\nrecoveries: [ehr]\nrequire_manifest: false\non_interrupt: "
)
SCHEDULE = "preset: none\npolicies:\n  - {application: ehr, cron: 'MINUTE HOUR * * *', max_age: 3d, plan: one}\n"


class CutOff(SqlJournal):
    """A journal whose process dies once a drill has so many events; at none, before the first."""

    dies_at: int | None = None

    def append(self, drill: str, *events: Event) -> tuple[Entry, ...]:
        if self.dies_at == 0:
            raise Killed
        entries = super().append(drill, *events)
        if self.dies_at is not None and entries[-1].sequence + 1 >= self.dies_at:
            raise Killed
        return entries


@dataclass
class Drill:
    """A drill at work, in this process."""

    entries: Callable[[], Sequence[Entry]]
    outcome: Outcome = field(default_factory=Outcome)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Entry]:
        for entry in self.entries():
            self.outcome.take(entry)
            yield entry

    def stop(self, *_: object) -> None:
        raise AssertionError("nobody asked it to stop")


class Ward:
    """A site with one slot that has come, its order, and what an engine remembers of its steps."""

    def __init__(self, folder: Path, on_interrupt: str) -> None:
        drill = DRILL + on_interrupt + "\n"
        at = (SystemClock().now().wall - timedelta(minutes=5)).replace(second=0, microsecond=0)
        schedule = SCHEDULE.replace("MINUTE", str(at.minute)).replace("HOUR", str(at.hour))
        repositories = REPOSITORIES.replace(
            "    location: {directory", "    executable: /usr/bin/true\n    location: {directory"
        )
        files = {"inventory/repositories.yml": repositories, "inventory/drills/one.yml": drill, "inventory/schedule.yml": schedule, "inventory/applications/documents.yml": None,
                 "inventory/drills/hospital.yml": None}  # fmt: skip
        self.site = load_site(write_site(folder, files))
        self.world = World()
        self.memory: dict[str, Envelope] = {}
        self.dies_at: int | None = None
        policy = self.site.schedule.policies["ehr/full"]
        dues = [Due(Slot(application="ehr", level="full", at=at), policy)]
        values = values_of(dues)
        with closing(Wiring(self.site)) as wiring:
            wiring.register().append(
                PolicySeen(policy=policy.key, digest=policy_digest(policy), since=at - timedelta(hours=1))
            )
            wiring.register().append(SlotExpected(slot=dues[0].slot))
        self.order: Order = order_of(dues, self.site.plan("one"), values)
        self.procedure = drill_procedure(
            Hands(site=lambda: self.site, clock=self.world.clock, worker="h", room=lambda *_: None, start=self.start)
        )

    @property
    def drill(self) -> str:
        return str(self.order.values["drill"])

    def start(self, site: Site, request: Request, before: Sequence[Entry]) -> Drill:
        def entries() -> Sequence[Entry]:
            world, shown = self.world, len(self.world.shown)
            assert isinstance(site.journal, Path)
            with closing(CutOff(site.journal, world.clock)) as journal, closing(Wiring(site)) as wiring:
                journal.dies_at = self.dies_at
                ports = replace(world.ports(), journal=journal, sink=wiring.sink(), materials=wiring.materials)
                _carry_out(request, ports, wiring, SimpleNamespace(note=lambda _line: None))
            return [entry for entry in world.shown[shown:] if isinstance(entry, Entry)]

        made = Drill(entries)
        for entry in before:
            made.outcome.take(entry)
        return made

    def run(self, name: str, work: Callable[[], Envelope]) -> Envelope:
        if name not in self.memory:
            self.memory[name] = work()
        return self.memory[name]

    def carry_on(self) -> Course:
        return carry(self.procedure, self.order, self.run, asked=lambda: "", killed=lambda: False)

    def forgotten(self) -> Course:
        """Be ordered again, by an engine that knows nothing of it any more."""
        self.memory.clear()
        return self.carry_on()

    def taken_over(self) -> Course:
        """Be cleaned up by another host."""
        self.memory.clear()
        return clean(self.procedure, self.order, self.run, state="failed", why="gone", killed=lambda: False)

    def dies(self, work: Callable[[], Course], events: int) -> None:
        """Work in a process that dies at so many events; what it had started dies with it."""
        self.dies_at = events
        with dying():
            work()
        self.dies_at = None
        self.world.alive.clear()

    def said(self) -> tuple[list[Entry], list[SlotEnded]]:
        """Return what was written down of all drills, and of how slots ended."""
        with closing(Wiring(self.site)) as wiring:
            journal, register = wiring.journal(), wiring.register()
            journal.verify()
            assert set(journal.drills()) <= {self.drill}, "no second drill"
            ends = [one.event for one in register.entries() if isinstance(one.event, SlotEnded)]
            return list(journal.entries(self.drill)), ends

    def is_ended_once(self, course: Course) -> None:
        entries, ends = self.said()
        (end,) = ends
        if not entries:  # taken over before it was declared
            assert (end.ending, end.reason, end.drill, course.state) == ("blocked", "worker-died", "", "failed")
        else:
            assert conclusions(tuple(entries)) == ONE_END
            (concluded,) = [each.event for each in entries if isinstance(each.event, DrillConcluded)]
            assert (end.ending, end.drill, end.verdict) == ("held", self.drill, concluded.verdict)
            record = read_record((self.site.evidence_directories[0] / self.drill / "record.json").read_bytes())
            assert record.verdict == concluded.verdict
        assert not self.world.alive
        self.forgotten()
        assert self.said() == (entries, ends), "nothing is done twice"


EVENTS = 16
"""Of the drill, when nothing disturbs it."""
ROUTES = (Ward.carry_on, Ward.forgotten, Ward.taken_over)


def test_a_drill_that_nothing_disturbs_is_held_once_and_has_as_many_events_as_are_tried_here(tmp_path: Path) -> None:
    ward = Ward(tmp_path, "resume")
    course = ward.carry_on()
    assert (course.state, course.error) == ("done", "")
    entries, _ = ward.said()
    assert len(entries) == EVENTS
    ward.is_ended_once(course)


@pytest.mark.parametrize("number", range(EVENTS + 1))
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.__name__)
def test_a_drill_that_is_cut_off_between_any_two_events_and_again_is_ended_once(
    tmp_path: Path, number: int, route: Callable[[Ward], Course]
) -> None:
    ward = Ward(tmp_path, ("resume", "conclude")[(number + ROUTES.index(route)) % 2])
    ward.dies(ward.carry_on, number)
    entries, ends = ward.said()
    assert len(entries) == number
    assert not ends
    ward.dies(lambda: route(ward), number + number % 3 + 1)
    ward.is_ended_once(route(ward))
