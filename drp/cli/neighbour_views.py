"""Who called whom in a pod, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.fold import RecoveryState
from drp.domain.phrase import Phrase, count, say
from drp.domain.sandbox import NeighbourContact

_NAMED = 8


def contacts(progress: RecoveryState) -> tuple[NeighbourContact, ...]:
    """Return who called the application in its pod, and whom it called, as far as it was seen."""
    verified = progress.outputs.verify
    if progress.traffic is not None:
        return progress.traffic.neighbours
    return (verified.neighbours or ()) if verified is not None else ()


def neighbour_lines(progress: RecoveryState) -> Iterator[Phrase]:
    """Yield a line for each kind of calls, such as ``lis was called by ehr: tcp 10.20.0.12:5432, 3 times``."""
    told = [each for each in contacts(progress) if each.destination]
    for each in told[:_NAMED]:
        called = say(
            "{destination} was called by {source}: {place}",
            destination=each.destination,
            source=each.source,
            place=each.place,
        )
        yield count("{called}, once", "{called}, {n} times", each.count, called=called) if each.count > 1 else called
    if len(told) > _NAMED:
        yield say("and {n} more: the evidence record has them", n=len(told) - _NAMED)
    if unkept := sum(each.count for each in contacts(progress) if not each.destination):
        yield count(
            "{n} further call, of which nothing was kept", "{n} further calls, of which nothing was kept", unkept
        )
