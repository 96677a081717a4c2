"""When a cron expression fires: the only module that knows cronsim.

Wall time is the policy's own zone. In the hour that a change of clocks takes out, an expression fires once, just after
it; in the hour that comes twice, it fires once (Debian's cron does the same).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


def occasions(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the instants after one at which an expression fires, UTC. Raises ValueError for one that never does."""
    try:
        fires = CronSim(expression, after.astimezone(ZoneInfo(zone)))
    except CronSimError as error:
        raise ValueError(str(error)) from error
    return (instant.astimezone(UTC) for instant in fires)
