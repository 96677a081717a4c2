"""What a worker tells, and when: the seams between orders and `drp.monitoring`. Nothing here raises or judges."""

from __future__ import annotations

from drp.domain.orders import Value, Values
from drp.monitoring.tell import Told, started, tell_now
from drp.service.wiring import Wiring


def tell_of_order(wiring: Wiring, values: Values) -> Values:
    """Tell people, ping and send spans after an order: the step ``tell`` of a procedure. Return what came of it.

    The drill is the one that the order names, or that a step gave as its result; without one the site alone is told of.
    """
    told = tell_now(wiring, _drill(values))
    return {"told": list(told.told), "untold": dict(told.untold), "notices": list(told.notices)}


def tell_of_tick(wiring: Wiring) -> Told:
    """Tell people and ping after a look at the schedule."""
    return tell_now(wiring)


def tick_begins(wiring: Wiring) -> None:
    """Ping that somebody looks at the schedule now."""
    started(wiring)


def drill_begins(wiring: Wiring, policies: tuple[str, ...]) -> None:
    """Ping that a drill begins for policies (``ehr/full``)."""
    if policies:
        started(wiring, policies)


def _drill(values: Values) -> str | None:
    if isinstance(named := values.get("drill"), str) and named:
        return named
    for step in ("hold", "finish"):
        result: Value = values.get(step)
        if isinstance(result, dict) and isinstance(drill := result.get("drill"), str) and drill:
            return drill
    return None
