"""What every Engine must do: in this process, on a SQLite file, on a PostgreSQL that hosts share.

What an engine does not claim is said once, in `tests/support/fixtures_orders.py`: inline remembers nothing across processes, a
file serves one machine. What the others claim is tried in `test_engine_durable.py` and `test_engine_hosts.py`.
"""

from __future__ import annotations

import pytest

from tests.support.fixtures_orders import every, rig, start  # noqa: F401 - fixtures
from tests.support.orders import ALWAYS, STEPS, order

# what every engine does


@every
def test_an_order_is_carried_out_once_whoever_submits_it_again(rig):
    assert rig.engine.submit(order("a"))
    assert not rig.engine.submit(order("a", other="values"))
    rig.worker()
    (seen,) = rig.over("a")
    assert not rig.engine.submit(order("a"))
    assert (seen.state, seen.result, seen.error, seen.host) == ("done", {"by": "here", "step": "third"}, "", "here")
    assert rig.did("a") == [*STEPS, *ALWAYS]
    assert rig.engine.orders() == ()
    assert [each.order.id for each in rig.engine.orders(only_open=False)] == ["a"]


@every
def test_a_step_takes_what_the_earlier_ones_gave(rig):
    rig.engine.submit(order("a"))
    rig.worker()
    rig.over("a")
    known = {line.step: line.data["known"] for line in rig.lines() if line.what == "end"}
    assert known == {"first": [], "second": ["first"], "third": ["first", "second"]} | dict.fromkeys(
        ALWAYS, sorted(STEPS)
    )


@every
@pytest.mark.parametrize("failing", STEPS)
def test_a_step_that_fails_ends_the_order_and_what_always_runs_has_run(rig, failing):
    rig.engine.submit(order("a", fail=[failing]))
    rig.worker()
    (seen,) = rig.over("a")
    assert (seen.state, seen.error) == ("failed", f"{failing}: DRP-E130 {failing} cannot")
    assert rig.did("a") == [*STEPS[: STEPS.index(failing) + 1], *ALWAYS]
    (outcome,) = [line.data["outcome"] for line in rig.lines() if line.step == "down" and line.what == "begin"]
    assert outcome == {"state": "failed", "error": seen.error}


@every
def test_what_always_runs_is_run_to_its_end_and_its_failure_is_told(rig):
    rig.engine.submit(order("a", fail=["down"]))
    rig.engine.submit(order("b", fail=["second", "down"]))
    rig.worker()
    first, second = rig.over("a", "b")
    assert (first.state, first.error) == ("failed", "down: DRP-E130 down cannot")
    assert second.error == "second: DRP-E130 second cannot", "what went wrong first stands"
    assert rig.did("a") == [*STEPS, *ALWAYS]


@every
@pytest.mark.parametrize("during", STEPS)
def test_an_order_that_somebody_aborts_stops_in_its_step_and_what_always_runs_has_run(rig, during):
    rig.engine.submit(order("a", wait=[during]))
    rig.worker()
    rig.in_step("a", during)
    assert rig.engine.abort("a", by="alice")
    assert rig.engine.abort("a", by="bob")
    (seen,) = rig.over("a")
    assert (seen.state, seen.error, seen.abort_asked_by) == ("aborted", f"{during}: asked by alice", "alice")
    assert rig.did("a", "stopped") == [during]
    assert rig.did("a") == [*STEPS[: STEPS.index(during) + 1], *ALWAYS]
    assert not rig.engine.abort("a", by="carol"), "it is over"
    assert not rig.engine.abort("never", by="carol")


@every
def test_an_order_that_was_aborted_while_it_waited_runs_no_step_but_what_always_runs(rig):
    rig.engine.submit(order("a", keys=("vault",)))
    assert rig.engine.abort("a", by="alice")
    rig.worker()
    (seen,) = rig.over("a")
    assert seen.state == "aborted"
    assert rig.did("a") == [*ALWAYS]


@every
def test_the_lower_number_goes_first_then_the_older(rig):
    for name, priority in (("late", 5), ("later", 5), ("urgent", 1), ("some day", 9)):
        rig.engine.submit(order(name, priority=priority))
    rig.worker()
    rig.over("late", "later", "urgent", "some day")
    assert [line.order for line in rig.lines() if line.step == "first" and line.what == "begin"] == [
        "urgent", "late", "later", "some day",
    ]  # fmt: skip


@every
def test_an_order_of_a_procedure_that_nobody_knows_fails(rig):
    rig.engine.submit(order("a", procedure="unheard of"))
    rig.engine.submit(order("b"))
    rig.worker()
    first, second = rig.over("a", "b")
    assert (first.state, second.state) == ("failed", "done")
    assert "unheard of" in first.error


@every
def test_an_order_of_another_place_is_left(rig):
    rig.engine.submit(order("theirs", place="elsewhere"))
    rig.engine.submit(order("ours", priority=9))
    rig.worker()
    rig.over("ours")
    assert rig.seen("theirs").state == "waiting"
    assert rig.did("theirs") == []
