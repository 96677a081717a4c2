"""A worker's round: takes orders, has their steps run by whatever remembers them, hears who wants them stopped.

It never believes that an order is its own: every step and every end asks the ledger in the same statement that writes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

from drp.domain.clock import Stamp, waited_ms
from drp.domain.orders import OrderState, Procedure
from drp.domain.ports import Clock
from drp.domain.progress import Cancelled
from drp.engine.carrying import Course, Envelope, carry, clean
from drp.engine.ledger import Hold, Ledger, Way
from drp.engine.presence import Presence
from drp.errors import EngineError

T = TypeVar("T")
_PATIENCE_SECONDS = 0.2
_KEPT = timedelta(days=400)
"""So long orders are remembered that have ended: the register and the journal keep what is true."""
_PRUNED_AT_ONCE = 200
_PRUNED_EVERY_MS = 24 * 60 * 60 * 1000
"""Once a day, and when a worker starts; in each round so many until none is left."""


class Gone(Exception):
    """An order is not this host's any more: nothing that is done for it counts."""


class Memory(Protocol):
    """What remembers steps across crashes, and runs `Serving.carry_out` for an order, again after a crash."""

    def launch(self) -> None:
        """Be ready; what was cut off goes on."""
        ...

    def begin(self, hold: Hold) -> None:
        """Have an order carried out, or cleaned up and never carried on; asked again for the same, nothing happens."""
        ...

    def is_over(self, hold: Hold) -> bool | None:
        """Return whether it ran to some end, good or bad; None: it never began."""
        ...

    def step(self, name: str, work: Callable[[], Envelope]) -> Envelope:
        """Run a step within `Serving.carry_out`, or give what is remembered of it."""
        ...

    def forget(self, names: Sequence[str]) -> None:
        """Let go of what is remembered under these names, where anything is."""
        ...


