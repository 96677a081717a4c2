"""What an Engine must do that claims to outlive a crash: on a SQLite file, and on a PostgreSQL."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta

import pytest

from drp.clock import SystemClock
from drp.engine.carrying import Course
from drp.engine.database import open_engine
from drp.engine.durable import DurableEngine
from drp.engine.ledger import Ledger
from tests.simulators.schedule import HandClock
from tests.support.fixtures_orders import durable, rig, start  # noqa: F401 - fixtures
from tests.support.orders import ALWAYS, BUSY, STEPS, Rig, order
from tests.support.waiting import eventually


@durable
@pytest.mark.parametrize("deadly", [*STEPS, *ALWAYS])
def test_an_order_goes_on_by_itself_in_the_step_in_which_its_worker_was_killed(rig, deadly):
    rig.engine.submit(order("a", die=[deadly]))
    assert rig.worker().wait() == -signal.SIGKILL
    assert rig.seen("a").state == "running"
    rig.worker()
    (seen,) = rig.over("a")
    everything = [*STEPS, *ALWAYS]
    position = everything.index(deadly)
    assert seen.state == "done"
    assert rig.did("a") == [*everything[: position + 1], *everything[position:]], "only that step is begun again"


@durable
def test_processes_that_submit_the_same_order_at_once_make_one(rig):
    rig.engine.orders()
    ready, go = os.pipe(), os.pipe()
    children = []
    for _ in range(4):
        if (pid := os.fork()) == 0:
            os.close(go[1])
            os.write(ready[1], b".")
            os.read(go[0], 1)
            made = Rig(rig.place, rig.password, rig.folder, rig.starter)
            os._exit(10 + sum(made.engine.submit(order(f"a{number}")) for number in range(5)))
        children.append(pid)
    for _ in children:
        os.read(ready[0], 1)
    for descriptor in (go[1], go[0], *ready):
        os.close(descriptor)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    assert all(10 <= status <= 15 for status in statuses), statuses
    assert sum(statuses) - 40 == 5
    assert len(rig.engine.orders()) == 5


@durable
def test_an_order_of_another_code_is_never_carried_on_but_cleaned_up(rig):
    rig.engine.submit(order("a", die=["second"]))
    rig.worker(code="1").wait()
    rig.engine.submit(order("b"))
    rig.worker(code="2")
    first, second = rig.over("a", "b")
    assert (first.state, first.code, first.error) == (
        "failed",
        "1",
        "it began with version 1 of its steps, and this is 2",
    )
    assert rig.did("a") == ["first", "second", "mop"]
    assert (second.state, second.code) == ("done", "2")
    rig.worker(code="1")
    assert rig.did("a") == ["first", "second", "mop"]


@durable
def test_a_clean_up_that_is_killed_is_done_again(rig):
    rig.engine.submit(order("a", die=["second", "mop"]))
    rig.worker(code="1").wait()
    rig.worker(code="2").wait()
    rig.worker(code="2")
    (seen,) = rig.over("a")
    assert seen.state == "failed"
    assert rig.did("a") == ["first", "second", "mop", "mop"]


@durable
def test_a_host_has_one_worker_and_another_begins_when_it_has_ended(rig):
    first = rig.worker()
    rig.engine.submit(order("a"))
    rig.over("a")
    assert rig.worker().wait() == BUSY
    first.kill()
    rig.worker()
    rig.engine.submit(order("b"))
    rig.over("b")


@durable
def test_a_worker_that_is_told_to_stop_takes_no_more_and_ends_what_is_at_work(rig):
    rig.engine.submit(order("a", wait=["second"]))
    rig.engine.submit(order("b"))
    worker = rig.worker()
    rig.in_step("a", "second")
    assert worker.stop() == 0
    assert rig.seen("a").state == "aborted"
    assert rig.seen("a").error == "second: told to stop"
    assert rig.did("a") == ["first", "second", *ALWAYS]
    assert rig.seen("b").state == "waiting"


@durable
def test_no_two_orders_that_share_a_key_run_at_once_and_others_pass_by(rig):
    rig.engine.submit(order("first", keys=("vault", "tape"), wait=["second"], priority=1))
    rig.engine.submit(order("same vault", keys=("vault",), priority=2))
    rig.engine.submit(order("same tape", keys=("disk", "tape"), priority=3))
    rig.engine.submit(order("behind it", keys=("disk",), priority=4))
    rig.engine.submit(order("apart", keys=("cloud",), priority=5))
    rig.worker(at_once=4)
    rig.in_step("first", "second")
    rig.over("apart")
    assert [rig.seen(name).state for name in ("same vault", "same tape", "behind it")] == ["waiting"] * 3
    rig.go("first")
    rig.over("first", "same vault", "same tape", "behind it")
    begun = {
        line.order: number for number, line in enumerate(rig.lines()) if line.step == "first" and line.what == "begin"
    }
    ended = {
        line.order: number for number, line in enumerate(rig.lines()) if line.step == "tell" and line.what == "end"
    }
    assert begun["same vault"] > ended["first"] < begun["same tape"]
    assert begun["behind it"] > ended["same tape"], "who waits keeps its key from those after it"


@durable
def test_so_many_at_once_as_was_said_and_no_more(rig):
    for number in range(4):
        rig.engine.submit(order(f"a{number}", wait=["first"]))
    rig.worker(at_once=2)
    rig.in_step("a0", "first")
    rig.in_step("a1", "first")
    rig.go("a0")
    rig.in_step("a2", "first")
    assert rig.did("a3") == []
    for number in range(1, 4):
        rig.go(f"a{number}")
    rig.over(*(f"a{number}" for number in range(4)))


@durable
def test_orders_that_ended_long_ago_are_forgotten_with_their_steps_and_no_other(rig):
    long_ago = DurableEngine(rig.place, HandClock(SystemClock().now().wall - timedelta(days=401)), host="submitter")
    with closing(long_ago):
        for name in ("old", "failed"):
            long_ago.submit(order(name, fail=["second"] if name == "failed" else []))
        long_ago.submit(order("waits", place="elsewhere"))
    rig.engine.submit(order("young"))
    first = rig.worker()
    for name in ("old", "failed", "young"):
        assert eventually(lambda name=name: rig.did(name, "end")[-1:] == ["tell"])
    assert first.stop() == 0
    assert {seen.order.id for seen in rig.engine.orders(only_open=False)} >= {"waits", "young"}
    rig.worker()
    assert eventually(lambda: {seen.order.id for seen in rig.engine.orders(only_open=False)} == {"waits", "young"})
    assert [seen.order.id for seen in rig.engine.orders()] == ["waits"]
    assert rig.engine.submit(order("old")), "whether it was done is for the journal to say"
    rig.over("old")
    assert rig.did("old") == 2 * [*STEPS, *ALWAYS], "nothing is remembered of its steps"
    assert rig.did("young") == [*STEPS, *ALWAYS]


@durable
def test_orders_are_forgotten_in_parts_and_only_once_their_steps_are(rig):
    engine = open_engine(rig.place)
    ledger = Ledger(rig.place, engine, "here")
    ledger.lay()
    at = SystemClock().now().wall
    for number in range(4):
        ledger.submit(order(f"a{number}"), at)
        hold = ledger.claim("1")
        assert hold is not None
        if number != 1:
            assert ledger.end(hold, Course())
    later, forgotten = at + timedelta(seconds=1), list[str]()

    def dies(_names: Sequence[str]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.prune(later, 2, dies)
    assert ledger.prune(at, 2, forgotten.extend) == 0, "they are not older"
    assert ledger.prune(later, 2, forgotten.extend) == 2
    assert forgotten == ["a0", "a0~clean~1", "a2", "a2~clean~1"]
    assert [seen.order.id for seen in ledger.seen(only_open=False)] == ["a1", "a3"]
    assert ledger.prune(later, 2, forgotten.extend) == 1
    assert ledger.prune(later, 2, forgotten.extend) == 0
    assert [seen.order.id for seen in ledger.seen(only_open=False)] == ["a1"], "an order at work stays"
    engine.dispose()
