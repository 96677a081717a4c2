"""When a cron expression fires: the only module that knows cronsim.

Wall time is the policy's own zone. In the hour that a change of clocks takes out, an expression fires once, just after
it; in the hour that comes twice, it fires once, the first time. One whose hour is ``*`` fires whenever the clock shows
its minute: every real hour, and so once more in the hour that comes twice. (Debian's cron treats ``*/2`` as ``*``, and
would leave such a drill out in spring.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS = 5
_EVERY = re.compile(r"\*(?:/\d+)?")


def occasions(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the instants after one at which an expression fires, UTC, each later than the one before.

    The same instants whatever the instant to begin after. Raises ValueError for an expression that never fires.
    """
    first = _first(expression, zone, after)
    if first is not None:
        yield first
        yield from _from(expression, zone, first)


@lru_cache(maxsize=20_000)
def _first(expression: str, zone: str, after: datetime) -> datetime | None:
    """Return the first instant after one: asked for again at every tick, and the same until it has come."""
    return next(_from(expression, zone, after), None)


def _from(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    fields = expression.split()
    if len(fields) != _FIELDS:
        message = f"must have five fields (minute, hour, day of month, month, day of week), and has {len(fields)}"
        raise ValueError(message)
    try:
        fires = CronSim(_by_wall_time(fields), after.astimezone(ZoneInfo(zone)))
    except CronSimError as error:
        raise ValueError(str(error)) from error
    newest = after
    for fired in fires:
        instant = fired.astimezone(UTC)
        # begun inside an hour that comes twice, cronsim gives what was in its first pass
        if instant > newest:
            newest = instant
            yield instant


def _by_wall_time(fields: list[str]) -> str:
    """Return an expression that cronsim takes by wall time, unless its hour is ``*``: those it would leave out."""
    minute, hour, *days = fields
    if hour == "*":
        return " ".join(fields)
    return " ".join((_listed(minute, 59), _listed(hour, 23), *days))


def _listed(field: str, last: int) -> str:
    """Return a field without a star in front, which would make cronsim go by elapsed time."""
    terms = field.split(",")
    return ",".join(term.replace("*", f"0-{last}", 1) if _EVERY.fullmatch(term) else term for term in terms)


def at_most_apart(expression: str, zone: str, since: datetime, number: int = 60) -> timedelta | None:
    """Return the shortest time between two of the next occasions; None where there are not two."""
    newest, shortest = None, None
    for instant, _ in zip(occasions(expression, zone, since), range(number), strict=False):
        if newest is not None and (shortest is None or instant - newest < shortest):
            shortest = instant - newest
        newest = instant
    return shortest
