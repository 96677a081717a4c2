"""The engine that needs nothing: orders are carried out in this process and remembered in its memory.

It claims no durability: after a crash the journal alone says what was cut off, to whoever starts the next drill.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from drp.domain.orders import Order, OrderSeen, Procedure
from drp.domain.phrase import say
from drp.domain.ports import Clock
from drp.domain.progress import Cancelled
from drp.engine.carrying import Course, Envelope, carry
from drp.errors import Busy

_OPEN = ("waiting", "running")


class InlineEngine:
    """The Engine port in one process. ``submit``, ``orders`` and ``abort`` may be called from any thread."""

    def __init__(self, clock: Clock, *, places: Sequence[str] = ("",), host: str = "") -> None:
        """Take whose orders it carries out; ``serve`` ends when none of these is left."""
        self._clock, self._places, self._host = clock, frozenset(places), host
        self._seen: dict[str, OrderSeen] = {}
        self._lock = threading.Lock()
        self._serving = threading.Lock()

    def submit(self, order: Order) -> bool:
        """Take an order."""
        with self._lock:
            if order.id in self._seen:
                return False
            self._seen[order.id] = OrderSeen(order=order, state="waiting", submitted_at=self._clock.now().wall)
            return True

    def orders(self, *, only_open: bool = True) -> tuple[OrderSeen, ...]:
        """Return orders, oldest first."""
        with self._lock:
            return tuple(seen for seen in self._seen.values() if not only_open or seen.state in _OPEN)

    def abort(self, order_id: str, *, by: str) -> bool:
        """Ask that an order stop."""
        with self._lock:
            seen = self._seen.get(order_id)
            if seen is None or seen.state not in _OPEN:
                return False
            self._seen[order_id] = replace(seen, abort_asked_by=seen.abort_asked_by or by)
            return True

    def serve(self, procedures: Sequence[Procedure], cancelled: Cancelled) -> None:
        """Carry out what is there, one after the other, the lowest priority number first; then return."""
        if not self._serving.acquire(blocking=False):
            raise Busy(say("this engine carries orders out already"))
        known = {procedure.name: procedure for procedure in procedures}
        try:
            while not cancelled() and (order := self._next()) is not None:
                course = self._carried(order, known.get(order.procedure), cancelled)
                self._change(order.id, state=course.state, error=course.error, result=course.result)
        finally:
            self._serving.release()

    def _next(self) -> Order | None:
        with self._lock:
            waiting = [
                seen.order
                for seen in self._seen.values()
                if seen.state == "waiting" and seen.order.place in self._places
            ]
        return min(waiting, key=lambda order: order.priority, default=None)

    def _carried(self, order: Order, procedure: Procedure | None, cancelled: Cancelled) -> Course:
        self._change(order.id, state="running", host=self._host)
        if procedure is None:
            return Course(state="failed", error=f"there is no procedure {order.procedure}")

        def asked() -> str:
            by = self._seen[order.id].abort_asked_by
            return f"asked by {by}" if by else "told to stop" if cancelled() else ""

        def run(name: str, work: Callable[[], Envelope]) -> Envelope:
            self._change(order.id, step=name)
            return work()

        return carry(procedure, order, run, asked=asked, killed=lambda: False)

    def _change(self, order_id: str, **changes: object) -> None:
        with self._lock:
            self._seen[order_id] = replace(self._seen[order_id], **changes)  # type: ignore[arg-type]
