"""A repository probed: once in an hour, with keys of its own, and written into the register whatever came of it."""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import datetime, timedelta

from drp.domain.phrase import Duration, say
from drp.domain.repository import RepositorySettings, S3Location
from drp.domain.schedule.register import Register
from drp.domain.worm.facts import LocksProbed
from drp.domain.worm.probe import Probe
from drp.domain.worm.probe_findings import with_past
from drp.errors import Busy, NotFound, UsageError
from drp.service.wiring import Wiring

ONCE_IN = timedelta(hours=1)


def newest_probe(register: Register, repository: str) -> Probe | None:
    """Return what the last probe of a repository has shown; None: there was none."""
    known = register.state().repositories.get(repository)
    return known.probe if known is not None else None


def probed(wiring: Wiring, name: str, *, again: bool = False) -> Probe:
    """Try on a repository what must be refused, write down what came of it, and return it.

    ``again``: even where it was tried within the hour. Raises ``NotFound``, ``UsageError`` where the site does not
    allow it, ``Busy`` where it was probed just now, and what the store's silence or refusal raises: then nothing is
    written down, since nothing was tried.
    """
    settings = wiring.site.repositories.get(name)
    if settings is None:
        raise NotFound(say("there is no repository {name}", name=name))
    register = wiring.register()
    earlier, now = newest_probe(register, name), wiring.clock.now().wall
    if earlier is not None and not again:
        _require_pause(name, earlier, now)

    def write_down(found: Probe) -> Probe:
        known = with_past(found, earlier)
        register.append(LocksProbed(repository=name, host=platform.node(), probe=known))
        return known

    return write_down(_tried(wiring, settings, earlier, write_down))


def _tried(
    wiring: Wiring, settings: RepositorySettings, earlier: Probe | None, at_once: Callable[[Probe], object]
) -> Probe:
    from drp.config.secrets import resolve
    from drp.repositories.locations.kind import ProbedLocation, location_kind
    from drp.repositories.worm.probing import clients_of, probe

    location, keys = settings.location, settings.worm.probe
    if not isinstance(location, S3Location):
        kind = location_kind(location)
        if isinstance(kind, ProbedLocation):
            return kind.probe(settings, resolve, wiring.clock.now().wall)
        raise UsageError(
            say("where repository {name} lies, nothing can be probed", name=settings.name),
            hint=say("`drp repo worm {name}` says what protects it", name=settings.name),
        )
    if keys is None:
        raise UsageError(
            say("repository {name} names no keys to probe it with", name=settings.name),
            hint=say(
                "give it `worm.probe`, with the rights that `drp repo policy {name} --for probe` prints",
                name=settings.name,
            ),
        )
    places = (each.location for each in wiring.site.repositories.values())
    kept = frozenset(place.bucket for place in places if isinstance(place, S3Location))
    clients = clients_of(settings, location, keys, resolve, kept=kept)
    return probe(clients, settings.worm.mode, wiring.clock, earlier=earlier, at_once=at_once)


def _require_pause(name: str, earlier: Probe, now: datetime) -> None:
    """Raise ``Busy`` where the last probe is less than an hour away, whichever way a clock was set since."""
    ago = abs(now - earlier.at)
    if ago < ONCE_IN:
        raise Busy(
            say(
                "repository {name} was probed {ago} ago",
                name=name,
                ago=Duration(ago // timedelta(milliseconds=1)),
            ),
            hint=say("`drp repo worm {name}` shows what came of it; `--again` probes it all the same", name=name),
        )
