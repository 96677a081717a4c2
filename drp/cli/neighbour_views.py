"""Who called whom in a pod, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.fold import RecoveryState
from drp.domain.sandbox import NeighbourContact

_NAMED = 8


def contacts(progress: RecoveryState) -> tuple[NeighbourContact, ...]:
    """Return who called the application in its pod, and whom it called, as far as it was seen."""
    verified = progress.outputs.verify
    if progress.traffic is not None:
        return progress.traffic.neighbours
    return (verified.neighbours or ()) if verified is not None else ()


def neighbour_lines(progress: RecoveryState) -> Iterator[str]:
    """Yield a line for each kind of calls, such as ``lis was called by ehr: tcp 10.20.0.12:5432, 3 times``."""
    told = [each for each in contacts(progress) if each.destination]
    for each in told[:_NAMED]:
        times = f", {each.count} times" if each.count > 1 else ""
        yield f"{each.destination} was called by {each.source}: {each.place}{times}"
    if len(told) > _NAMED:
        yield f"and {len(told) - _NAMED} more: the evidence record has them"
    if unkept := sum(each.count for each in contacts(progress) if not each.destination):
        yield f"{unkept} further calls, of which nothing was kept"
