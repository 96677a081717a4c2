"""The RunbookRunner port on Ansible: one step of one runbook, by a process that was forked from one that had loaded.

It judges nothing of what a backup tool says: that is the repository's to read.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from drp import command
from drp.domain.phrase import lasting, say
from drp.domain.ports import Cancelled, Progress, Report
from drp.domain.runbook import RunbookOrder, RunbookResult
from drp.errors import DrpError, Interrupted, RunbookError
from drp.runbooks.catalogue import find
from drp.runbooks.folder import PrivateFolder
from drp.runbooks.inventory import inventory
from drp.runbooks.loaded import LoadedAnsible
from drp.runbooks.relay import Relay
from drp.runbooks.session import Limit, Session, shown_by_runner, way_in
from drp.share import shared


class AnsibleRunbookRunner:
    """The RunbookRunner port: ``runbooks/<kind>/<step>.yml`` is looked up along ``search_path``, first found wins.

    Ansible takes half a second to load, so that it is loaded once, by ``warm_up`` ahead of the first order, and each
    run is forked from it. Whatever a playbook does, it has no network, and nothing of it outlives its run.
    """

    def __init__(self, search_path: Sequence[Path], work_directory: Path, *, python: Path | None = None) -> None:
        """Take the folders that hold runbooks, the site's first; the shipped ones are looked up last in any case.

        ``work_directory`` holds the folders of runs where there is no memory to spare; ``python`` has Ansible.
        """
        self._search_path = tuple(dict.fromkeys([*(path.absolute() for path in search_path), shared("runbooks")]))
        self._work_directory = work_directory
        self._python = python or Path(sys.executable)
        self._lock = threading.Lock()
        self._loaded: LoadedAnsible | None = None
        atexit.register(self.close)

    def warm_up(self) -> None:
        """Load an Ansible ahead of all orders, in the background. What is wrong, the run itself will say."""
        with suppress(DrpError, OSError), self._lock:
            if self._loaded is not None and self._loaded.alive:
                return
            self._unload()
            folder = PrivateFolder(self._work_directory)
            try:
                variables = environment(self._search_path, folder.path)
                self._loaded = LoadedAnsible(folder, launcher(self._python), {**variables, **shown_by_runner()})
            except BaseException:
                folder.remove()
                raise

    def close(self) -> None:
        """End the one that was loaded."""
        with self._lock:
            self._unload()

    def _unload(self) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            loaded.close()

    def run(self, order: RunbookOrder, report: Report, cancelled: Cancelled) -> RunbookResult:
        """Run the step; see the port. Raises ``RunbookError`` and ``Interrupted``, with nothing left running."""
        started = time.monotonic()
        limit = Limit(started + order.timeout.total_seconds(), cancelled)
        try:
            session = self._play(order, limit, report)
        except OSError as error:
            message = say("ansible could not be prepared: {error}", error=error)
            raise RunbookError(message, hint="look at the rights and the space of what it names") from error
        recording = session.recording
        where = say("runbook {kind}/{step}", kind=order.kind, step=order.step)
        if order.label:
            where = say("{runbook} of {application}", runbook=where, application=order.label)
        if limit.cancelled:
            message = say("{where} was stopped during {place}", where=where, place=recording.place())
            raise Interrupted(message)
        if limit.reached:
            message = say(
                "{where} exceeded its time limit of {timeout} during {place}",
                where=where,
                timeout=lasting(order.timeout),
                place=recording.place(),
            )
            raise RunbookError(message)
        recording.require_judgement(where, session.exit_code)
        elapsed = int((time.monotonic() - started) * 1000)
        tasks = tuple(recording.tasks)
        return RunbookResult(
            step=order.step,
            ok=session.status == "successful" and recording.did_something and not recording.malformed,
            tasks=tasks,
            outputs=recording.outputs,
            duration_ms=elapsed,
            harness_ms=max(0, elapsed - sum(task.duration_ms for task in tasks)),
        )

    def _play(self, order: RunbookOrder, limit: Limit, report: Report) -> Session:
        playbook = find(self._search_path, order.kind, order.step)
        volume = Path(order.sandbox.data_path) if order.step == "restore" else None
        with ExitStack() as stack:
            folder = stack.enter_context(PrivateFolder(self._work_directory))
            session = self._session(folder)
            stack.callback(session.dismiss)
            relay = stack.enter_context(Relay(folder.path / "progress", report, volume))
            session.recording.on_task = lambda name: relay.push(Progress(message=name))
            hosts = folder.path / "inventory.yml"
            hosts.write_text(inventory(order, folder.path / "progress"), encoding="utf-8")
            session.obey(["-i", str(hosts), str(playbook)], limit)
        return session

    def _session(self, folder: PrivateFolder) -> Session:
        self.warm_up()
        alone = (*way_in(), *launcher(self._python))
        with self._lock:
            argv = self._loaded.join(alone) if self._loaded is not None else alone
        return Session(folder.path, argv, environment(self._search_path, folder.path))


def launcher(python: Path) -> tuple[str, ...]:
    """Return the command that starts the Ansible of ``python`` ahead of its order."""
    return (str(python), "-I", str(shared("runbooks") / "plugins" / "launch.py"))


def environment(search_path: Sequence[Path], folder: Path) -> dict[str, str]:
    """Return the whole environment of an Ansible: nothing of the caller's gets in."""
    return {
        **command.MINIMAL_ENVIRONMENT,
        "HOME": str(folder),
        "TMPDIR": str(folder),  # modules on the controller unpack themselves: one that is killed leaves that behind
        "ANSIBLE_CONFIG": str(search_path[-1] / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_ROLES_PATH": ":".join(str(path / "roles") for path in search_path),
        "ANSIBLE_COLLECTIONS_PATH": ":".join(str(path / "collections") for path in search_path),
        "ANSIBLE_NOCOLOR": "1",
    }
