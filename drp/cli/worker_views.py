"""What a worker says, and what is shown of orders and hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from drp.cli import render
from drp.cli.reporters import reporter
from drp.cli.streams import deliver
from drp.cli.words import VERDICTS, word
from drp.domain.events import Entry, Sign
from drp.domain.orders import OrderSeen
from drp.domain.phrase import NOTHING, Duration, say, several
from drp.engine.durable import DurableEngine
from drp.schedule.worker import Told
from drp.service.supervisor import Happening


class Voice:
    """One line an event; on a terminal the drill at work as well, as `drp drill run` shows it."""

    def __init__(self, *, machine: bool, quiet: bool, terminal: bool) -> None:
        """Take for whom it speaks."""
        self._machine, self._quiet, self._follows = machine, quiet, machine or terminal
        self._drill = reporter(machine=machine, quiet=True)

    def say(self, told: Told) -> None:
        """Say what a worker did, or what went wrong."""
        if self._machine:
            line = {"schema": "drp/worker-event/1", "event": told.what, "order": told.order, "text": told.text}
            with suppress(OSError):
                render.write(render.json_text({**line, **dict(told.data)}))
                deliver()
        elif not self._quiet or told.what == "trouble":
            render.note(say("drp worker: {told}", told=_words(told)))

    def begin(self, before: Iterable[Entry]) -> None:
        """Show another drill from here on, of which these entries are known."""
        self._drill.close()
        if self._follows:
            self._drill = reporter(machine=self._machine, quiet=self._quiet)
            self._drill.catch_up(before)

    def follow(self, happening: Happening) -> None:
        """Show what happens in the drill at work."""
        if not self._follows:
            return
        if isinstance(happening, Entry | Sign):
            with suppress(OSError):
                self._drill.emit(happening)
        elif not self._machine:
            render.note(say("drp: {text}", text=happening.text))

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._drill.close()


def show_orders(engine: DurableEngine, *, whole: bool, machine: bool) -> None:
    """Show orders and hosts."""
    orders, hosts = engine.orders(only_open=not whole), engine.hosts()
    if machine:
        known = [{"host": host, "places": list(places), "seconds_ago": round(ago, 1)} for host, places, ago in hosts]
        render.document("drp/orders/1", {"orders": [_row(seen) for seen in orders], "hosts": known})
        return
    render.table(("order", "place", "state", "step", "host", "drill"), [_cells(seen) for seen in orders])
    for host, places, ago in hosts:
        at = several(places) if any(places) else say("no place of its own")
        age = Duration(int(ago * 1000))
        render.note(say("host {host} ({at}): last sign of life {age} ago", host=host, at=at, age=age))
    if not orders:
        render.note("no orders" if whole else "nothing is ordered now")


def _row(seen: OrderSeen) -> dict[str, Any]:
    """Return an order for machines: its values are JSON already."""
    at = seen.submitted_at.isoformat() if seen.submitted_at is not None else None
    return {**asdict(seen), "submitted_at": at}


def _cells(seen: OrderSeen) -> tuple[str, ...]:
    order = seen.order
    to_stop = seen.abort_asked_by and seen.state in {"waiting", "running"}
    state = say("{state}, to stop ({who})", state=seen.state, who=seen.abort_asked_by) if to_stop else seen.state
    said = (order.id, order.place, state, seen.step, seen.host, order.values.get("drill", ""))
    return tuple(render.printable(str(each)) for each in said)


def _words(told: Told) -> str:
    match told.what:
        case "ready":
            return say("at work")
        case "taken":
            return say("{order}: taken", order=told.order)
        case "ended":
            return say("{order}: {ending}", order=told.order, ending=_ended(told.data))
        case "stopping":
            return told.text
        case _:
            return told.text.replace("\n", "; ")


def _ended(data: Mapping[str, Any]) -> str:
    outcome, held = data["outcome"], data["hold"]
    if held:
        return say("drill {drill} {verdict}", drill=held["drill"], verdict=word(VERDICTS, held["verdict"]))
    why = say(": {error}", error=outcome["error"]) if outcome["error"] else NOTHING
    return say("{state}{why}", state=outcome["state"], why=why)
