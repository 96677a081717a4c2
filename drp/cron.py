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
from itertools import islice, pairwise
from threading import Lock
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from drp.domain.phrase import NOTHING, Phrase, say

_FIELDS = 5
_REMEMBERED = 64
_REFERENCE = datetime(2025, 1, 1, tzinfo=UTC)
"""What is asked about an expression as such is asked of the years from here on, so that the answer never changes."""
_YEAR = 366
_LOOKED_AT = 64
_EVERY = re.compile(r"\*(?:/\d+)?")


def occasions(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the instants after one at which an expression fires, UTC, each later than the one before.

    The same instants whatever the instant to begin after. Raises ValueError for an expression that never fires.
    """
    return iter(_remembered(expression, zone, after))


class _Remembered:
    """Instants that are looked for once: again at every tick, and for every policy of one expression."""

    def __init__(self, expression: str, zone: str, after: datetime) -> None:
        self._expression, self._zone = expression, zone
        self._more = _from(expression, zone, after)
        self._known: list[datetime] = []
        self._lock = Lock()

    def __iter__(self) -> Iterator[datetime]:
        index = 0
        while index < _REMEMBERED:
            if index == len(self._known) and not self._look(index):
                return
            yield self._known[index]
            index += 1
        yield from _from(self._expression, self._zone, self._known[-1])

    def _look(self, index: int) -> bool:
        """Look for one more, unless another thread did; return whether it is there."""
        with self._lock:
            if index == len(self._known):
                self._known += islice(self._more, 1)
            return index < len(self._known)


@lru_cache(maxsize=8_000)
def _remembered(expression: str, zone: str, after: datetime) -> _Remembered:
    return _Remembered(expression, zone, after)


def _from(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    fields = expression.split()
    if len(fields) != _FIELDS:
        message = say("has {n} fields", n=len(fields))
        raise ValueError(message)
    try:
        instants = CronSim(_by_wall_time(fields), after.astimezone(ZoneInfo(zone)))
    except CronSimError as error:
        raise ValueError(_wrong(fields) or say("never fires")) from error
    newest = after
    for fired in instants:
        instant = fired.astimezone(UTC)
        # begun inside an hour that comes twice, cronsim gives what was in its first pass
        if instant > newest:
            newest = instant
            yield instant


def _wrong(fields: list[str]) -> Phrase:
    """Return which field is none by itself; empty: they make no sense together."""
    for index, field in enumerate(fields):
        alone = ["*"] * _FIELDS
        alone[index] = field
        try:
            CronSim(" ".join(alone), _REFERENCE)
        except CronSimError as error:
            return say("has a {problem}: {field}", problem=str(error).lower(), field=field)
    return NOTHING


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


@lru_cache(maxsize=2_000)
def longest_apart(expression: str, zone: str) -> timedelta:
    """Return the longest time between two occasions, of some years. Raises ValueError for what does not fire twice."""
    fired = list(islice(_from(expression, zone, _REFERENCE), _LOOKED_AT))
    longest = max((later - earlier for earlier, later in pairwise(fired)), default=timedelta(0))
    if not longest:
        raise ValueError(say("never fires"))
    if fired[-1] - fired[0] > timedelta(days=2 * _YEAR):
        return longest
    # so many of one that fires each minute of January, or of Mondays, are over before those are
    _, _, day, month, _ = expression.split()
    every, until = (1, 8) if day == month == "*" else (30, 2 * _YEAR)
    for days in range(0, until, every):
        instant = _REFERENCE + timedelta(days=days)
        longest = max(longest, next(_from(expression, zone, instant)) - instant)
    return longest


def fires(expression: str) -> bool:
    """Return whether an expression fires at all. Raises ValueError for what is none."""
    return next(occasions(expression, "UTC", _REFERENCE), None) is not None
