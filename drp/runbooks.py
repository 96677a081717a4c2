"""Runs one step of a runbook through Ansible: the RunbookRunner port, and the only user of ansible_runner.

Every run has its own folder in memory, a minimal environment, no network, and a pid namespace: whatever a playbook
delegates to localhost cannot reach production, and killing the run leaves nothing. It judges nothing of what a
backup tool says: that is the repository's to read.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from drp import command
from drp.domain.ports import Cancelled, Progress, Report
from drp.domain.runbook import RunbookOrder, RunbookResult
from drp.errors import CommandFailed, Interrupted, RunbookError
from drp.runbook_events import Recording, Relay
from drp.share import shared

_NAMESPACES = ("unshare", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
_WAYS = (
    ("setpriv", "--pdeathsig", "KILL", *_NAMESPACES),
    ("setpriv", "--pdeathsig", "KILL", *_NAMESPACES, "--user", "--map-current-user"),
)
_POLL_SECONDS = 0.5
_PREFIX = "drp-runbook-"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, mode 0700
_FREE_BYTES = 16 << 20
_RUNNER_VARIABLES = ("AWX_ISOLATED_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS")


class AnsibleRunbookRunner:
    """The RunbookRunner port: ``runbooks/<kind>/<step>.yml`` is looked up along ``search_path``, first found wins.

    ``work_directory`` holds the run's folder where the machine has no memory file system to spare.
    """

    def __init__(
        self, search_path: Sequence[Path], work_directory: Path, *, ansible_playbook: Path | None = None
    ) -> None:
        """Take the folders that hold runbooks, the site's first; the shipped ones are looked up last in any case.

        ``ansible_playbook``: the program to use; by default the one beside drp's own Python.
        """
        shipped = shared("runbooks")
        self._search_path = tuple(dict.fromkeys([*(path.absolute() for path in search_path), shipped]))
        self._work_directory = work_directory
        self._ansible_playbook = ansible_playbook or Path(sys.executable).with_name("ansible-playbook")

    def warm_up(self) -> None:
        """Load Ansible's runner in the background, so that the first run need not wait for it."""
        threading.Thread(target=_runner, name="drp-runbook-warm-up", daemon=True).start()

    def run(self, order: RunbookOrder, report: Report, cancelled: Cancelled) -> RunbookResult:
        """Run the step; see the port. Raises ``RunbookError`` and ``Interrupted``, with nothing left running."""
        started = time.monotonic()
        playbook = find(self._search_path, order.kind, order.step)
        if not os.access(self._ansible_playbook, os.X_OK):
            message = f"there is no {self._ansible_playbook}"
            raise RunbookError(message, hint="install ansible-core into the environment that drp runs in")
        with _private_folder(self._work_directory) as folder:
            recording = Recording()
            volume = Path(order.sandbox.data_path) if order.step == "restore" else None
            with Relay(folder / "progress", report, volume) as relay:
                recording.on_task = lambda name: relay.push(Progress(message=name))
                limit = _Limit(started + order.timeout.total_seconds(), cancelled)
                status, exit_code = self._play(order, playbook, folder, recording, limit)
        where = f"runbook {order.kind}/{order.step}" + (f" of {order.label}" if order.label else "")
        if limit.cancelled:
            message = f"{where} was stopped during {recording.place()}"
            raise Interrupted(message)
        if limit.reached:
            seconds = order.timeout.total_seconds()
            message = f"{where} exceeded its time limit of {seconds:.0f} s during {recording.place()}"
            raise RunbookError(message)
        recording.require_judgement(where, exit_code)
        elapsed = int((time.monotonic() - started) * 1000)
        tasks = tuple(recording.tasks)
        return RunbookResult(
            step=order.step,
            ok=status == "successful",
            tasks=tasks,
            outputs=recording.outputs,
            duration_ms=elapsed,
            harness_ms=max(0, elapsed - sum(task.duration_ms for task in tasks)),
        )

    def _play(
        self, order: RunbookOrder, playbook: Path, folder: Path, recording: Recording, limit: _Limit
    ) -> tuple[str, int]:
        (folder / "inventory.yml").write_text(_inventory(order, folder / "progress"), encoding="utf-8")
        program, *arguments = (*_way_in(), str(self._ansible_playbook), str(playbook))
        runner_class, config_class = _runner()
        config = config_class(
            str(folder),
            binary=program,
            cmdline=shlex.join(arguments),
            inventory=str(folder / "inventory.yml"),
            project_dir=str(playbook.parent),
            suppress_env_files=True,
            quiet=True,
        )
        config.prepare()
        # Set here, since prepare() forgets its settings when there is no file of them.
        config.pexpect_timeout = _POLL_SECONDS
        config.suppress_output_file = config.suppress_ansible_output = True
        added = {name: config.env[name] for name in _RUNNER_VARIABLES if name in config.env}
        config.env = {**_environment(self._search_path, folder), **added}
        runner = runner_class(config, event_handler=recording.take, cancel_callback=limit.over)
        status, exit_code = runner.run()
        return status, exit_code


