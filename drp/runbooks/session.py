"""One ansible-playbook process: it waits for its order, is given one, watched to its end; by way of ansible_runner.

It lives in network and pid namespaces of its own, in a folder of its own in memory, with a minimal environment; forked
from one that has loaded (`loaded.py`), or started by itself.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drp import command
from drp.domain.phrase import say
from drp.domain.ports import Cancelled
from drp.errors import CommandFailed, RunbookError
from drp.runbooks.events import Recording

_NAMESPACES = ("unshare", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
_WAYS = (
    ("setpriv", "--pdeathsig", "KILL", *_NAMESPACES),
    ("setpriv", "--pdeathsig", "KILL", *_NAMESPACES, "--user", "--map-current-user"),
)
_POLL_SECONDS = 0.5
_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_NAME = "00000000-0000-0000-0000-000000000000"
_MARKED = {"uuid", "counter", "stdout", "start_line", "end_line"}
_NOT_BY_FILE = {"verbose", "EOF"}
"""Text between events, and its end: of these nothing but words is taken."""
_RUNNER_VARIABLES = ("AWX_ISOLATED_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS")


class Limit:
    """Tells when a run must end: the user wants it, or its time is over."""

    def __init__(self, deadline: float, cancelled: Cancelled) -> None:
        """Take the instant (monotonic clock, seconds) at which time is over, and whom to ask."""
        self.cancelled = self.reached = False
        self._deadline, self._asked = deadline, cancelled

    def over(self) -> bool:
        """Return whether to end now."""
        self.cancelled = self.cancelled or self._asked()
        self.reached = not self.cancelled and time.monotonic() > self._deadline
        return self.cancelled or self.reached


class Session:
    """An Ansible that waits for its order in ``folder``. Whoever makes it calls ``obey`` once, or ``dismiss``."""

    def __init__(self, folder: Path, launcher: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it: ``launcher``, the whole command, is given the path of a FIFO as its last argument."""
        self.folder = folder
        self.recording = Recording()
        self.status, self.exit_code = "", -1
        self._launcher, self._environment = launcher, environment
        self._limit: Limit | None = None
        self._dismissed = threading.Event()
        self._failure: Exception | None = None
        os.mkfifo(folder / "order", 0o600)
        self._fifo = os.open(folder / "order", os.O_RDWR | os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._live, name="drp-runbook", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Return whether it still waits or works."""
        return self._thread.is_alive()

    def obey(self, arguments: Sequence[str], limit: Limit) -> None:
        """Give it the arguments of ansible-playbook and wait until it has ended, or was ended at its limit."""
        self._limit = limit
        os.write(self._fifo, json.dumps(list(arguments)).encode() + b"\n")
        self._end()
        if self._failure is not None:
            message = say("ansible could not be run: {failure}", failure=self._failure)
            raise RunbookError(message) from self._failure

    def dismiss(self) -> None:
        """End it, wherever it is; nothing if it has ended."""
        if self._fifo < 0:
            return
        self._dismissed.set()
        os.write(self._fifo, b"\n")
        self._end()

    def _end(self) -> None:
        try:
            self._thread.join()
        except BaseException:  # a signal: nothing may go on without us
            self._dismissed.set()
            self._thread.join()
            raise
        finally:
            os.close(self._fifo)
            self._fifo = -1

    def _must_end(self) -> bool:
        return self._dismissed.is_set() or (self._limit is not None and self._limit.over())

    def _live(self) -> None:
        try:
            self._play()
        except Exception as error:  # noqa: BLE001 - a library's own; told to whoever waits
            self._failure = error

    def _play(self) -> None:
        from ansible_runner import Runner, RunnerConfig  # noqa: PLC0415 - a fifth of a second

        program, *arguments = (*self._launcher, str(self.folder / "order"))
        config = RunnerConfig(
            str(self.folder), binary=program, cmdline=shlex.join(arguments), suppress_env_files=True, quiet=True
        )
        config.prepare()
        # Set here, since prepare() forgets its settings when there is no file of them.
        config.pexpect_timeout = _POLL_SECONDS
        config.suppress_output_file = config.suppress_ansible_output = True
        added = {name: config.env[name] for name in _RUNNER_VARIABLES if name in config.env}
        config.env = {**self._environment, **added, **shown_by_runner()}
        runner = _only_its_own(Runner, self.recording)(
            config, event_handler=self.recording.take, cancel_callback=self._must_end
        )
        self.status, self.exit_code = runner.run()


def shown_by_runner() -> dict[str, str]:
    """Return the environment that makes Ansible tell ansible_runner what it does."""
    from ansible_runner.utils import get_callback_dir  # noqa: PLC0415 - a fifth of a second

    return {"ANSIBLE_CALLBACK_PLUGINS": get_callback_dir(), "ANSIBLE_STDOUT_CALLBACK": "awx_display"}


def _only_its_own(runner: Any, recording: Recording) -> Any:
    """Return the runner's class, made deaf to events that are not Ansible's.

    They travel between marks in the text that Ansible prints, and a message of its tasks may hold the very same marks.
    Of a true event the text holds the name of a private file alone, in which Ansible wrote the event; what says more
    of itself was printed by something else, and a name that is none would lead to another file.
    """

    class OnlyItsOwn(runner):  # type: ignore[misc]  # made when it is needed: the library takes long to load
        def event_callback(self, event: dict[str, Any]) -> None:
            own = event.get("event") in _NOT_BY_FILE or set(event) <= _MARKED
            if own and _NAME.fullmatch(str(event.get("uuid", _NO_NAME))):
                super().event_callback(event)
            else:
                recording.imitated()

    return OnlyItsOwn


@functools.cache
def way_in() -> tuple[str, ...]:
    """Return the command that gives a run its own network and pid namespace here. Raises ``RunbookError``."""
    for way in _WAYS:
        try:
            command.run([*way, "true"], timeout_seconds=10)
        except CommandFailed:
            continue
        return way
    message = "this machine does not let drp make network and pid namespaces"
    raise RunbookError(message, hint="run `drp doctor`: it names the setting that forbids it")
