"""What an Engine must do that several hosts share: places, takeover, fences, and a database that is not always there."""

from __future__ import annotations

import os
import signal
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import pairwise

from drp.clock import SystemClock
from drp.engine.carrying import Course
from drp.engine.database import open_engine
from drp.engine.ledger import Ledger
from drp.engine.presence import Presence
from tests.support.fixtures_journal import PostgresServer
from tests.support.fixtures_orders import LEASE, rig, shared, start  # noqa: F401 - fixtures
from tests.support.orders import ALWAYS, LOST, STEPS, Rig, order
from tests.support.waiting import PATIENCE, eventually


@shared
def test_orders_of_three_places_are_carried_out_by_two_workers_and_what_the_dead_one_had_is_cleaned_up(rig):
    places = {"north": 3, "south": 3, "west": 3}
    for place, count in places.items():
        for number in range(count):
            rig.engine.submit(order(f"{place}{number}", place=place, keys=(place,)))
    rig.engine.submit(order("victim", place="west", keys=("tape",), wait=["second"], priority=1))
    dying = rig.worker("dying", places=["west"], lease_seconds=LEASE)
    rig.in_step("victim", "second", "dying")
    dying.kill()
    rig.worker("living", places=["north", "south", "west"], at_once=2, lease_seconds=LEASE)
    seen = rig.over("victim", *(f"{place}{number}" for place, count in places.items() for number in range(count)))
    assert (seen[0].state, seen[0].host, seen[0].error) == ("failed", "living", "host dying gave no sign any more")
    assert rig.did("victim") == ["first", "second", "mop"]
    assert {each.state for each in seen[1:]} == {"done"}
    for name in places:
        assert all(rig.did(f"{name}{number}") == [*STEPS, *ALWAYS] for number in range(3))
        spans = [line for line in rig.lines() if line.order.startswith(name) and line.step in {"first", "tell"}]
        assert all(before.order == after.order for before, after in list(pairwise(spans))[0::4]), "peak one a key"


@shared
def test_what_a_worker_does_that_slept_while_another_took_over_does_not_count(rig):
    rig.engine.submit(order("a", wait=["second"], keys=("vault",)))
    zombie = rig.worker("zombie", lease_seconds=LEASE)
    rig.in_step("a", "second")
    os.kill(zombie.pid, signal.SIGSTOP)
    rig.worker("living", lease_seconds=LEASE)
    (seen,) = rig.over("a")
    assert (seen.state, seen.host) == ("failed", "living")
    rig.go("a")
    os.kill(zombie.pid, signal.SIGCONT)
    assert zombie.wait() == LOST
    assert rig.did("a") in (["first", "second", "mop"], ["first", "mop", "second"])
    assert rig.seen("a") == seen
    rig.engine.submit(order("b", keys=("vault",)))
    assert rig.over("b")[0].host == "living"
    again = rig.worker("zombie", lease_seconds=LEASE)
    rig.engine.submit(order("c"))
    rig.over("c")
    assert again.stop() == 0
    assert rig.did("a").count("third") == 0


@shared
def test_an_order_goes_on_when_its_database_died_at_once_and_is_back(rig, postgres_server):
    rig.engine.submit(order("a", wait=["second"]))
    rig.worker()
    rig.in_step("a", "second")
    assert postgres_server.process is not None
    postgres_server.process.send_signal(signal.SIGQUIT)  # stop -m immediate
    postgres_server.process.wait(PATIENCE)
    rig.go("a")
    assert eventually(lambda: rig.did("a", "end") == ["first", "second"])
    postgres_server.start()
    (seen,) = rig.over("a")
    assert seen.state == "done"
    assert rig.did("a") == [*STEPS, *ALWAYS], "no step twice"


@shared
def test_a_worker_whose_connections_were_cut_goes_on_as_long_as_nobody_may_take_over(rig, postgres_server):
    rig.engine.submit(order("a", wait=["second"]))
    rig.worker(lease_seconds=30.0)
    rig.in_step("a", "second")
    _cut_off(rig, postgres_server)
    rig.go("a")
    (seen,) = rig.over("a")
    assert seen.state == "done"
    assert rig.did("a") == [*STEPS, *ALWAYS]


