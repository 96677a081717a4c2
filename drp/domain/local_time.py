"""What production's clocks showed, as instants: for values that were stored without a time zone."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from drp.domain.phrase import say

_ZONE_OF_THIS_MACHINE = "localtime"


def require_zone(name: str) -> ZoneInfo:
    """Return a zone by its name in the IANA database. Raises ValueError for any other, this machine's included."""
    known = None
    if name != _ZONE_OF_THIS_MACHINE:
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            known = ZoneInfo(name)
    if known is None:
        raise ValueError(say("there is no time zone {name}: give one such as Europe/Paris, or UTC", name=repr(name)))
    return known


def require_one_zone(zone: str, *, assume_utc: bool) -> None:
    """Raise ValueError unless what is declared of times without a zone is nothing, UTC, or one known zone."""
    if zone and assume_utc:
        raise ValueError("say `assume_utc` or `zone`, not both")
    if zone:
        require_zone(zone)


def local_instant(local: datetime, zone: str) -> datetime:
    """Return the instant at which clocks of a zone showed a time; of two that fit, the older.

    In autumn an hour comes twice; in spring one never comes, and two readings of it differ by the leap. The older
    never makes a loss look smaller. Raises ValueError for an unknown zone, OverflowError at the ends of the calendar.
    """
    if zone == "UTC":  # not by its file: that is the machine's
        return local.replace(tzinfo=UTC)
    known = require_zone(zone)
    return min(local.replace(tzinfo=known, fold=fold).astimezone(UTC) for fold in (0, 1))
