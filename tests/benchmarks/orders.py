"""What an engine costs: a step that is remembered against one that is not; many short orders by several workers.

`python -m tests.benchmarks orders [ORDERS]`: the second needs PostgreSQL's programs, and makes a server of its own.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from drp.clock import SystemClock
from drp.domain.orders import Order, Procedure, Step
from drp.engine.database import Place
from drp.engine.durable import DurableEngine
from drp.engine.inline import InlineEngine
from tests.support.fixtures_journal import running_server
from tests.support.orders import ALWAYS, STEPS, Rig, order, starter

ORDERS = 500
WORKERS = 4
_STEPS = 200


def main(arguments: list[str]) -> None:
    """Print both figures."""
    sys.stdout.write(steps() + "\n")
    sys.stdout.write(many(int(arguments[0]) if arguments else ORDERS) + "\n")


def steps() -> str:
    """Return what a remembered step takes on SQLite, beside the same in this process alone."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="drp-bench-", dir="/var/tmp") as folder:
        inline = _step_ms(lambda: InlineEngine(clock))
        place = Place(location=Path(folder) / "orders.db")
        kept = _step_ms(lambda: DurableEngine(place, clock, host="bench", poll_seconds=0.05))
    return f"one step: {kept:.2f} ms remembered in SQLite, {inline:.3f} ms inline: {kept - inline:.2f} ms more"


def _step_ms(make: Callable[[], DurableEngine | InlineEngine]) -> float:
    """Return the median of the times between two steps of one order."""
    instants: list[float] = []
    over = threading.Event()

    def note(*_: object) -> dict[str, object]:
        instants.append(time.perf_counter())
        return {}

    def end(*_: object) -> dict[str, object]:
        over.set()
        return {}

    engine = make()
    engine.submit(Order(id="steps", procedure="steps", values={}))
    many_steps = tuple(Step(f"step-{number}", note) for number in range(_STEPS))
    engine.serve([Procedure("steps", many_steps, always=(Step("end", end),))], over.is_set)
    between = sorted(after - before for before, after in pairwise(instants))
    return between[len(between) // 2] * 1000


def many(count: int) -> str:
    """Return how long so many orders take by four workers on PostgreSQL, after looking that each ran exactly once."""
    with running_server() as server, starter() as process, tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        location = f"postgresql+pg8000://drp@127.0.0.1:{server.port}/{server.new_database()}"
        place = Place(location=location, password=lambda: server.password)
        rig = Rig(place, server.password, Path(folder), process)
        try:
            for number in range(count):
                rig.engine.submit(order(f"order-{number}", keys=(f"repository-{number % 40}",)))
            begun = time.monotonic()
            for number in range(WORKERS):
                rig.worker(f"host-{number}", at_once=4)
            while rig.engine.orders():
                time.sleep(0.5)
            took = time.monotonic() - begun
            states = Counter(seen.state for seen in rig.engine.orders(only_open=False))
            done = Counter((line.order, line.step) for line in rig.lines() if line.what == "end")
        finally:
            rig.close()
    expected = count * len((*STEPS, *ALWAYS))
    assert states == {"done": count}, states
    assert len(done) == expected, "none is lost"
    assert set(done.values()) == {1}, "none is doubled"
    return f"{count} orders by {WORKERS} workers on PostgreSQL: {took:.1f} s, none lost, none doubled"
