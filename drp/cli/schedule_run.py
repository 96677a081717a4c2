"""`drp schedule run`: one look at the schedule, and what is due is held here, unless a worker does it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drp.cli import render
from drp.cli.words import VERDICTS, word
from drp.cli.worker_run import signals_told
from drp.cli.worker_views import Voice
from drp.config.site import Site
from drp.domain.fold import fold
from drp.domain.orders import Order
from drp.domain.phrase import say
from drp.domain.schedule.decision import Decision
from drp.domain.verdict import Verdict
from drp.engine.durable import LEASE_SECONDS
from drp.engine.inline import InlineEngine
from drp.errors import EngineError
from drp.schedule.procedures import Hands, drill_procedure
from drp.schedule.site_desk import desk_of
from drp.schedule.tick import tick
from drp.service.orders import engine_of
from drp.service.wiring import Wiring

_EXIT: dict[Verdict, int] = {"passed": 0, "failed": 1, "inconclusive": 3, "aborted": 3}
_WORST = (0, 3, 1)
"""Exit statuses, the worst last."""
_NOT_HELD = 3


@dataclass(slots=True)
class _Run:
    """What a run came to."""

    ended: list[Decision] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    verdicts: dict[str, Verdict | None] = field(default_factory=dict)
    """Order → its drill's verdict; None: there is none."""

    @property
    def exit_status(self) -> int:
        """Return the worst of the drills'; what could not be held at all is inconclusive."""
        found = [_EXIT[verdict] if verdict is not None else _NOT_HELD for verdict in self.verdicts.values()]
        found += [_NOT_HELD for each in self.ended if each.ending == "blocked"]
        return max(found, key=_WORST.index, default=0)


def run_once(wiring: Wiring, *, only_plan: bool, machine: bool, quiet: bool) -> int:
    """Look at the schedule, hold what is due, and return the exit status. Raises what register and engine raise."""
    done, worker = _Run(), _worker_at_work(wiring)
    if only_plan:
        _look(wiring, done, None)
    elif worker:
        with closing(engine_of(wiring.site, wiring.clock)) as engine:
            _look(wiring, done, engine)
        render.note(say("the worker on {worker} holds what is due", worker=worker))
    else:
        _hold(wiring, done, machine=machine, quiet=quiet)
    return _show(done, machine=machine, quiet=quiet)


def _look(wiring: Wiring, done: _Run, engine: Any) -> tuple[Order, ...]:
    """Look once; return the orders that were not known."""
    ticked = tick(desk_of(wiring, engine))
    done.ended += [each for each in ticked.decisions if each.action == "end"]
    new = tuple(order for order in ticked.submitted if order.id not in done.orders)
    done.orders |= {order.id: order for order in new}
    return new


def _hold(wiring: Wiring, done: _Run, *, machine: bool, quiet: bool) -> None:
    """Hold what is due, one drill after another, until nothing more is."""
    engine, told = InlineEngine(wiring.clock, host=socket.gethostname()), threading.Event()
    site: Callable[[], Site] = lambda: wiring.site  # noqa: E731 - one reading of the site for one run
    with closing(Voice(machine=False, quiet=quiet or machine, terminal=not machine)) as voice:
        hands = Hands(
            site=site,
            clock=wiring.clock,
            worker=socket.gethostname(),
            begin=voice.begin,
            follow=voice.follow,
        )
        with signals_told(told):
            while _look(wiring, done, engine) and not told.is_set():
                engine.serve((drill_procedure(hands),), told.is_set)
    for seen in engine.orders(only_open=False):
        if seen.state != "waiting":
            done.verdicts[seen.order.id] = _verdict(wiring, seen.order)


def _verdict(wiring: Wiring, order: Order) -> Verdict | None:
    entries = tuple(wiring.journal().entries(str(order.values["drill"])))
    state = fold(entries) if entries else None
    return state.concluded.verdict if state is not None and state.concluded is not None else None


def _worker_at_work(wiring: Wiring) -> str:
    """Return the host of this site whose worker gave a sign of life just now; empty: none."""
    place = wiring.site.engine
    if isinstance(place, Path) and not place.exists():
        return ""
    try:
        with closing(engine_of(wiring.site, wiring.clock)) as engine:
            signs = engine.hosts()
    except EngineError:
        return ""
    own = socket.gethostname()
    return next((host for host, _, ago in signs if ago < LEASE_SECONDS and host == own), "")


def _show(done: _Run, *, machine: bool, quiet: bool) -> int:
    status = done.exit_status
    if machine:
        document = {
            "ended": [_ended(each) for each in done.ended],
            "orders": [_order(order, done) for order in done.orders.values()],
            "exit": status,
        }
        render.document("drp/schedule-run/1", document)
    elif not quiet:
        for line in _lines(done):
            render.line(line)
    return status


def _lines(done: _Run) -> Sequence[str]:
    ended = [
        say("{slot} {ending}: {reason}", slot=each.slot.id, ending=each.ending, reason=each.reason)
        for each in done.ended
    ]
    held = [
        say(
            "{order} {verdict} in {drill}",
            order=order.id,
            verdict=word(VERDICTS, done.verdicts[order.id] or "") or say("not held"),
            drill=order.values["drill"],
        )
        if order.id in done.verdicts
        else say("{order} is due", order=order.id)
        for order in done.orders.values()
    ]
    return [*ended, *held] or [say("nothing is due")]


def _ended(decision: Decision) -> dict[str, Any]:
    return {
        "slot": decision.slot.id,
        "ending": decision.ending,
        "reason": decision.reason,
        "values": dict(decision.values),
    }


def _order(order: Order, done: _Run) -> dict[str, Any]:
    return {
        "order": order.id,
        "slots": order.values["slots"],
        "drill": order.values["drill"],
        "held": order.id in done.verdicts,
        "verdict": done.verdicts.get(order.id),
    }
