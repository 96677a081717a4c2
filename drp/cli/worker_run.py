"""Runs a worker in the foreground: signals stop it, its end is an exit status."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path

from drp.cli.render import note
from drp.cli.streams import complain
from drp.cli.worker_views import Voice
from drp.clock import SystemClock
from drp.config.problems import suggestion
from drp.config.site import Site
from drp.domain.phrase import say
from drp.engine.durable import DurableEngine
from drp.errors import DrpError, EngineError, UsageError
from drp.schedule.procedures import Hands, drill_procedure
from drp.schedule.site_desk import desk_of
from drp.schedule.telling import drill_begins, tell_of_order, tell_of_tick, tick_begins
from drp.schedule.tick import Ticked, tick
from drp.schedule.worker import SiteFiles, Told, Worker
from drp.service.orders import engine_of
from drp.service.supervisor import reaped
from drp.service.wiring import Wiring


def work(
    directory: Path, places: Sequence[str], *, once: bool, machine: bool, quiet: bool, metrics: str | None = None
) -> int:
    """Work until told to stop, and return the exit status. Raises ``Busy`` where another worker is."""
    files, clock = SiteFiles(directory), SystemClock()
    site = files()
    _load(site, metrics)
    for place in places:
        if place not in site.places:
            known = suggestion(place, site.places) if site.places else say("drp.yml names none (`places:`)")
            raise UsageError(say("there is no place `{place}`; {known}", place=place, known=known))
    served = tuple(places) or ("",)
    engine = engine_of(site, clock, places=served)
    told = threading.Event()
    host = socket.gethostname()
    with closing(Voice(machine=machine, quiet=quiet, terminal=sys.stderr.isatty())) as voice:
        hands = Hands(
            site=files,
            clock=clock,
            worker=f"{host}/{','.join(served)}".rstrip("/"),
            asked=lambda order: _asked(engine, order),
            begin=voice.begin,
            announce=_announce,
            tell=tell_of_order,
            follow=voice.follow,
        )
        worker = Worker(
            engine=engine,
            procedures=(drill_procedure(hands),),
            tick=partial(_ticked, files, engine, set(), voice),
            cancelled=told.is_set,
            say=voice.say,
            places=served,
            once=once,
        )
        with signals_told(told), _metrics(metrics, site):
            _remove_leftovers(site, voice)
            try:
                worker.run()
            except EngineError as error:
                _end_at_once(error, voice)
    return 0


def _load(site: Site, metrics: str | None) -> None:
    """Import, before there are threads, what several would import at once: then modules are met half made."""
    names = ["drp.journal", "dbos"]
    names += ["drp.calendars.events"] if site.schedule.calendars else []
    names += ["drp.monitoring.message"] if site.monitoring.targets else []
    names += ["drp.monitoring.metrics"] if metrics else []
    for name in names:
        import_module(name)


def _remove_leftovers(site: Site, voice: Voice) -> None:
    """Remove what a worker that died left on this machine: perhaps another host has its order, and no drill comes."""
    try:
        with closing(Wiring(site)) as wiring:
            told = [Told(what="cleaned", text=notice.text) for notice in reaped(wiring)]
    except DrpError as error:
        told = [Told(what="trouble", text=str(error), data={"code": error.code})]
    for each in told:
        voice.say(each)


def _asked(engine: DurableEngine, order: str) -> str:
    try:
        return next((seen.abort_asked_by for seen in engine.orders() if seen.order.id == order), "")
    except EngineError:
        return ""


@contextmanager
def _metrics(address: str | None, site: Site) -> Iterator[None]:
    """Serve metrics meanwhile, where that was asked for. Raises as `serve_metrics` does."""
    if address is None:
        yield
        return
    from drp.monitoring.serving import serve_metrics

    with serve_metrics(address, Wiring(site)):
        yield


def _announce(site: Site, policies: tuple[str, ...]) -> None:
    """Ping that a drill begins, beside it: no server that hangs may hold the drill up."""
    threading.Thread(target=drill_begins, args=(Wiring(site), policies), daemon=True, name="drp-ping").start()


def _ticked(files: SiteFiles, engine: DurableEngine, known: set[str], voice: Voice) -> Told | None:
    """Look at the schedule; tell what ended, and which orders there are that were not ``known``."""
    with closing(Wiring(files())) as wiring:
        tick_begins(wiring)
        try:
            found: Ticked = tick(desk_of(wiring, engine))
        finally:
            for line in tell_of_tick(wiring).notices:
                voice.say(Told(what="trouble", text=line))
    ended = [each for each in found.decisions if each.action == "end"]
    new = [order.id for order in found.submitted if order.id not in known]
    known.update(new)
    if not new and not ended:
        return None
    words = [say("{order} ordered", order=order) for order in new]
    words += [
        say("{slot} {ending}: {reason}", slot=each.slot.id, ending=each.ending, reason=each.reason) for each in ended
    ]
    return Told(what="ticked", text="; ".join(words), data={"ordered": new})


def _end_at_once(error: DrpError, voice: Voice) -> None:
    """End a worker that lost its place: whatever still waits for the database would keep this process for ever."""
    voice.say(Told(what="trouble", text=str(error), data={"code": error.code}))
    voice.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(error.exit_status)


@contextmanager
def signals_told(told: threading.Event) -> Iterator[None]:
    """First SIGINT, SIGTERM or SIGHUP: the worker stops safely; second: it ends, and all it started with it."""

    def handle(number: int, _frame: object) -> None:
        if told.is_set():
            os._exit(128 + number)
        told.set()
        complain("\n")
        note("drp worker: stopping safely; again to stop now")

    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
