"""Whether a slot that nothing has ended starts now, waits, or is missed. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drp.domain.schedule.covering import Proving
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.events import Paused
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Blackout, Policy
from drp.domain.schedule.reasons import shown_instant, shown_span
from drp.domain.schedule.slot import Ending, Slot
from drp.domain.schedule.windows import in_the_way, next_allowed

_SCALE = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the planner is told besides policy and register."""

    expected: timedelta
    """How long the drill takes."""
    blackouts: tuple[Blackout, ...] = ()
    """On top of the policy's own: calendars, freezes."""
    unreadable: str = ""
    """A calendar that should be read and cannot: nothing starts. Empty: all were read."""
    running: Mapping[str, str] = field(default_factory=dict)
    """Slot id → the drill that has begun for it: it is left alone. An order that still waits is not among them."""
    proofs: Sequence[Proving] = ()
    """Passed drills of the application. A slot for which one of them was held has been settled before."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A slot that has come, or will, and has not ended."""

    slot: Slot
    start_by: datetime
    new: bool = False
    late: bool = False
    """Whether it came so long ago that only catching up can hold it."""


def ended(waiting: Waiting, ending: Ending, reason: str, values: Mapping[str, str] | None = None) -> Decision:
    """Return that a slot ends."""
    return Decision(
        slot=waiting.slot,
        action="end",
        ending=ending,
        reason=reason,
        values=values or {},
        start_by=waiting.start_by,
        new=waiting.new,
    )


def waits(
    waiting: Waiting, reason: str, not_before: datetime | None, values: Mapping[str, str] | None = None
) -> Decision:
    """Return that a slot waits."""
    return Decision(
        slot=waiting.slot,
        action="wait",
        reason=reason,
        values=values or {},
        not_before=not_before,
        start_by=waiting.start_by,
        new=waiting.new,
    )


def pause_of(policy: Policy, state: ScheduleState, at: datetime) -> Paused | None:
    """Return the pause that lasts at an instant, of several the longest: of the policy, the application, or all."""
    names = (policy.key, policy.application, "*")
    found = [state.pauses[name] for name in names if name in state.pauses and state.pauses[name].until > at]
    return max(found, key=lambda pause: pause.until, default=None)


def pause_values(pause: Paused) -> dict[str, str]:
    """Return what the sentence about a pause needs."""
    return {"by": pause.by, "at": shown_instant(pause.until), "reason": pause.reason}


def earliest(policy: Policy, waiting: Waiting, around: Circumstances) -> datetime | None:
    """Return when a slot may start at the earliest, spread by its jitter; None: not before it is missed.

    Every host computes the same. The spread never takes a drill out of the span that it fits, nor past ``start_by``.
    """
    at, by = waiting.slot.at, waiting.start_by
    room = next_allowed(policy, at, around.expected, blackouts=around.blackouts, by=by)
    if room is None:
        return None
    return min(room.at + _spread(policy, waiting.slot), room.latest, by)


def _spread(policy: Policy, slot: Slot) -> timedelta:
    """Return by how much a slot starts later, whole seconds: by chance, and always by the same."""
    if not policy.jitter:
        return timedelta(0)
    drawn = int.from_bytes(hashlib.sha256(slot.id.encode()).digest()[:8])
    return timedelta(seconds=int(policy.jitter.total_seconds()) * drawn // _SCALE)


def judge(policy: Policy, state: ScheduleState, waiting: Waiting, now: datetime, around: Circumstances) -> Decision:
    """Return whether a slot that may be held starts now, waits, or is missed since its time is over."""
    if now > waiting.start_by:
        return _over(policy, state, waiting, around)
    pause = pause_of(policy, state, now)
    if pause is not None:
        return waits(waiting, "paused", pause.until, pause_values(pause))
    if around.unreadable:
        return waits(waiting, "feed-unreadable", None, {"feed": around.unreadable})
    first = earliest(policy, waiting, around)
    asked = max(now, first or waiting.slot.at)
    room = next_allowed(policy, asked, around.expected, blackouts=around.blackouts, by=waiting.start_by)
    if room is None:
        return _never(policy, waiting, now, around)
    if room.at == now:
        return Decision(slot=waiting.slot, action="start", reason="due-now", start_by=waiting.start_by, new=waiting.new)
    plain = next_allowed(policy, now, around.expected, blackouts=around.blackouts, by=waiting.start_by)
    if plain is not None and plain.at == now:
        reason = "before-its-time" if now < waiting.slot.at else "jitter"
        return waits(waiting, reason, room.at, {"at": shown_instant(room.at)})
    blackout = in_the_way(policy, now, around.expected, around.blackouts)
    if blackout is not None and blackout.ends is not None:
        return waits(waiting, "blackout", room.at, {"at": shown_instant(blackout.ends), "reason": blackout.reason})
    values = {"at": shown_instant(room.at), "expected": shown_span(around.expected)}
    return waits(waiting, "outside-window", room.at, values)


def _never(policy: Policy, waiting: Waiting, now: datetime, around: Circumstances) -> Decision:
    """Return that it waits until it is missed, unless what forbids it is taken away."""
    reason, values = _lacking(policy, now, waiting, around)
    return waits(waiting, reason, None, values)


def _over(policy: Policy, state: ScheduleState, waiting: Waiting, around: Circumstances) -> Decision:
    pause = pause_of(policy, state, waiting.start_by)
    if pause is not None:
        return ended(waiting, "paused", "paused", pause_values(pause))
    if around.unreadable:
        return ended(waiting, "blocked", "feed-unreadable", {"feed": around.unreadable})
    seen = max(waiting.slot.at, waiting.start_by - policy.start_within)
    if next_allowed(policy, seen, around.expected, blackouts=around.blackouts, by=waiting.start_by) is not None:
        return ended(waiting, "missed", "too-late", {"within": shown_span(waiting.start_by - waiting.slot.at)})
    reason, values = _lacking(policy, seen, waiting, around)
    return ended(waiting, "missed", reason, values)


def _lacking(policy: Policy, since: datetime, waiting: Waiting, around: Circumstances) -> tuple[str, dict[str, str]]:
    """Return why it fits nowhere between an instant and its end: windows alone, a freeze, or both together."""
    within, expected = shown_span(waiting.start_by - waiting.slot.at), shown_span(around.expected)
    every = (*policy.blackouts, *around.blackouts)
    frozen = next((each for each in every if each.ends is None and each.begins < waiting.start_by), None)
    if frozen is not None:
        return "frozen", {"reason": frozen.reason}
    closed = [
        each for each in every if each.begins < waiting.start_by + around.expected and (each.ends or since) > since
    ]
    if not closed:
        return "no-window", {"within": within, "expected": expected}
    reasons = ", ".join(dict.fromkeys(each.reason for each in closed))
    return "no-room", {"within": within, "expected": expected, "reason": reasons}
