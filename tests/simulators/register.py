"""A Register in memory, and one that dies at a write: before it, or just after it is durable."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime

from drp.domain.ports import Clock
from drp.domain.schedule.events import RegisterEntry, RegisterEvent, SlotEnded, SlotExpected
from drp.domain.schedule.fold import ScheduleState, fold_register
from drp.domain.schedule.register import Register
from drp.errors import Busy, UsageError
from drp.journal.chain import GENESIS, digest, link


class MemoryRegister:
    """The Register port in memory."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.written: list[RegisterEntry] = []
        self._beats: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._folded, self._state = 0, ScheduleState()

    def append(self, *events: RegisterEvent, head: str | None = None) -> tuple[RegisterEntry, ...]:
        with self._lock:
            if head is not None and head != self.head():
                raise Busy("another process was faster")
            found: list[RegisterEntry] = []
            said = {(type(entry.event), _slot(entry.event)) for entry in self.written}
            for event in events:
                self._require_new(event, said)
                said.add((type(event), _slot(event)))
                position = len(self.written) + len(found)
                previous = found[-1].link if found else self.head().partition(":")[2]
                chained = link(position, digest(repr(event)), previous)
                found.append(RegisterEntry(position=position, stamp=self.clock.now(), event=event, link=chained))
            self.written += found
            return tuple(found)

    def _require_new(self, event: RegisterEvent, said: set[tuple[type, str]]) -> None:
        if not isinstance(event, SlotExpected | SlotEnded):
            return
        if (type(event), event.slot.id) in said:
            raise Busy(f"slot {event.slot.id} was there already")
        if isinstance(event, SlotEnded) and (SlotExpected, event.slot.id) not in said:
            raise UsageError(f"slot {event.slot.id} was never expected")

    def entries(self, after: int = -1) -> Iterator[RegisterEntry]:
        yield from self.written[after + 1 :]

    def state(self) -> ScheduleState:
        if self._folded > len(self.written):
            self._folded, self._state = 0, ScheduleState()
        self._state = fold_register(self.written[self._folded :], self._state)
        self._folded = len(self.written)
        return self._state.copy()

    def state_at(self) -> tuple[ScheduleState, str]:
        with self._lock:
            return self.state(), self.head()

    def head(self) -> str:
        return f"{len(self.written) - 1}:{self.written[-1].link if self.written else GENESIS}"

    def link_at(self, position: int) -> str | None:
        if position < 0:
            return GENESIS
        return self.written[position].link if position < len(self.written) else None

    def verify(self) -> int:
        return len(self.written)

    def beat(self, host: str, at: datetime) -> None:
        self._beats[host] = at

    def beats(self) -> Mapping[str, datetime]:
        return dict(self._beats)


def _slot(event: RegisterEvent) -> str:
    return event.slot.id if isinstance(event, SlotExpected | SlotEnded) else ""


class Died(BaseException):
    """The process is gone: nothing catches it."""


class DyingRegister:
    """A register whose process dies at its n-th write (from 0): before it is durable, or when it just is."""

    def __init__(self, register: Register, at: int, *, durable: bool) -> None:
        self._register, self._at, self._durable = register, at, durable
        self.writes = 0
        for name in ("entries", "state", "state_at", "head", "link_at", "verify", "beat", "beats"):
            setattr(self, name, getattr(register, name))

    def append(self, *events: RegisterEvent, head: str | None = None) -> tuple[RegisterEntry, ...]:
        dies = self.writes == self._at
        self.writes += 1
        if dies and not self._durable:
            raise Died
        entries = self._register.append(*events, head=head)
        if dies:
            raise Died
        return entries