class Serving:
    """The orders of one worker."""

    def __init__(
        self,
        ledger: Ledger,
        presence: Presence,
        clock: Clock,
        procedures: Sequence[Procedure],
        cancelled: Cancelled,
        *,
        code: str,
        at_once: int,
        poll_seconds: float,
        lease_seconds: float,
    ) -> None:
        """Take what it works with; ``lease_seconds`` 0: there are no other hosts."""
        self._ledger, self._presence, self._clock = ledger, presence, clock
        self._procedures = {procedure.name: procedure for procedure in procedures}
        self._cancelled, self._code, self._at_once = cancelled, code, at_once
        self._poll_seconds, self._lease_seconds = poll_seconds, lease_seconds
        self._held: dict[str, Hold] = {}
        self._busy: set[str] = set()
        self._wake = threading.Event()
        self._unsure, self._launched = True, False
        self._pruned: Stamp | None = None

    def serve(self, memory: Memory) -> None:
        """Work until told to stop, and what is at work has ended. Raises ``EngineError`` if it lost its place."""
        self._memory = memory
        self._round(self._adopt)
        memory.launch()
        self._launched = True
        while not self._presence.lost:
            self._presence.renew()
            self._round(self._look_after)
            if not self._cancelled():
                self._round(self._take)
                self._round(self._prune)
            elif not self._held:
                return
            self._wake.wait(self._poll_seconds)
            self._wake.clear()
        while self._busy:  # they have been told, and end what they started on this machine
            self._clock.sleep(_PATIENCE_SECONDS)
        raise EngineError(self._presence.lost, hint="what was at work here was stopped; start the worker again")

    def carry_out(self, order_id: str, way: Way, epoch: int) -> None:
        """Carry out an order that this host has, called by what remembers its steps. Raises ``Gone``.

        What was cut off goes on, under another number; a clean-up that was cut off does not: there is a new one.
        """
        hold = self._held.get(order_id)
        if hold is None or hold.way != way or (way == "clean" and hold.epoch != epoch):
            raise Gone(order_id)
        course = self._course(hold)
        if not self._patiently(partial(self._ledger.end, hold, course)):
            raise Gone(order_id)
        self._held.pop(order_id, None)
        self._wake.set()

    def _course(self, hold: Hold) -> Course:
        order, run = hold.order, partial(self._step, hold)
        procedure = self._procedures.get(order.procedure)
        if procedure is None:
            return Course(state="failed", error=f"there is no procedure {order.procedure} here")
        if hold.way == "clean":
            state: OrderState = "aborted" if hold.abort_by else "failed"
            return clean(procedure, order, run, state=state, why=hold.why, killed=self._is_lost)
        return carry(procedure, order, run, asked=partial(self._asked, order.id), killed=self._is_lost)

    def _step(self, hold: Hold, name: str, work: Callable[[], Envelope]) -> Envelope:
        def fenced() -> Envelope:
            if not self._patiently(partial(self._ledger.step, hold, name)):
                raise Gone(hold.order.id)
            self._busy.add(hold.order.id)
            try:
                envelope = work()
            finally:
                self._busy.discard(hold.order.id)
            if self._is_lost():
                raise Gone(hold.order.id)
            return envelope

        return self._memory.step(name, fenced)

    def _asked(self, order_id: str) -> str:
        hold = self._held.get(order_id)
        if hold is None or self._is_lost():
            return self._presence.lost or "taken over"
        return f"asked by {hold.abort_by}" if hold.abort_by else "told to stop" if self._cancelled() else ""

    def _is_lost(self) -> bool:
        return bool(self._presence.lost)

    def _patiently(self, work: Callable[[], T]) -> T:
        """Return what the database gives as soon as it answers. Raises ``Gone`` when this host lost its place."""
        while True:
            if self._is_lost():
                raise Gone
            try:
                return work()
            except EngineError:
                self._clock.sleep(_PATIENCE_SECONDS)

    def _round(self, part: Callable[[], None]) -> None:
        """Do a part of a round; when the database does not answer, nobody knows what it did: look again."""
        try:
            part()
        except EngineError:
            self._unsure = True

    def _adopt(self) -> None:
        if self._unsure:
            self._hold(*self._ledger.adopt(self._code, tuple(self._held)))
            self._unsure = False

    def _look_after(self) -> None:
        """Hear who wants orders stopped; what ran to an end without ending its order is cleaned up."""
        self._adopt()
        if not self._held:
            return
        running = self._ledger.running()
        for hold in tuple(self._held.values()):
            order_id = hold.order.id
            if order_id not in running:
                self._forget_unless_ended(order_id)
                continue
            if running[order_id] != hold.abort_by and order_id in self._held:
                self._held[order_id] = replace(hold, abort_by=running[order_id])
            if order_id not in self._busy:
                self._have_begun(hold)

    def _forget_unless_ended(self, order_id: str) -> None:
        """Let go of an order that another host has; one that just ended here is let go by who ends it."""
        if order_id in self._held and order_id not in self._busy:
            self._held.pop(order_id, None)

    def _have_begun(self, hold: Hold) -> None:
        over = self._memory.is_over(hold)
        if hold.order.id not in self._held:
            return
        if over is None:
            self._memory.begin(hold)
        elif over:
            why = hold.why or "its steps ended without an end: drp stopped in the middle"
            again = self._ledger.clean_instead(hold, why)
            self._held.pop(hold.order.id, None)
            self._hold(*([again] if again is not None else []))

    def _take(self) -> None:
        if self._lease_seconds:
            self._hold(*self._ledger.take_over(self._lease_seconds))
        while len(self._held) < self._at_once and (hold := self._ledger.claim(self._code)) is not None:
            self._hold(hold)

    def _prune(self) -> None:
        """Let go of orders that ended long ago, a part of them in each round."""
        now = self._clock.now()
        if self._pruned is not None and waited_ms(self._pruned, now) < _PRUNED_EVERY_MS:
            return
        if self._ledger.prune(now.wall - _KEPT, _PRUNED_AT_ONCE, self._memory.forget) < _PRUNED_AT_ONCE:
            self._pruned = now

    def _hold(self, *holds: Hold) -> None:
        for hold in holds:
            self._held[hold.order.id] = hold
            if self._launched:
                self._memory.begin(hold)
