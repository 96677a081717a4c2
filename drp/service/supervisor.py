"""Starts drills for whoever asks, from any thread, process or event loop: lock, gateway, worker, what it tells.

The drill itself runs in a worker process with its own pid, mount and network namespaces (`worker.py`), so that
killing drp leaves nothing behind and nothing of a drill can reach production. Only the gateway, beside it, opens
connections, and only to the endpoints of the site's repositories and of its journal.

Nothing here prints, and nothing takes signals: what happens is handed on as values, in order, to who iterates.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drp import command
from drp.codec import from_data, to_data
from drp.config.places import require_places
from drp.config.site import Site
from drp.domain.approval_words import waiting_for
from drp.domain.events import (
    ApprovalEnded,
    DrillConcluded,
    Entry,
    EvidenceSealed,
    PhaseFailed,
    Resumed,
    SandboxKept,
    Sign,
)
from drp.domain.phrase import Phrase, fact, say
from drp.domain.precheck_words import weighed
from drp.domain.sandbox import Reaped
from drp.domain.verdict import Verdict
from drp.ending import kill_with_children
from drp.errors import SandboxError
from drp.sandboxes.host.worker import worker_command
from drp.sandboxes.network.gateway import Gateway
from drp.service.kept import note_keeper
from drp.service.lock import say_what_for, site_lock
from drp.service.precheck import admitted
from drp.service.requests import Begin, Request, Resume
from drp.service.stopping import asked_to_stop
from drp.service.telling import heard_error, heard_words
from drp.service.wiring import Wiring

_HEED_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Notice:
    """Something besides the journal that whoever follows a drill should know: one line."""

    text: str


Happening = Entry | Sign | Notice
"""What a running drill tells: journal entries as they are made, and notices between them."""


@dataclass(slots=True)
class Outcome:
    """What came of a drill, as far as its entries told."""

    drill: str = ""
    concluded: Verdict | None = None
    sealed: bool = False
    withheld: bool = False
    """Whether it had to be approved, and was not."""
    failures: list[PhaseFailed] = field(default_factory=list)
    """Of this run: what failed before the drill was resumed is not among them."""
    kept: list[SandboxKept] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    """Signal numbers with which somebody asked it to stop meanwhile."""

    def take(self, entry: Entry) -> None:
        """Note what matters of one entry."""
        self.drill = entry.drill
        event = entry.event
        if isinstance(event, DrillConcluded):
            self.concluded = event.verdict
        elif isinstance(event, EvidenceSealed):
            self.sealed = True
        elif isinstance(event, ApprovalEnded):
            self.withheld = event.outcome != "approved"
        elif isinstance(event, Resumed):
            self.failures.clear()
        elif isinstance(event, PhaseFailed):
            self.failures.append(event)
        elif isinstance(event, SandboxKept):
            self.kept.append(event)

    @property
    def verdict(self) -> Verdict | None:
        """Return the verdict once its evidence is sealed: before that there is nothing to show for it."""
        return self.concluded if self.sealed else None


class RunningDrill:
    """A drill at work: iterate to follow it to its end, then ask for its outcome.

    A context manager: left before the end, the worker is killed with all it started, and the drill can be resumed.
    One thread iterates; ``stop`` and ``kill`` may be called from any, and from signal handlers.
    """

    def __init__(self, site: Site, request: Request | None, before: Iterable[Entry] = ()) -> None:
        """Start the worker; see `start`."""
        require_places(site)
        self.outcome = Outcome()
        self._site, self._asked = site, request is not None
        self._error: dict[str, Any] | None = None
        self._ended = False
        self._over = threading.Event()
        self._sending = threading.RLock()  # a signal handler may run while its own thread sends
        for entry in before:
            self.outcome.take(entry)
        self.outcome.kept.clear()  # what was kept then has a keeper of its own
        with ExitStack() as stack:
            lock = stack.enter_context(site_lock(site.state_directory, _what(request)))
            wiring, inherited = Wiring(site), [lock]
            self._lock, self._what = lock, _what(request)
            self._notices = reaped(wiring)
            if isinstance(request, Begin):
                found, promise = stack.enter_context(admitted(wiring, request.plan, despite=request.despite))
                request, inherited = replace(request, admitted=found), [lock, promise]
                self._notices += [Notice(weighed(each)) for each in found.reasons]
            keep = isinstance(request, Begin) and request.plan.keep_sandbox
            gateway = stack.enter_context(Gateway.start(site.endpoints(), tied_to_parent=not keep))
            self._control, theirs = socket.socketpair()
            stack.callback(self._control.close)
            with theirs:
                self._worker = _start_worker(site, gateway, theirs, inherited, keep=keep)
            stack.callback(self._part)
            self._send({type(request).__name__: to_data(request)} if request is not None else {})
            self._gateway, self._held = gateway, stack.pop_all()
        self._happenings = self._follow()
        threading.Thread(target=self._heed_papers, daemon=True, name="drp-heed").start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Let go of everything; a worker that is not done is killed."""
        self._over.set()
        self._held.close()
        with suppress(ValueError):  # another thread follows it, and comes to its end
            self._happenings.close()

    def __iter__(self) -> Iterator[Happening]:
        """Return what happens, one after the other, until the worker has nothing more to tell; always the same.

        Raises, at the end, whatever error of the family the worker ended with, and ``SandboxError`` when it ended
        without a word.
        """
        return self._happenings

    def _follow(self) -> Generator[Happening]:
        yield from self._notices
        with self._control.makefile("rb") as lines, suppress(ConnectionError):  # it may die before it reads
            for line in lines:
                message = json.loads(line)
                if "error" in message:
                    self._error = message["error"]
                elif "note" in message:
                    yield Notice(heard_words(message["note"]))
                elif "sign" in message:
                    yield from_data(Sign, message["sign"])
                elif "entry" in message:
                    entry = from_data(Entry, message["entry"])
                    self.outcome.take(entry)
                    self._say_what_for(entry.event)
                    yield entry
        self._finish()

    def _say_what_for(self, event: object) -> None:
        """Tell whoever finds the site held that the drill waits for a person, and that it does no more."""
        waits = waiting_for(event)
        if waits is not None:
            with suppress(OSError):  # it only helps whoever comes
                say_what_for(self._lock, self._what + waits)

    def stop(self, number: int = signal.SIGTERM, by: str = "") -> bool:
        """Ask the drill to stop safely; asked again, it is killed. Return whether it was asked for the first time.

        ``number`` is the signal that asked, and ``by`` who did, and why: the evidence names both.
        """
        self.outcome.stops.append(number)
        if len(self.outcome.stops) > 1:
            self.kill()
            return False
        self._send({"stop": number, "by": by})
        return True

    def _heed_papers(self) -> None:
        """Stop the drill when somebody else than who started it left word; see `stopping`."""
        while not self._over.wait(_HEED_SECONDS):
            drill = self.outcome.drill
            if drill and (by := asked_to_stop(self._site.state_directory, drill)) and not self.outcome.stops:
                self.stop(by=by)

    def kill(self) -> None:
        """End the worker at once, with all it started, and return when it is gone. What was cut off can be resumed."""
        if self._worker.poll() is None:
            kill_with_children(self._worker.pid)

    def _send(self, message: dict[str, Any]) -> None:
        with suppress(OSError), self._sending:  # a worker that has gone says so by its silence
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def _finish(self) -> None:
        self._ended = True
        self._over.set()
        if self.outcome.kept:
            note_keeper(self._site.state_directory, self.outcome.drill, self._worker.pid)
            self._gateway.leave()  # the keeper still has to tell the journal of its end
            threading.Thread(target=self._worker.wait, daemon=True).start()  # its end leaves no zombie of ours
        else:
            self._worker.wait()
        self._held.close()
        if self._error is not None:
            raise heard_error(self._error)
        if self.outcome.verdict is None and not self.outcome.stops and self._asked:
            message = say(
                "the drill worker ended without a word; its last words may be in {file}", file=_log(self._site)
            )
            hint = say("run `drp doctor`; resume the drill with `drp drill resume latest`")
            raise SandboxError(message, hint=hint)

    def _part(self) -> None:
        if not self._ended:
            self.kill()
            self._worker.wait()


