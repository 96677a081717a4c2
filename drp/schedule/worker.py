"""A worker: looks at the schedule again and again, and carries out what is ordered for its places, until told to stop.

What happens it hands on; it prints nothing, and takes no signals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from drp.config.site import Site, load_site
from drp.domain.orders import Engine, Procedure, Step, Values
from drp.domain.progress import Cancelled
from drp.errors import DrpError, EngineError
from drp.schedule.notify import Service

TICK_SECONDS = 30.0
"""The schedule is looked at so often, and whenever an order has ended."""
_IDLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that a worker did, or that went wrong."""

    what: str
    """``cleaned``, ``ready``, ``taken``, ``ended``, ``ticked``, ``trouble``, ``stopping``."""
    order: str = ""
    text: str = ""
    data: Values = field(default_factory=dict)


Say = Callable[[Told], None]
Tick = Callable[[], Told | None]
"""Looks at the schedule once, and tells what came of it; None: nothing worth a word."""


class SiteFiles:
    """The site, read again only when one of its files is another one than before."""

    def __init__(self, directory: Path) -> None:
        """Take where it is; nothing is read yet."""
        self._directory = directory
        self._lock = threading.Lock()
        self._known: tuple[object, Site] | None = None

    def __call__(self) -> Site:
        """Return the site as its files are now. Raises ``ConfigError``, ``Untrusted``."""
        with self._lock:
            now = self._look()
            if self._known is None or self._known[0] != now:
                self._known = (now, load_site(self._directory))
            return self._known[1]

    def _look(self) -> object:
        folders = (self._directory / name for name in ("inventory", "runbooks"))
        files = [self._directory / "drp.yml", *(path for folder in folders for path in folder.rglob("*"))]
        found = []
        for path in sorted(files):
            with suppress(OSError):
                status = path.stat()
                found.append((str(path), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        return found


@dataclass(slots=True)
class Worker:
    """One worker at work; ``run`` returns when it was told to stop, or with ``once`` when nothing is left to do."""

    engine: Engine
    procedures: Sequence[Procedure]
    tick: Tick
    cancelled: Cancelled
    say: Say
    places: Sequence[str] = ("",)
    once: bool = False
    service: Service = field(default_factory=Service)
    _ended: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _idle: threading.Event = field(default_factory=threading.Event)
    _begun: bool = False
    _unforeseen: Exception | None = None

    def run(self) -> None:
        """Work. Raises ``Busy`` where another worker is, and ``EngineError`` when this one lost its place.

        What nobody foresaw while the schedule was looked at ends it too, once what is at work has ended: a worker that
        does not look any more must not seem alive.
        """
        ticking = threading.Thread(target=self._tick_on, daemon=True, name="drp-ticks")
        ticking.start()
        try:
            self.engine.serve([self._told(each) for each in self.procedures], self._is_told)
        finally:
            self._over.set()
            self._ended.set()
            ticking.join()
            self.service.stopping()
        if self._unforeseen is not None:
            raise self._unforeseen

    def _is_told(self) -> bool:
        """Return whether to take no more; asked at every round, which is a sign of life."""
        if not self._begun:
            self._begun = True
            self.service.ready()
            self.say(Told(what="ready", data={"places": list(self.places)}))
        self.service.alive()
        return self.cancelled() or self._idle.is_set() or self._unforeseen is not None

    def _tick_on(self) -> None:
        try:
            self._keep_ticking()
        except Exception as error:  # noqa: BLE001 - raised again by the thread that works
            self._unforeseen = error

    def _keep_ticking(self) -> None:
        while not self._over.is_set():
            if not self._begun:  # who has no place here does not look either
                self._over.wait(_IDLE_SECONDS / 10)
                continue
            self._tick()
            if self.once and not self._is_anything_open():
                self._idle.set()
                return
            self._ended.wait(_IDLE_SECONDS if self.once else TICK_SECONDS)
            self._ended.clear()

    def _tick(self) -> None:
        try:
            told = self.tick()
        except DrpError as error:
            told = Told(what="trouble", text=str(error), data={"code": error.code})
        if told is not None:
            self.say(told)

    def _is_anything_open(self) -> bool:
        try:
            return any(seen.order.place in self.places for seen in self.engine.orders())
        except EngineError:
            return True

    def _told(self, procedure: Procedure) -> Procedure:
        """Return the procedure, telling when an order is taken and when it is done with."""
        first, *rest = procedure.steps
        *before, last = procedure.always
        *cleaning, end = procedure.clean
        return Procedure(
            procedure.name,
            steps=(Step(first.name, partial(self._taken, first)), *rest),
            always=(*before, Step(last.name, partial(self._done, last))),
            clean=(*cleaning, Step(end.name, partial(self._done, end))),
        )

    def _taken(self, step: Step, values: Values, cancelled: Cancelled) -> Values:
        self.say(Told(what="taken", order=str(values["order"])))
        return step.action(values, cancelled)

    def _done(self, step: Step, values: Values, cancelled: Cancelled) -> Values:
        try:
            return step.action(values, cancelled)
        finally:
            outcome, held = values["outcome"], values.get("hold")
            data = {"outcome": outcome, "hold": held}
            self.say(Told(what="ended", order=str(values["order"]), data=data))
            self._ended.set()
