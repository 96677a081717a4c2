"""`drp schedule pause|resume|skip`: what people decide, with their names."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drp.cli import render
from drp.cli.asking import asking_account
from drp.codec import to_data
from drp.config.values import parse_duration, parse_instant
from drp.domain.phrase import say
from drp.errors import UsageError
from drp.schedule.people import EVERYTHING, pause, resume, skip
from drp.schedule.site_desk import desk_of
from drp.service.wiring import Wiring


def paused(
    wiring: Wiring,
    target: str | None,
    *,
    everything: bool,
    until: str | None,
    lasting: str | None,
    reason: str,
    machine: bool,
) -> None:
    """Pause, and print what was written down. Raises UsageError, NotFound."""
    named = _named(target, everything=everything)
    if (until is None) == (lasting is None):
        raise UsageError("until when?", hint="every pause has an end: --until 2026-12-24T18:00:00Z, or --for 3d")
    ends = _instant(until) if until is not None else wiring.clock.now().wall + _duration(str(lasting))
    event = pause(desk_of(wiring, None), named, until=ends, by=asking_account(), reason=reason)
    if machine:
        render.document("drp/pause/1", to_data(event))
        return
    what = "everything" if named == EVERYTHING else named
    render.line(
        say(
            "{what} is paused until {until} by {by}: {reason}",
            what=what,
            until=render.instant(event.until),
            by=event.by,
            reason=event.reason,
        )
    )


def resumed(wiring: Wiring, target: str | None, *, everything: bool, machine: bool) -> None:
    """End a pause, and print what was written down. Raises UsageError, NotFound."""
    named = _named(target, everything=everything)
    event = resume(desk_of(wiring, None), named, by=asking_account())
    if machine:
        render.document("drp/pause-ended/1", to_data(event))
        return
    render.line(say("{value} goes on, by {by}", value="everything" if named == EVERYTHING else named, by=event.by))


def skipped(wiring: Wiring, target: str, *, reason: str, machine: bool) -> None:
    """Take a slot out, and print what was written down. Raises UsageError, NotFound."""
    event = skip(desk_of(wiring, None), target, by=asking_account(), reason=reason)
    if machine:
        slot: dict[str, Any] = {**to_data(event), "id": event.slot.id}
        render.document("drp/slot-skipped/1", slot)
        return
    render.line(say("{id} is taken out by {by}: {reason}", id=event.slot.id, by=event.by, reason=event.reason))


def _named(target: str | None, *, everything: bool) -> str:
    if (target is None) != everything:
        raise UsageError("what?", hint="name an application, APP/LEVEL, or give --all")
    return target if target is not None else EVERYTHING


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise UsageError(
            say("{text} {error}", text=repr(text), error=error), hint="for instance --until 2026-12-24T18:00:00Z"
        ) from None


def _duration(text: str) -> Any:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(say("{text} {error}", text=repr(text), error=error), hint="for instance --for 3d") from None
