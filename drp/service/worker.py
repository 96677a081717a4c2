"""The drill worker: conducts one drill in namespaces of its own and tells the supervisor every journal entry.

Started by `supervisor.py` with inherited descriptors, never by hand. It has no network but the gateway's endpoints,
no environment but what it needs, and it ends when the supervisor does; a kept sandbox is the exception, with a lease.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from drp.codec import from_data, to_data
from drp.config.site import load_site
from drp.descriptors import raise_limit
from drp.domain.events import Entry, Event, Progressed, Sign
from drp.domain.journal import Journal
from drp.domain.phrase import say, several
from drp.domain.ports import Ports
from drp.domain.visible import printable_lines
from drp.drill.conduct import conduct
from drp.drill.declare import declare, reopen, unfinished
from drp.drill.recorder import Recorder
from drp.drill.release import release
from drp.drill.resume import take_up
from drp.errors import Busy, ConfigError, DrpError, Interrupted
from drp.evidence.deposits import note_all_known, recent, require_sealed
from drp.redact import redact
from drp.sandboxes.host.worker import enter_worker
from drp.sandboxes.network.gateway import GatewayClient
from drp.service.cancellation import Cancellation
from drp.service.journal import verify_journal
from drp.service.requests import Begin, Request, Resume
from drp.service.telling import told_error, told_words
from drp.service.wiring import Wiring
from drp.trust import judged_by_parent

_LEASE_POLL_SECONDS = 1.0
_HELD_SECONDS = 5.0
_VERIFIED_FOR = timedelta(days=1)


class _Channel:
    """The line to the supervisor: entries and errors out, requests to stop in."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lines = self._socket.makefile("rb")
        self._lock = threading.Lock()
        self.kept = threading.Event()

    def _instruction(self) -> dict[str, Any]:
        line = self._lines.readline()
        return dict(json.loads(line)) if line else {}

    def request(self) -> Request | None:
        """Return what the worker is for; None: only to finish what was cut off."""
        asked = self._instruction()
        if Begin.__name__ in asked:
            return from_data(Begin, asked[Begin.__name__])
        return from_data(Resume, asked[Resume.__name__]) if asked else None

    def watch(self, cancellation: Cancellation) -> None:
        """Pass requests on; without a supervisor there is no drill, so its end is ours, unless a sandbox is kept."""

        def read() -> None:
            with suppress(OSError):  # a supervisor that is killed resets the line
                for line in self._lines:
                    asked = json.loads(line)
                    cancellation.request(int(asked["stop"]), str(asked["by"]))
            self._end()

        threading.Thread(target=read, daemon=True).start()

    def require_supervisor(self) -> None:
        """End at once when the supervisor has gone, unless a sandbox is kept.

        Its line closes before whatever else dies with it, so nothing that fails for that reason is taken for evidence.
        """
        line = select.poll()
        line.register(self._socket, select.POLLRDHUP)
        if line.poll(0):
            self._end()

    def emit(self, entry: Entry | Sign) -> None:
        """Reporter port: send the entry or sign of life."""
        self._send({"entry" if isinstance(entry, Entry) else "sign": to_data(entry)})

    def error(self, error: DrpError) -> None:
        """Send how the worker ended."""
        self._send({"error": told_error(error)})

    def lost(self, error: DrpError) -> None:
        """Send why the worker ends, and end it here and now; who only keeps a sandbox keeps it for its time."""
        if not self.kept.is_set():
            self.error(error)
            os._exit(1)

    def note(self, text: str) -> None:
        """Send one line for the user."""
        self._send({"note": told_words(text)})

    def close(self) -> None:
        """Let the supervisor go."""
        self.kept.set()
        self._socket.shutdown(socket.SHUT_RDWR)

    def _send(self, message: dict[str, Any]) -> None:
        with self._lock:
            try:
                self._socket.sendall(json.dumps(message).encode() + b"\n")
            except OSError:
                self._end()

    def _end(self) -> None:
        if not self.kept.is_set():
            os._exit(1)


class _Witnessed:
    """Journal port: written only as long as the supervisor is there, who dies before what fails because of that."""

    def __init__(self, journal: Journal, channel: _Channel) -> None:
        self._journal, self._channel = journal, channel
        self.entries, self.drills, self.verify = journal.entries, journal.drills, journal.verify
        self.signs, self.history, self.entries_of = journal.signs, journal.history, journal.entries_of
        self.hold, self.release, self.holder = journal.hold, journal.release, journal.holder
        self.require_held = journal.require_held

    def append(self, drill: str, *events: Event) -> tuple[Entry, ...]:
        """Make the events durable."""
        self._channel.require_supervisor()
        return self._journal.append(drill, *events)

    def note(self, drill: str, event: Progressed) -> Sign:
        """Keep a sign of life."""
        self._channel.require_supervisor()
        return self._journal.note(drill, event)