def start(site: Site, request: Request | None, *, before: Iterable[Entry] = ()) -> RunningDrill:
    """Start a worker for one request and return the drill at work; what was cut off on the site is finished first.

    ``before`` are the entries that a drill which is resumed has already; without a request, only what was cut off is
    finished. Raises ``Untrusted``, ``Busy`` while another drp works on the site, ``NoRoom``, ``StorageFull`` and
    ``SandboxError``; then nothing is left.
    """
    return RunningDrill(site, request, before)


def reaped(wiring: Wiring) -> list[Notice]:
    """Remove what dead processes left on this machine, and return a word about each. Raises as `Wiring.reap` does."""
    return [Notice(_said_of(orphan)) for orphan in wiring.reap()]


def _said_of(orphan: Reaped) -> Phrase:
    """Return what whoever follows a drill hears of what an earlier one had left."""
    if orphan.left:
        return say("still here from before: {what}", what=orphan.shown)
    return say("removed what a crash had left: {what}", what=orphan.shown)


def _what(request: Request | None) -> str:
    """Return what the site is at work on, for whoever comes meanwhile."""
    match request:
        case Begin():
            return fact("for", "{name} for {requested_by}", name=request.plan.name, requested_by=request.requested_by)
        case Resume():
            return fact("resuming", "resuming {drill}", drill=request.drill)
        case _:
            return fact("finishing-what-cut-off", "finishing what was cut off")


def _start_worker(
    site: Site, gateway: Gateway, control: socket.socket, held: Sequence[int], *, keep: bool
) -> command.Process:
    """Start it; the first of what is held is the site's lock, and what else there is ends with the worker."""
    inherited = (control.fileno(), gateway.fd, *held)
    argv = [sys.executable, "-m", "drp.service.worker", *map(str, inherited[:3]), str(site.directory)]
    variables = {"PATH": f"{Path(sys.executable).parent}:{command.MINIMAL_ENVIRONMENT['PATH']}"}
    variables |= {name: os.environ[name] for name in ("CREDENTIALS_DIRECTORY",) if name in os.environ}
    log = os.open(_log(site), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:  # a log and not our stderr: who keeps a sandbox must not keep the user's pipe open
        return command.start(
            worker_command(argv, tied_to_parent=not keep), environment=variables, pass_fds=inherited, stderr=log
        )
    finally:
        os.close(log)


def _log(site: Site) -> Path:
    return site.state_directory / "worker.log"
