"""The part of `drp drill run` that stays on the host: lock, gateway, worker, signals, what the user sees.

The drill itself runs in a worker process with its own pid, mount and network namespaces (`worker.py`), so that
killing drp leaves nothing behind and nothing of a drill can reach production. Only the gateway, here, opens
connections, and only to the endpoints of the site's repositories.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drp import command
from drp.cli import render
from drp.codec import from_data
from drp.config.places import require_places
from drp.config.site import Site
from drp.domain.events import DrillConcluded, Entry, EvidenceSealed, PhaseFailed, Resumed, SandboxKept
from drp.domain.ports import Reporter
from drp.domain.verdict import Verdict
from drp.errors import DrpError, SandboxError
from drp.sandboxes.host.worker import worker_command
from drp.sandboxes.network.gateway import Gateway
from drp.service.kept import note_keeper
from drp.service.lock import site_lock
from drp.service.wiring import Wiring

_EXIT: dict[Verdict, int] = {"passed": 0, "failed": 1, "inconclusive": 3, "aborted": 130}
_TELLING = {12, 13, 15}
"""Access denied, unreachable, no space: more telling than that a drill is inconclusive."""


@dataclass(slots=True)
class Outcome:
    """What the worker told, as far as the exit status needs it."""

    concluded: Verdict | None = None
    sealed: bool = False
    failures: list[PhaseFailed] = field(default_factory=list)
    kept: list[SandboxKept] = field(default_factory=list)
    drill: str = ""
    error: dict[str, Any] | None = None
    signals: list[int] = field(default_factory=list)
    """What the user sent meanwhile."""

    def take(self, entry: Entry) -> None:
        """Note what matters of one entry."""
        self.drill = entry.drill
        event = entry.event
        if isinstance(event, DrillConcluded):
            self.concluded = event.verdict
        elif isinstance(event, EvidenceSealed):
            self.sealed = True
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

    def exit_status(self) -> int:
        """Return the documented status; why a drill is inconclusive may be more telling than that it is."""
        if self.signals and self.verdict in {None, "aborted"}:
            return 128 + self.signals[0]
        if self.verdict is None:
            return SandboxError.exit_status
        if self.verdict == "inconclusive":
            telling = [failure.exit_status for failure in self.failures if failure.exit_status in _TELLING]
            return telling[0] if telling else _EXIT["inconclusive"]
        return _EXIT[self.verdict]


def supervise(
    site: Site,
    instruction: dict[str, Any],
    reporter: Reporter,
    *,
    keep: bool = False,
    before: Iterable[Entry] = (),
) -> Outcome:
    """Run one instruction in a worker and return what came of it, having shown every entry.

    ``before`` are the entries that a drill which is taken up has already.

    Raises ``Untrusted``, ``Busy``, ``StorageFull``, ``SandboxError``, and whatever error of the family the worker
    ended with.
    """
    require_places(site)
    outcome = Outcome()
    for entry in before:
        outcome.take(entry)
    outcome.kept.clear()  # what was kept then has a keeper of its own
    asked = "plan" in instruction or "resume" in instruction
    with site_lock(site.state_directory) as lock, Gateway.start(site.endpoints()) as gateway:
        for orphan in Wiring(site).reap():
            render.note(f"drp: removed what a crash had left: {orphan}")
        ours, theirs = socket.socketpair()
        worker = _start_worker(site, gateway, theirs, lock, keep=keep)
        theirs.close()
        with _forwarded_signals(ours, worker, outcome.signals), suppress(ConnectionError):  # it may die before it reads
            ours.sendall(json.dumps(instruction).encode() + b"\n")
            _listen(ours, reporter, outcome)
        if outcome.kept:
            note_keeper(site.state_directory, outcome.drill, worker.pid)
        else:
            worker.wait()
    if outcome.error is not None:
        raise _error(outcome.error)
    if outcome.verdict is None and not outcome.signals and asked:
        message = f"the drill worker ended without a word; its last words may be in {_log(site)}"
        raise SandboxError(message, hint="run `drp doctor`; the drill can be taken up with `drp drill resume latest`")
    sys.stderr.flush()
    outcome.drill = outcome.drill or str(instruction.get("drill", ""))
    return outcome


def _start_worker(site: Site, gateway: Gateway, control: socket.socket, lock: int, *, keep: bool) -> command.Process:
    inherited = (control.fileno(), gateway.fd, lock)
    argv = [sys.executable, "-m", "drp.service.worker", *map(str, inherited), str(site.directory)]
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


def _listen(control: socket.socket, reporter: Reporter, outcome: Outcome) -> None:
    """Read the worker's lines until it closes its end."""
    with control.makefile("rb") as lines:
        for line in lines:
            message = json.loads(line)
            if "error" in message:
                outcome.error = message["error"]
            elif "note" in message:
                render.note(f"drp: {message['note']}")
            elif "entry" in message:
                entry = from_data(Entry, message["entry"])
                outcome.take(entry)
                reporter.emit(entry)


@contextmanager
def _forwarded_signals(control: socket.socket, worker: command.Process, received: list[int]) -> Iterator[None]:
    """First SIGINT, SIGTERM or SIGHUP: the worker stops safely; second: the worker is killed, with all it started."""

    def handle(number: int, _frame: object) -> None:
        received.append(number)
        if len(received) == 1:
            render.note("\ndrp: stopping safely; press Ctrl-C again to stop now")
            control.sendall(json.dumps({"stop": number}).encode() + b"\n")
        else:
            worker.kill()

    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _error(description: dict[str, Any]) -> DrpError:
    """Return the worker's error as its own class, so that code and exit status are the same here."""
    from drp.errors import walk

    kinds = {kind.__name__: kind for kind in walk()}
    kind = kinds.get(str(description.get("kind")), DrpError)
    error = DrpError.__new__(kind)
    DrpError.__init__(error, str(description["message"]), hint=str(description.get("hint", "")))
    return error