def main(arguments: list[str]) -> None:
    """Carry out the instruction on the control descriptor, then end."""
    sys.excepthook = _last_words
    threading.excepthook = lambda ended: _last_words(ended.exc_type, ended.exc_value, ended.exc_traceback)
    control, gateway, lock = (int(argument) for argument in arguments[:3])
    channel = _Channel(control)
    judged_by_parent()
    raise_limit()
    try:
        request = channel.request()
        site = load_site(Path(arguments[3]))
        client = GatewayClient(gateway)
        enter_worker(site.endpoints(), client)
        cancellation = Cancellation()
        channel.watch(cancellation)
        wiring = Wiring(site, gateway=client)
        ports = wiring.ports(channel, cancellation, request.plan if isinstance(request, Begin) else None)
        ports = replace(ports, journal=_Witnessed(ports.journal, channel))
        _watch_leases(ports.journal, channel)
        recorder = _carry_out(request, ports, wiring, channel)
        _look_back(ports, wiring, channel)
        if recorder is not None:
            _keep(recorder, ports, channel, lock)
    except Interrupted:
        return
    except DrpError as error:
        channel.error(error)


def _last_words(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Write into the worker's log why it ends: somebody will look at it on a terminal."""
    text = "".join(traceback.format_exception(kind, error, trace))
    sys.stderr.write(printable_lines(redact(text)))
    sys.stderr.flush()


def _watch_leases(journal: Journal, channel: _Channel) -> None:
    """End at once, with all that was started, when a drill is not ours any more: it could only be written by us."""

    def look() -> None:
        while True:
            time.sleep(_HELD_SECONDS)
            try:
                journal.require_held()
            except DrpError as error:
                channel.lost(error)

    threading.Thread(target=look, daemon=True, name="drp-leases").start()


def _carry_out(request: Request | None, ports: Ports, wiring: Wiring, channel: _Channel) -> Recorder | None:
    """Finish what was cut off, then do what was asked; return the recorder of a new drill."""
    ports.journal.verify(whole=False)
    require_sealed(wiring.deposits(), recent(ports.journal), ports.journal)
    asked = request.drill if isinstance(request, Resume) else None
    for drill in unfinished(ports.journal):
        if drill != asked:
            _finish_first(drill, ports, channel)
    if isinstance(request, Resume):
        ports.journal.hold(request.drill)
        take_up(reopen(request.drill, ports.journal, ports.reporter), ports, policy=request.policy)
        ports.journal.release(request.drill)
    if not isinstance(request, Begin):
        return None
    if changed := request.plan.changed(ports.materials(request.plan)):
        message = say("changed while the drill was being started: {files}", files=several(changed))
        raise ConfigError(message, hint="nothing was declared: run the drill again")
    recorder = declare(
        request.plan,
        ports.journal,
        ports.reporter,
        ports.clock,
        requested_by=request.requested_by,
        ad_hoc=request.ad_hoc,
        occasion=request.occasion,
        admitted=request.admitted,
        shared=isinstance(wiring.site.journal, str),
        zone=wiring.site.schedule.zone,
    )
    conduct(recorder, ports)
    return recorder


def _finish_first(drill: str, ports: Ports, channel: _Channel) -> None:
    """Finish a drill that was cut off, unless somebody is at it: who holds it is the only one to end it."""
    try:
        ports.journal.hold(drill)
    except Busy as busy:
        channel.note(busy.message)
        return
    recorder = reopen(drill, ports.journal)  # as it is now that nobody else can change it
    if recorder.state.sealed is None:
        channel.note(say("drill {drill} was cut off; finishing it first", drill=drill))
        take_up(recorder, ports)
    ports.journal.release(drill)


def _look_back(ports: Ports, wiring: Wiring, channel: _Channel) -> None:
    """Verify the whole journal and every record, if nobody has for a day; else only what is new. Tell what is wrong."""
    try:
        verified, now = ports.journal.history.verified(), ports.clock.now().wall
        if verified is not None and timedelta() <= now - verified.at < _VERIFIED_FOR:
            ports.journal.verify(whole=False)
            note_all_known(wiring.deposits(), ports.journal, ports.clock)
        else:
            verify_journal(wiring, ports.journal)
    except DrpError as error:
        channel.error(error)


def _keep(recorder: Recorder, ports: Ports, channel: _Channel, lock: int) -> None:
    """Stay with kept sandboxes until their lease ends, then destroy them; other drills may run meanwhile."""
    kept = {name: state.kept for name, state in recorder.state.recoveries.items() if state.kept is not None}
    if not kept:
        return
    fcntl.flock(lock, fcntl.LOCK_UN)  # for all who inherited it
    channel.close()
    until = max(event.until for event in kept.values() if event is not None).astimezone(UTC)
    lease = (until - ports.clock.now().wall).total_seconds()
    end = time.monotonic() + lease  # a wall clock that is set back must not keep patient data
    while ports.clock.now().wall < until and time.monotonic() < end:
        time.sleep(_LEASE_POLL_SECONDS)
    for name in kept:
        release(recorder, name, ports.sandbox.destroy)


if __name__ == "__main__":
    main(sys.argv[1:])
    gc.freeze()  # all memory goes at once, unsearched
