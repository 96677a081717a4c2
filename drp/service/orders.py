"""What carries orders of a site out: here, or on whatever host shares them."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from drp.config.secrets import resolve
from drp.config.site import Site
from drp.domain.orders import OrderSeen
from drp.domain.phrase import say
from drp.domain.ports import Clock
from drp.engine.database import Place
from drp.engine.durable import DurableEngine
from drp.errors import NotFound
from drp.service.wiring import Wiring


def engine_of(site: Site, clock: Clock, *, places: Sequence[str] = ("",)) -> DurableEngine:
    """Return the site's engine, whose worker here carries out what is ordered for some places. Nothing is connected."""
    secret = site.engine_password
    place = Place(
        location=site.engine,
        password=(lambda: resolve(secret)) if secret is not None else None,
        tls=site.engine_tls,
        resolve=resolve,
    )
    return DurableEngine(place, clock, host=socket.gethostname(), places=places)


def orders_there(site: Site, clock: Clock) -> tuple[OrderSeen, ...]:
    """Return all orders, without making a place for them where there is none."""
    if isinstance(site.engine, Path) and not site.engine.exists():
        return ()
    with closing(engine_of(site, clock)) as engine:
        return engine.orders(only_open=False)


def drill_of(wiring: Wiring, reference: str) -> str:
    """Return the drill that an order's id stands for; what is none is returned as it is. Raises ``NotFound``."""
    if "@" not in reference:
        return reference
    for seen in orders_there(wiring.site, wiring.clock):
        if seen.order.id == reference:
            return str(seen.order.values.get("drill", ""))
    raise NotFound(say("there is no order {reference}", reference=reference), hint="see `drp worker list --all`")


def ask_order_to_stop(wiring: Wiring, order: str, by: str) -> bool:
    """Ask that an order stop, wherever it is; return whether it was there and open."""
    if isinstance(wiring.site.engine, Path) and not wiring.site.engine.exists():
        return False
    with closing(engine_of(wiring.site, wiring.clock)) as engine:
        return engine.abort(order, by=by)
