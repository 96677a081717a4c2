"""Drills that die, go on, wait, are kept, stopped and cleaned, in any order: the fold and a model tell the same story.

Real journal, real control flow, a simulated world. The model (`tests/support/drill_model.py`) reads what lies in the
database by itself.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from drp.domain.fold import fold
from drp.domain.plan import Scenario
from drp.domain.sign_off import SignOffAnswer, SignOffPolicy, StepResult
from drp.drill.conduct import conduct
from drp.drill.declare import declare, reopen, unfinished
from drp.drill.release import release
from drp.drill.resume import take_up
from drp.errors import Interrupted, Tampered
from drp.evidence.record import read_record
from drp.journal import SqlJournal
from tests.simulators.desk import SimDesk
from tests.simulators.world import EPOCH, Script, World, dying
from tests.support.drill_model import Story
from tests.support.dying_journal import Death, DyingJournal, Mortal
from tests.support.fates import CHANGES, DAMAGES, LIKELY, OneByOne, fate, overall, seen, told
from tests.support.scratch import roomy
from tests.support.sign_offs import CHECKLIST, STEPS
from tests.unit.test_drill_reconciliation import HEALTHY, declared


class Walk(RuleBasedStateMachine):
    """One site, its journal, and whatever happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="drp-walk-", dir=roomy(1 << 24)))
        self.path = self.folder / "journal.sqlite"
        self.read: dict[str, Story] = {}
        self.compared: dict[str, int] = {}

    def teardown(self) -> None:
        try:
            self.world.journal.close()
            if self.stories():
                self.somebody_changes_a_copy()
        finally:
            shutil.rmtree(self.folder)

    # what there is

    @initialize(seed=st.integers(0, 2**32 - 1))
    def plan(self, seed) -> None:
        random = self.random = Random(seed)  # one draw a walk: all that happens in it is spread evenly
        names = random.choice([("ehr",), ("ehr", "lis")])
        on_interrupt = random.choice(["resume", "resume", "conclude"])
        one_after_the_other, keep, compare, ask = (random.random() < 0.5 for _ in range(4))
        self.world = world = World(Script(records=dict(HEALTHY)), names=names, on_interrupt=on_interrupt)
        world.journal = self.open()
        recoveries = []
        for recovery in world.plan.recoveries:
            application = replace(recovery.application, sign_off=CHECKLIST if recovery.name == "ehr" else None)
            if not one_after_the_other:
                application = replace(application, depends_on=())
            recoveries.append(replace(recovery, application=application, media_deadline=timedelta(seconds=5)))
        world.plan = replace(
            world.plan,
            recoveries=tuple(recoveries),
            scenario=Scenario(title="Ransomware"),
            keep_sandbox=keep,
            reconciliation=declared() if compare and len(names) > 1 else None,
            sign_off=SignOffPolicy(deadline=timedelta(seconds=10)) if ask else None,
        )

    def open(self, *, of_old: bool = False) -> DyingJournal:
        return DyingJournal(self.path, Mortal(self.world.clock), of_old=of_old)

    def ports(self):
        return replace(self.world.ports(), crew=OneByOne())

    def stories(self) -> dict[str, Story]:
        """Return the model's reading of every drill, of what lies in the file now."""
        with closing(sqlite3.connect(self.path)) as connection:
            drills = connection.execute("SELECT drill, count(*) FROM drp_journal GROUP BY drill").fetchall()
            for drill, number in drills:
                if drill not in self.read or len(self.read[drill].bodies) != number:
                    rows = connection.execute(
                        "SELECT body FROM drp_journal WHERE drill = ? ORDER BY sequence", (drill,)
                    )
                    self.read[drill] = Story([json.loads(body) for (body,) in rows])
        return dict(self.read)

    @property
    def cut_off(self) -> list[str]:
        return [drill for drill, story in self.stories().items() if not story.sealed]

    # what happens

    @rule()
    def drp_runs(self) -> None:
        """It cleans up, goes on with what was cut off, or holds a new drill."""
        random = self.random
        held = any(part.held for story in self.stories().values() for part in story.parts.values())
        if not self.cut_off or random.random() < 0.5:
            self.world.script = replace(Script(records=dict(HEALTHY)), **CHANGES[random.choice(LIKELY)])
        if held and random.random() < 0.5:
            self.run(self.clean, fate(random, 2, dies=0.5), ends=False)
        elif self.cut_off:
            self.resume(random)
        else:
            length = 24 * len(self.world.plan.recoveries)
            self.run(self.hold, fate(random, length, dies=0.7), of_old=random.random() < 0.3)

    def resume(self, random) -> None:
        """Go on, perhaps after the machine was restarted, and its clock set back."""
        if random.random() < 0.3:
            self.world.clock.boot += "'"
            self.world.clock.behind = timedelta(days=random.choice([0, 0, 400]))
        (drill,) = self.cut_off
        policy = random.choice(["resume", "resume", None, "conclude"])
        self.run(
            lambda journal: take_up(reopen(drill, journal, self.world), self.ports(), policy=policy),
            fate(random, 24, dies=0.4),
        )

    def hold(self, journal) -> None:
        recorder = declare(self.world.plan, journal, self.world, self.world.clock, requested_by="t", ad_hoc=False)
        conduct(recorder, self.ports())

    def clean(self, journal) -> None:
        """Let go of every kept sandbox."""
        for drill in journal.drills():
            recorder = reopen(drill, journal)
            for name in recorder.state.recoveries:
                release(recorder, name, self.world.destroy)

    def somebody_changes_a_copy(self) -> None:
        """Damage a copy of the journal somewhere, in one of three ways: nobody believes it."""
        copy = self.folder / "copy.sqlite"
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            guards = target.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            number = target.execute("SELECT count(*) FROM drp_journal").fetchone()[0]
            for name, _ in guards:
                target.execute(f"DROP TRIGGER {name}")
            target.execute(f"{DAMAGES[number % len(DAMAGES)]} WHERE position = {number * 7 // 11}")
            for _, sql in guards:
                target.execute(sql)
            target.commit()
        with pytest.raises(Tampered), closing(SqlJournal(copy, self.world.clock, reads_only=True)) as changed:
            changed.verify()

    def run(self, work, fate, *, of_old: bool = False, ends: bool = True) -> None:
        """Do it in a process of its own, which may die or be stopped meanwhile, and look at what it leaves."""
        world = self.world
        world.journal.close()
        world.journal, world.stop = self.open(of_old=of_old), False
        before = self.stories()
        if fate.death is not None:
            left, moment = fate.death
            unsaid = of_old and moment == "unsaid"
            world.journal.mortal.death = (
                Death(left % 5 + 1, "unsaid") if unsaid else Death(left, "after" if moment == "unsaid" else moment)
            )
        if fate.stop is not None:
            calls = len(world.calls)

            def maybe(_name: str) -> None:
                world.stop = world.stop or len(world.calls) - calls >= fate.stop

            world.script.on_call = maybe
        world.desk = SimDesk()
        world.desk.visit = self.referent(fate.answer)
        died = True
        with dying(), suppress(Interrupted):
            work(world.journal)
            died = False
        if fate.death is None or not world.journal.mortal.over:
            died = False
        world.script.on_call, world.stop = lambda name: None, False
        world.journal.mortal.death = None
        if died:
            world.alive.clear()  # a sandbox dies with its process
        elif ends:
            self.nothing_is_left_open()
        after = self.stories()
        for drill, story in before.items():
            assert after[drill].bodies[: len(story.bodies)] == story.bodies, "what was written is there for ever"

    def referent(self, manner):
        """Return a visit of the desk, by somebody who answers what the journal asks, or something else."""
        given: set[str] = set()

        def visit(desk: SimDesk, drill: str, application: str) -> None:
            story = self.stories()[drill]
            asked = story.parts[application].last("sign-off-asked")
            if manner == "nobody" or asked is None or asked["challenge"] in given:
                return
            given.add(asked["challenge"])
            outcome = "failed" if manner == "failed" else "passed"
            desk.hand_in(
                SignOffAnswer(
                    drill=drill, plan_digest=story.events[0]["plan_digest"], application=application,
                    challenge="of another day" if manner == "of another day" else asked["challenge"], name="N. Durand", steps=STEPS,
                    results=tuple(StepResult(id=step.id, outcome=outcome) for step in STEPS), opened_at=EPOCH, answered_at=EPOCH,
                )
            )  # fmt: skip

        return visit

    # what holds

    def nothing_is_left_open(self) -> None:
        """Whoever came to an end has sealed everything and left no sandbox but the kept ones."""
        stories = self.stories()
        kept = {
            part.last("sandbox-kept")["sandbox"] for s in stories.values() for part in s.parts.values() if part.held
        }
        assert all(story.sealed for story in stories.values())
        assert unfinished(self.world.journal) == ()
        assert self.world.alive <= kept
        for drill, story in stories.items():
            record = read_record(self.world.records[drill])
            assert record.verdict == story.since("drill-concluded")["verdict"]

    @invariant()
    def fold_and_model_tell_the_same(self) -> None:
        if not hasattr(self, "world"):
            return
        stories = self.stories()
        assert set(self.world.journal.drills()) == set(stories)
        for drill, story in stories.items():
            if self.compared.get(drill) == len(story.bodies):
                continue
            self.compared[drill] = len(story.bodies)
            state = fold(self.world.journal.entries(drill))
            assert {name: seen(recovery) for name, recovery in state.recoveries.items()} == {
                name: told(part) for name, part in story.parts.items()
            }
            assert overall(state) == {
                "interrupted": story.interrupted,
                "reconciled": story.reconciled is not None,
                "verdict": story.verdict if story.since("drill-concluded") else None,
                "sealed": story.sealed,
                "entries": len(story.bodies),
            }
            if story.sealed:
                assert not any(part.unsaid() for part in story.parts.values())


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=20,
    stateful_step_count=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
