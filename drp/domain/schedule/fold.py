"""The state of the schedule as a pure function of its register: what is open, what people decided, how slots ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from drp.domain.schedule.events import (
    Paused,
    PauseEnded,
    PolicySeen,
    RegisterEntry,
    SlotEnded,
    SlotExpected,
    SlotSkipped,
)
from drp.domain.schedule.slot import Slot
from drp.domain.worm.folded import FACTS, FoldedRepository, fold_fact

KEPT = 3
"""So many of a policy's newest ends are kept: the state does not grow with the years, and is read at every tick."""


@dataclass(slots=True)
class ScheduleState:
    """What the register says now; it does not grow with the years."""

    policies: dict[str, PolicySeen] = field(default_factory=dict)
    """Policies in force, by key."""
    since: dict[str, RegisterEntry] = field(default_factory=dict)
    """Policy → the entry from which on its slots count."""
    last: dict[str, Slot] = field(default_factory=dict)
    """Policy → the newest slot of its cron that was expected; all before it were, too."""
    caused: dict[str, Slot] = field(default_factory=dict)
    """Policy → the newest slot that was expected for another cause than cron."""
    open: dict[str, SlotExpected] = field(default_factory=dict)
    """Slot id → expected and not ended."""
    ended: dict[str, tuple[SlotEnded, ...]] = field(default_factory=dict)
    """Policy → its newest ends, oldest first, no more than `KEPT`."""
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Policy → ending → how many slots ever ended so."""
    missed: dict[str, int] = field(default_factory=dict)
    """Policy → so many slots in a row ended otherwise than held or superseded; left out where it is none."""
    pauses: dict[str, Paused] = field(default_factory=dict)
    skipped: dict[str, SlotSkipped] = field(default_factory=dict)
    """Slot id → somebody's word, until it has come."""
    repositories: dict[str, FoldedRepository] = field(default_factory=dict)
    """Repository → the newest that was found out about it, and its points; each is replaced, never changed."""

    def copy(self) -> ScheduleState:
        """Return one that may be folded on without changing this one."""
        return ScheduleState(
            **{name: dict(getattr(self, name)) for name in self.__slots__ if name != "counts"},
            counts={policy: dict(endings) for policy, endings in self.counts.items()},
        )

    def counted_from(self, policy: str) -> datetime | None:
        """Return the instant after which slots of a policy's cron were not looked for yet; None: it was never seen."""
        entry = self.since.get(policy)
        if entry is None:
            return None
        seen = entry.event
        assert isinstance(seen, PolicySeen)
        since = seen.since or entry.stamp.wall
        last = self.last.get(policy)
        return max(since, last.at) if last is not None else since


def fold_register(entries: Iterable[RegisterEntry], state: ScheduleState | None = None) -> ScheduleState:
    """Return the state after the entries, from nothing or from an earlier one, which is folded on in place."""
    state = ScheduleState() if state is None else state
    for entry in entries:
        _apply(state, entry)
    return state


def _apply(state: ScheduleState, entry: RegisterEntry) -> None:
    event = entry.event
    if isinstance(event, PolicySeen):
        if event.digest:
            state.policies[event.policy], state.since[event.policy] = event, entry
        else:
            state.policies.pop(event.policy, None)
            state.since.pop(event.policy, None)
            state.missed.pop(event.policy, None)
    elif isinstance(event, SlotExpected):
        state.open[event.slot.id] = event
        newest = state.last if event.slot.cause == "cron" else state.caused
        known = newest.get(event.slot.policy)
        if known is None or known.at < event.slot.at:
            newest[event.slot.policy] = event.slot
    elif isinstance(event, SlotEnded):
        _end(state, event)
    elif isinstance(event, Paused):
        state.pauses[event.policy] = event
    elif isinstance(event, PauseEnded):
        state.pauses.pop(event.policy, None)
    elif isinstance(event, SlotSkipped):
        state.skipped[event.slot.id] = event
    elif isinstance(event, FACTS):
        before = state.repositories.get(event.repository)
        state.repositories[event.repository] = fold_fact(before, event, entry.stamp.wall)


def _end(state: ScheduleState, event: SlotEnded) -> None:
    policy = event.slot.policy
    state.open.pop(event.slot.id, None)
    state.skipped.pop(event.slot.id, None)
    state.ended[policy] = (*state.ended.get(policy, ()), event)[-KEPT:]
    counts = state.counts.setdefault(policy, {})
    counts[event.ending] = counts.get(event.ending, 0) + 1
    if event.ending in {"held", "superseded"}:
        state.missed.pop(policy, None)
    else:
        state.missed[policy] = state.missed.get(policy, 0) + 1
