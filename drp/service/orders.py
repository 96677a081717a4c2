"""What carries orders of a site out: here, or on whatever host shares them."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from drp.config.secrets import resolve
from drp.config.site import Site
from drp.domain.ports import Clock
from drp.engine.database import Place
from drp.engine.durable import DurableEngine


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
