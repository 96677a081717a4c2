"""The border to what carries drills out that nobody waits for: orders of named steps with values, never closures.

Whatever an engine knows is coordination: who works on what, and how far. The journal decides what was done. An engine
that forgets everything loses no evidence, and makes nothing happen twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from drp.domain.progress import Cancelled

Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]
Values = Mapping[str, Value]
"""What a step takes and gives: JSON, nothing personal, no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Something to be carried out once: a procedure with its values."""

    id: str
    """The same id twice is the same order. A slot's id, or of what somebody asked for."""
    procedure: str
    """Name of a `Procedure`."""
    values: Values
    place: str = ""
    """Only workers of this place take it."""
    keys: tuple[str, ...] = ()
    """Repositories that it reads: no two orders that share one run at the same time."""
    priority: int = 9
    """The lower goes first: the tier of its application."""


OrderState = Literal["waiting", "running", "done", "failed", "aborted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """An order as the engine knows it."""

    order: Order
    state: OrderState
    step: str = ""
    """The step it is in, or was in last."""
    host: str = ""
    """Whose worker has it."""
    code: str = ""
    """Version of the procedures with which it began."""
    result: Values = field(default_factory=dict)
    """Of its last step, once it is done."""
    error: str = ""
    abort_asked_by: str = ""
    submitted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One named step. It may be run again after a crash, and finds out itself what it has done already."""

    name: str
    action: Callable[[Values, Cancelled], Values]
    """Takes the order's values, its id as ``order``, and the results of earlier steps by name; gives its own.

    What it raises ends the order as failed, ``Interrupted`` as aborted. A step of ``always`` or ``clean`` finds under
    ``outcome`` what became of the order: its ``state``, and ``error``.
    """


@dataclass(frozen=True, slots=True)
class Procedure:
    """What an order's name stands for."""

    name: str
    steps: tuple[Step, ...]
    always: tuple[Step, ...] = ()
    """Run at the end whatever happened, after failure and abort too: tear-down."""
    clean: tuple[Step, ...] = ()
    """Run instead of everything for an order that cannot go on: of another code version, or of a host that is dead."""


class Engine(Protocol):
    """Carries orders out. Raises ``EngineError``, and ``Busy`` where another worker of this name is at work.

    One conformance suite (`tests/conformance`) is passed by every engine: inline, SQLite and PostgreSQL.
    """

    def submit(self, order: Order) -> bool:
        """Take an order; return whether it is new. Nothing is submitted twice, whoever submits."""
        ...

    def orders(self, *, only_open: bool = True) -> tuple[OrderSeen, ...]:
        """Return orders, oldest first."""
        ...

    def abort(self, order_id: str, *, by: str) -> bool:
        """Ask that an order stop: its step hears it by ``Cancelled``, and ``always`` still runs. False: it is over."""
        ...

    def serve(self, procedures: Sequence[Procedure], cancelled: Cancelled) -> None:
        """Carry out orders of this place, those of dead hosts taken over, until told to stop; then those at work end.

        A lost connection to what coordinates stops what runs here, since another host may take it over.
        """
        ...