class _Limit:
    """Tells when a run must end: the user wants it, or its time is over."""

    def __init__(self, deadline: float, cancelled: Cancelled) -> None:
        self.cancelled = self.reached = False
        self._deadline, self._asked = deadline, cancelled

    def over(self) -> bool:
        self.cancelled = self.cancelled or self._asked()
        self.reached = not self.cancelled and time.monotonic() > self._deadline
        return self.cancelled or self.reached


def find(search_path: Sequence[Path], kind: str, step: str) -> Path:
    """Return the playbook of a step. Raises ``RunbookError`` naming the folders that were looked through."""
    if not kind or "/" in kind or kind.startswith("."):
        message = f"{kind!r} cannot be the name of a runbook"
        raise RunbookError(message)
    for folder in search_path:
        if (playbook := folder / kind / f"{step}.yml").is_file():
            return playbook
    looked = ", ".join(str(folder) for folder in search_path)
    message = f"there is no runbook {kind}/{step}.yml in {looked}"
    raise RunbookError(message, hint="write it as runbooks/README.md says, or see `drp runbook list`")


@functools.cache
def _runner() -> tuple[Any, Any]:
    """Import late: it costs a third of a second."""
    from ansible_runner import Runner, RunnerConfig  # noqa: PLC0415

    return Runner, RunnerConfig


@functools.cache
def _way_in() -> tuple[str, ...]:
    """Return the command that gives a run its own network and pid namespace on this machine."""
    for way in _WAYS:
        try:
            command.run([*way, "true"], timeout_seconds=10)
        except CommandFailed:
            continue
        return way
    message = "this machine does not let drp make network and pid namespaces"
    raise RunbookError(message, hint="run `drp doctor`: it names the setting that forbids it")


@contextmanager
def _private_folder(work_directory: Path) -> Iterator[Path]:
    """Yield a folder that only this user can read, in memory if there is room, and leave nothing of it."""
    base = work_directory
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _FREE_BYTES:
        base = _MEMORY
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(search_path: Sequence[Path], folder: Path) -> dict[str, str]:
    """Return the whole environment of a run: nothing of the caller's gets in."""
    from ansible_runner.utils import get_callback_dir  # noqa: PLC0415

    return {
        **command.MINIMAL_ENVIRONMENT,
        "PATH": f"{Path(sys.executable).parent}:{command.MINIMAL_ENVIRONMENT['PATH']}",
        "HOME": str(folder),
        "ANSIBLE_CONFIG": str(search_path[-1] / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_ROLES_PATH": ":".join(str(path / "roles") for path in search_path),
        "ANSIBLE_COLLECTIONS_PATH": ":".join(str(path / "collections") for path in search_path),
        "ANSIBLE_CALLBACK_PLUGINS": get_callback_dir(),
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_NOCOLOR": "1",
    }


class _Untrusted(str):
    """Text that Ansible must not read as a template: it may come from a backup."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes inventories; every input is tagged as unsafe, so no ``{{ … }}`` in it is ever evaluated."""


_Dumper.add_representer(_Untrusted, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def _inventory(order: RunbookOrder, progress: Path) -> str:
    host = {
        "ansible_connection": "drp_sandbox",
        "ansible_drp_socket": order.sandbox.control_socket,
        "ansible_drp_timeout": order.timeout.total_seconds(),
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_remote_tmp": "/tmp/.ansible",  # noqa: S108 - inside the sandbox, which has a /tmp of its own
        "drp_progress_socket": str(progress),
        "drp_inputs": _untrusted(dict(order.inputs)),
    }
    return yaml.dump({"all": {"hosts": {"sandbox": host}}}, Dumper=_Dumper, width=1 << 20)


def _untrusted(value: object) -> object:
    if isinstance(value, str):
        return _Untrusted(value)
    if isinstance(value, Mapping):
        return {str(key): _untrusted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_untrusted(item) for item in value]
    return value
