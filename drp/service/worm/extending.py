"""Retention of what points need, lengthened: first what would be done, exactly; then done, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drp.domain.phrase import NOTHING, Instant, Phrase, say
from drp.domain.repository import RepositorySettings, S3Location, WriteKeys
from drp.domain.repository_port import NeededObjects, ObjectLocks
from drp.domain.worm.attestation import WeakObject
from drp.domain.worm.horizon import REQUESTS_EACH
from drp.drill.phases.horizons import locks_in_chunks
from drp.drill.phases.select import no_earlier
from drp.errors import NotFound, RepositoryError, UsageError
from drp.service.wiring import Wiring
from drp.service.worm.horizons import Told, needs_by_point, owned_points, settings_of

_FARTHEST = timedelta(days=366 * 100)
_DATED = ("compliance", "governance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """What lengthening retention would do."""

    repository: str
    until: datetime
    points: tuple[str, ...]
    """Ids of the points that it is done for."""
    objects: tuple[WeakObject, ...]
    """Versions whose retention ends before then, and has a date to lengthen."""
    bare: tuple[str, ...] = ()
    """Objects without a retention: there is nothing to lengthen, and nothing is begun."""
    lasting: int = 0
    """Objects whose lock lasts as long already."""

    @property
    def size(self) -> int:
        """Return how many bytes cannot be deleted for longer."""
        return sum(each.size for each in self.objects)

    @property
    def requests(self) -> int:
        """Return how many requests it takes at most."""
        return len(self.objects) * REQUESTS_EACH

    @property
    def earliest(self) -> datetime | None:
        """Return the first of the dates that there are now."""
        return min((each.until for each in self.objects if each.until is not None), default=None)

    @property
    def latest(self) -> datetime | None:
        """Return the last of the dates that there are now."""
        return max((each.until for each in self.objects if each.until is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one object."""

    key: str
    came: Literal["extended", "already", "failed"]
    until: datetime | None
    """As the store said afterwards."""
    why: Phrase = NOTHING


def plan_extension(
    wiring: Wiring,
    name: str,
    until: datetime,
    application: str | None = None,
    point: str | None = None,
    *,
    told: Told = lambda *_: None,
) -> Extension:
    """Return what would be done for the newest point of each application, or for the points that ``point`` begins.

    Nothing is changed. Raises ``UsageError`` where it is not offered, or for an instant that makes no sense,
    ``RepositoryError`` where nobody can tell what a point needs, and what the Repository port raises.
    """
    settings = settings_of(wiring, name)
    offered(settings)
    repository = wiring.repositories()[name]
    now = no_earlier(wiring.clock.now().wall, repository.preflight().clock_ahead_ms)
    if not now < until < now + _FARTHEST:
        raise UsageError(
            say("retention until {until} makes no sense", until=Instant(until)),
            hint="name an instant to come, within a hundred years",
        )
    if not isinstance(repository, NeededObjects) or not isinstance(repository, ObjectLocks):
        raise UsageError(say("repository {name} does not tell which objects a point needs", name=name))
    owned, _, _ = owned_points(wiring, repository, name, application)
    chosen = [each for each in owned if each[1].id.startswith(point)] if point is not None else []
    if point is None:
        chosen = list({each[0].name: each for each in reversed(owned)}.values())  # the newest comes last, and stays
    if not chosen:
        raise NotFound(say("repository {name} has no such recovery point", name=name), hint="see `drp repo horizon`")
    wanted: dict[str, None] = {}
    for identity, needs in needs_by_point(repository, chosen, told):
        if needs.unknown or needs.missing:
            raise RepositoryError(
                say(
                    "what point {point} needs could not be established: {why}",
                    point=identity[:8],
                    why=needs.unknown or say("objects that it needs are missing"),
                )
            )
        wanted.update(dict.fromkeys(needs.names))
    return _extension(repository, settings.name, until, tuple(sorted({each[1].id for each in chosen})), wanted)


def offered(settings: RepositorySettings) -> tuple[S3Location, WriteKeys]:
    """Return where, and with whose keys. Raises ``UsageError`` where the site does not offer it."""
    location, keys = settings.location, settings.worm.extend
    if not isinstance(location, S3Location):
        raise UsageError(
            say("repository {name} is in no bucket: it has no retention", name=settings.name),
            hint=say("`drp repo worm {name}` says what protects it", name=settings.name),
        )
    if keys is None:
        raise UsageError(
            say("repository {name} names no keys to lengthen retention with", name=settings.name),
            hint=say(
                "give it `worm.extend`, with the rights that `drp repo policy {name} --for extend` prints",
                name=settings.name,
            ),
        )
    return location, keys


def _extension(
    repository: ObjectLocks, name: str, until: datetime, points: tuple[str, ...], wanted: dict[str, None]
) -> Extension:
    objects: list[WeakObject] = []
    bare: list[str] = []
    lasting = 0
    for seen in locks_in_chunks(repository, wanted, until):
        lock = seen.lock
        if lock is None or lock.mode not in _DATED or lock.until is None or not seen.version:
            bare.append(seen.key)
        elif lock.until >= until:
            lasting += 1
        else:
            objects.append(
                WeakObject(key=seen.key, version=seen.version, mode=lock.mode, until=lock.until, size=seen.size)
            )
    return Extension(
        repository=name, until=until, points=points, objects=tuple(objects), bare=tuple(bare), lasting=lasting
    )


def carry_out(wiring: Wiring, extension: Extension) -> Iterator[Outcome]:
    """Lengthen, one version after the other, and yield what the store says of each afterwards.

    Whoever was cut off plans and does it again: what lasts as long already is left alone.
    """
    from drp.config.secrets import resolve
    from drp.repositories.worm.extending import extend, extender

    settings = settings_of(wiring, extension.repository)
    location, keys = offered(settings)
    writer = extender(settings.name, location, keys, resolve, settings.limits)
    for each in extend(writer, extension.objects, extension.until):
        yield Outcome(key=each.key, came=each.came, until=each.until, why=each.why)
