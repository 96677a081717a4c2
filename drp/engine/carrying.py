"""How an order is carried out, step by step, whatever remembers the steps. No engine's library is known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from drp.domain.orders import Order, OrderState, Procedure, Step, Value, Values
from drp.domain.progress import Cancelled
from drp.errors import DrpError, Interrupted
from drp.redact import redact

OUTCOME = "outcome"
"""Name under which steps that run at the end find what became of the order."""
ORDER = "order"
"""Name under which every step finds its order's id."""
Envelope = dict[str, Value]
"""What is remembered of a step: its ``result``, or ``failed`` or ``aborted`` with why. No step raises."""
Run = Callable[[str, Callable[[], Envelope]], Envelope]
"""Runs a named step and remembers its envelope, or gives the one that it remembers."""
Asked = Callable[[], str]
"""Why the order is to stop; empty: it is not."""


@dataclass(slots=True)
class Course:
    """What became of an order."""

    state: OrderState = "done"
    error: str = ""
    result: Values = field(default_factory=dict)

    def take(self, name: str, envelope: Envelope) -> bool:
        """Note how a step ended; return whether the order goes on. What went wrong first stands."""
        if "result" in envelope:
            return True
        state: OrderState = "aborted" if "aborted" in envelope else "failed"
        if self.state == "done":
            self.state, self.error = state, f"{name}: {envelope[state]}"
        return False


def carry(procedure: Procedure, order: Order, run: Run, *, asked: Asked, killed: Cancelled) -> Course:
    """Carry an order out: its steps until one does not succeed, then all of ``always``.

    ``asked`` stops its steps; ``killed`` alone stops those that always run. Everything that decides what comes next
    has gone through ``run``, so that it is decided likewise when it is carried out again.
    """
    course, known = Course(), _known(order)
    for step in procedure.steps:
        envelope = run(step.name, partial(_attempt, step, dict(known), asked))
        if not course.take(step.name, envelope):
            break
        known[step.name] = envelope["result"]
        course.result = _values(envelope["result"])
    _to_the_end(procedure.always, known, course, run, killed)
    return course


def clean(procedure: Procedure, order: Order, run: Run, *, state: OrderState, why: str, killed: Cancelled) -> Course:
    """End an order that cannot go on: run what cleans up after it, each step whatever became of the one before."""
    course = Course(state=state, error=why)
    _to_the_end(procedure.clean, _known(order), course, run, killed)
    return course


def _to_the_end(steps: Sequence[Step], known: dict[str, Value], course: Course, run: Run, killed: Cancelled) -> None:
    for step in steps:
        known[OUTCOME] = {"state": course.state, "error": course.error}
        envelope = run(step.name, partial(_attempt, step, dict(known), lambda: "killed" if killed() else ""))
        course.take(step.name, envelope)
        if "result" in envelope:
            known[step.name] = envelope["result"]


def _known(order: Order) -> dict[str, Value]:
    return {**order.values, ORDER: order.id}


def _attempt(step: Step, known: Values, asked: Asked) -> Envelope:
    if why := asked():
        return {"aborted": why}
    try:
        return {"result": dict(step.action(known, lambda: bool(asked())))}
    except Interrupted as error:
        return {"aborted": asked() or redact(error.message)}
    except DrpError as error:
        return {"failed": redact(f"{error.code} {error.message}")}
    except Exception as error:  # noqa: BLE001 - whatever a step provokes, what must run at the end runs
        return {"failed": redact(f"unforeseen {type(error).__name__}: {error}")}


def _values(result: Value) -> Values:
    return result if isinstance(result, dict) else {}
