"""The engine that outlives a crash: steps are remembered by DBOS, orders by the ledger, in one database.

DBOS runs the steps of an order and gives back those that it remembers; nothing else of it is used. Its queues know one
key an order and would take whatever they are given, so who takes which order, the ledger decides; its cancellation
forbids every further step, so stopping is a word of our own; its cron fires twice when clocks are set back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from drp.domain.orders import Order, OrderSeen, Procedure
from drp.domain.phrase import say
from drp.domain.ports import Clock
from drp.domain.progress import Cancelled
from drp.engine.carrying import Envelope
from drp.engine.database import Place, engine_of_steps, open_engine, translated
from drp.engine.ledger import Hold, Ledger, Way, cleaning
from drp.engine.presence import Presence
from drp.engine.serving import Serving
from drp.errors import Busy, EngineError

CODE = "1"
"""Version of our procedures' steps, by hand: raise it whenever their names, order or values change."""
LEASE_SECONDS = 60.0
"""After so long without a sign of life of a host, others take its orders over."""
_MOST_ATTEMPTS = 10
"""An order that ends its worker so often is cleaned up."""
_ENDED = {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}
_ONE_A_PROCESS = threading.Lock()
"""DBOS has one instance a process."""


class DurableEngine:
    """The Engine port on a SQLite file or a PostgreSQL. Nothing is connected before it is used."""

    def __init__(
        self,
        place: Place,
        clock: Clock,
        *,
        host: str,
        places: Sequence[str] = ("",),
        at_once: int = 1,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = 1.0,
        code: str = CODE,
    ) -> None:
        """Take where orders are, whose this worker carries out, and how many at the same time."""
        self._place, self._clock, self._host, self._places = place, clock, host, tuple(places)
        self._at_once, self._code = at_once, code
        self._lease_seconds, self._poll_seconds = lease_seconds, poll_seconds
        self._engine: Engine | None = None
        self._ledger: Ledger | None = None

    def submit(self, order: Order) -> bool:
        """Take an order."""
        return self._opened().submit(order, self._clock.now().wall)

    def orders(self, *, only_open: bool = True) -> tuple[OrderSeen, ...]:
        """Return orders, oldest first."""
        return self._opened().seen(only_open=only_open)

    def abort(self, order_id: str, *, by: str) -> bool:
        """Ask that an order stop, wherever it is."""
        return self._opened().abort(order_id, by)

    def hosts(self) -> tuple[tuple[str, tuple[str, ...], float], ...]:
        """Return hosts that carried orders out, their places, and how many seconds ago they gave a sign of life."""
        return self._opened().hosts()

    def serve(self, procedures: Sequence[Procedure], cancelled: Cancelled) -> None:
        """Carry orders out until told to stop."""
        ledger = self._opened()
        assert self._engine is not None
        if not _ONE_A_PROCESS.acquire(blocking=False):
            raise Busy(say("this process carries orders out already"))
        try:
            with Presence(
                self._place, self._engine, ledger, self._clock, host=self._host, lease_seconds=self._lease_seconds
            ) as presence:
                serving = Serving(
                    ledger,
                    presence,
                    self._clock,
                    procedures,
                    cancelled,
                    code=self._code,
                    at_once=self._at_once,
                    poll_seconds=self._poll_seconds,
                    lease_seconds=0.0 if self._place.is_file else self._lease_seconds,
                )
                memory = _Dbos(self._place, self._host, self._code, self._poll_seconds, serving.carry_out)
                try:
                    serving.serve(memory)
                finally:
                    memory.close()
        finally:
            _ONE_A_PROCESS.release()

    def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = self._ledger = None

    def _opened(self) -> Ledger:
        if self._ledger is None:
            self._engine = open_engine(self._place)
            ledger = Ledger(self._place, self._engine, self._host, self._places)
            ledger.lay()
            self._ledger = ledger
        return self._ledger


class _Dbos:
    """Memory of steps: each order is one DBOS workflow of the same id, each step one of its steps by its own name.

    Its clean-up is a workflow of its own. Both lie in a queue that this host alone listens to, so that what DBOS
    begins again by itself after a crash is begun here and nowhere else.
    """

    def __init__(
        self, place: Place, host: str, code: str, poll_seconds: float, carry_out: Callable[[str, Way, int], None]
    ) -> None:
        self._place, self._host, self._code = place, host, code
        self._poll_seconds, self._carry_out = poll_seconds, carry_out
        self._queue = f"host:{host}"
        self._engine: Engine | None = None

    def launch(self) -> None:
        """Connect; what was cut off on this host goes on."""
        from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

        def run(order_id: str, way: Way, epoch: int) -> None:
            self._carry_out(order_id, way, epoch)

        config: DBOSConfig = {
            "name": "drp-orders",
            "executor_id": self._host,
            "application_version": self._code,
            "serializer": DBOSPortableJSONSerializer(),
            "enable_otlp": False,
            "log_level": "CRITICAL",
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": 1.0,
            "scheduler_polling_interval_sec": 3600.0,
        }
        self._engine = config["system_database_engine"] = engine_of_steps(self._place)
        try:
            DBOS(config=config)
            self._workflow = DBOS.workflow(name="order", max_recovery_attempts=_MOST_ATTEMPTS)(run)
            DBOS.listen_queues([self._queue])
            DBOS.launch()
            DBOS.register_queue(
                self._queue, polling_interval_sec=max(0.05, self._poll_seconds), on_conflict="always_update"
            )
        except Exception as error:
            raise EngineError(
                say(
                    "the orders in {shown} cannot be used: {kind}",
                    shown=self._place.shown,
                    kind=type(error).__name__,
                )
            ) from error

    def begin(self, hold: Hold) -> None:
        """Enqueue the workflow, for this host."""
        from dbos import DBOS, SetWorkflowID

        if hold.way == "clean":
            DBOS.cancel_workflow(hold.order.id)
        with SetWorkflowID(_workflow_id(hold)):
            DBOS.enqueue_workflow(self._queue, self._workflow, hold.order.id, hold.way, hold.epoch)

    def is_over(self, hold: Hold) -> bool | None:
        """Ask for the workflow's state."""
        from dbos import DBOS

        found = DBOS.get_workflow_status(_workflow_id(hold))
        return None if found is None else found.status in _ENDED

    def step(self, name: str, work: Callable[[], Envelope]) -> Envelope:
        """Run one step of the workflow that this thread is in."""
        from dbos import DBOS, StepOptions

        envelope: Envelope = DBOS.run_step(StepOptions(name=name), work)
        return envelope

    def forget(self, names: Sequence[str]) -> None:
        """Delete workflows with all that is remembered of them."""
        from dbos import DBOS

        with translated(self._place):
            DBOS.delete_workflows(list(names))

    def close(self) -> None:
        """Let go of everything."""
        from dbos import DBOS

        DBOS.destroy(destroy_registry=True)
        if self._engine is not None:
            self._engine.dispose()


def _workflow_id(hold: Hold) -> str:
    return hold.order.id if hold.way == "carry" else cleaning(hold.order.id, hold.epoch)
