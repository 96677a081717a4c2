"""Who writes to a restic repository now, by its locks: read with an identity that may only read, and never set.

A running restic renews its lock every five minutes, and takes one of half an hour for a dead job's; so does drp. What a
lock says was written by whoever holds the key of the repository, and is text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from drp.domain.precheck import BackupSign
from drp.domain.strict_json import Malformed, parse_object
from drp.domain.visible import one_line
from drp.repositories.restic.answers import PRINTED
from drp.repositories.restic.snapshots import read_time
from drp.repositories.restic.tool import ResticTool

STALE = timedelta(minutes=30)
_MOST = 20
_LONGEST = 80


def signs(
    tool: ResticTool, lock_names: Callable[[], frozenset[str]], repository: str, now: datetime
) -> Iterator[BackupSign]:
    """Yield what the locks say that are there; one that goes away meanwhile says nothing."""
    for name in sorted(lock_names())[:_MOST]:
        output = tool.call("cat", "lock", name, "--no-cache")
        if output.exit_code == 0:
            yield sign_of(output.stdout, repository, now)
        elif name in lock_names():
            yield BackupSign(repository=repository, kind="unreadable-lock")


def sign_of(text: str, repository: str, now: datetime) -> BackupSign:
    """Return what a lock says; what cannot be read holds up nobody, and is told."""
    try:
        said = parse_object(text, PRINTED)
        renewed = read_time(str(said["time"])).astimezone(UTC)
    except (Malformed, KeyError, ValueError, OverflowError):
        return BackupSign(repository=repository, kind="unreadable-lock")
    host = one_line(str(said.get("hostname") or "somebody"), _LONGEST)
    alive = abs(now - renewed) < STALE  # one of years ahead was set by a wrong clock, and must not hold up for years
    return BackupSign(repository=repository, kind="lock" if alive else "stale-lock", since=renewed, host=host)