@shared
def test_a_worker_that_can_give_no_sign_any_more_stops_what_it_runs_before_another_takes_over(rig, postgres_server):
    rig.engine.submit(order("a", wait=["second"]))
    worker = rig.worker("alone", lease_seconds=LEASE)
    rig.in_step("a", "second")
    database = rig.place.url.database
    with closing(postgres_server.connect("postgres")) as connection:
        connection.run(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        _cut_off(rig, postgres_server)
        assert worker.wait() == LOST
        assert rig.did("a", "stopped") == ["second"]
        assert rig.did("a") == ["first", "second"]
        connection.run(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    assert "another host may take over" in (rig.folder / "alone.lost").read_text()
    rig.worker("living", lease_seconds=LEASE)
    (seen,) = rig.over("a")
    assert (seen.state, seen.host) == ("failed", "living")
    assert rig.did("a") == ["first", "second", "mop"]


@shared
def test_a_worker_ends_when_another_of_its_name_has_begun(rig, postgres_server):
    rig.engine.submit(order("a", wait=["second"]))
    first = rig.worker("twin", lease_seconds=LEASE)
    rig.in_step("a", "second")
    os.kill(first.pid, signal.SIGSTOP)
    _cut_off(rig, postgres_server)
    second = rig.worker("twin", lease_seconds=LEASE)
    assert eventually(lambda: rig.did("a") == ["first", "second", "second"])
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait() == LOST
    rig.go("a")
    (seen,) = rig.over("a")
    assert seen.state == "done"
    assert rig.did("a", "end") == [*STEPS, *ALWAYS]
    assert second.stop() == 0


@shared
def test_a_host_that_left_can_come_back_at_once_whenever_the_server_notices(rig, monkeypatch):
    with closing_engine(rig.place) as engine:
        told = (rig.place, engine, Ledger(rig.place, engine, "twin"), SystemClock())
        with Presence(*told, host="twin", lease_seconds=LEASE) as first:
            connection = first._connection
            ends = [(connection, name, getattr(connection, name)) for name in ("invalidate", "close")]
            for each, name, _ in ends:
                monkeypatch.setattr(each, name, lambda: None)  # for the server it lives on
        with Presence(*told, host="twin", lease_seconds=LEASE) as second:
            assert not second.lost
        for _, _, end in ends:
            end()


@contextmanager
def closing_engine(place):
    engine = open_engine(place)
    try:
        yield engine
    finally:
        engine.dispose()


def _cut_off(rig: Rig, server: PostgresServer) -> None:
    """End every session of the orders' database."""
    with closing(server.connect("postgres")) as connection:
        connection.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name", name=rig.place.url.database
        )


@shared
def test_many_short_orders_by_several_workers_none_lost_and_none_doubled(rig):
    names = [f"order-{number}" for number in range(24)]
    for number, name in enumerate(names):
        rig.engine.submit(order(name, keys=(f"repository-{number % 6}",)))
    for number in range(3):
        rig.worker(f"host-{number}", at_once=2)
    assert {seen.state for seen in rig.over(*names)} == {"done"}
    ended = [(line.order, line.step) for line in rig.lines() if line.what == "end"]
    assert sorted(ended) == sorted((name, step) for name in names for step in (*STEPS, *ALWAYS))


@shared
def test_only_one_host_at_a_time_forgets_orders(rig):
    engine = open_engine(rig.place)
    one, other = (Ledger(rig.place, engine, name) for name in ("one", "other"))
    one.lay()
    at = SystemClock().now().wall
    one.submit(order("a"), at)
    hold = one.claim("1")
    assert hold is not None
    assert one.end(hold, Course())
    meanwhile = []
    later = at + timedelta(seconds=1)
    assert one.prune(later, 9, lambda _names: meanwhile.append(other.prune(later, 9, meanwhile.extend))) == 1
    assert meanwhile == [0]
    engine.dispose()
