"""Starts one sandbox and knows when it is ready: descriptors, control group, identity, bubblewrap, agent.

Nothing of ours crosses: the environment is a fixed minimum (bubblewrap's own first process keeps the caller's),
standard streams are /dev/null or a pipe (a file would be reopenable inside), options travel in a memory file (argv is
readable inside), and the lock of the sandbox's directory is never inherited.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from drp.command import Process, start
from drp.descriptors import as_found
from drp.domain.first_fatal import first_fatal
from drp.domain.phrase import say
from drp.errors import NotIsolated, SandboxError
from drp.sandboxes.bubblewrap.arguments import Spec, arguments, command, files
from drp.sandboxes.client import AgentClient
from drp.sandboxes.host import seccomp
from drp.sandboxes.host.cgroups import ControlGroup
from drp.sandboxes.host.identity import Identity, standing
from drp.sandboxes.host.memory import memory_file, unreadable_interpreter
from drp.sandboxes.host.processes import finish, in_pid_namespace, kill_all, pid_namespace
from drp.sandboxes.packing import PAYLOAD, packed_agent

_READY_SECONDS = 20.0

Options = Callable[..., list[str]]
"""Composes bubblewrap's options: `arguments`, unless a test makes a hole to see the proof find it."""


@dataclass(kw_only=True)
class Running:
    """A sandbox that answers."""

    process: Process
    child: int
    """Process id of the first process inside, as we see it."""
    pid_namespace: str
    client: AgentClient
    groups: tuple[Path, ...]
    descriptors: list[int] = field(default_factory=list)
    """Lifeline, status and error pipes: closing them ends the sandbox too."""

    def kill(self) -> None:
        """End every process of the sandbox; safe to call again."""
        with suppress(ProcessLookupError, PermissionError):
            if self.process.poll() is None:
                os.kill(self.child, signal.SIGKILL)
        while self.descriptors:
            os.close(self.descriptors.pop())
        finish(self.process, 5)
        # bubblewrap may end at the word of its agent, an instant before the namespace is empty
        kill_all(in_pid_namespace(self.pid_namespace))


def launch(spec: Spec, control_socket: Path, group: ControlGroup, options: Options = arguments) -> Running:
    """Start the sandbox and wait for its agent. Raises SandboxError with bubblewrap's own words."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(control_socket))
        control_socket.chmod(0o600)
        listener.listen(64)
        return _start(spec, listener, control_socket, group, options)


def _start(spec: Spec, listener: socket.socket, control_socket: Path, group: ControlGroup, options: Options) -> Running:
    lifeline, our_lifeline = os.pipe()
    our_status, status = os.pipe()
    our_errors, errors = os.pipe()
    inherited = [lifeline, status, listener.fileno()]
    ours = [our_lifeline, our_status, our_errors]
    closing = [lifeline, status, errors]
    try:
        held = {path: memory_file(content) for path, content in files(spec).items()}
        filter_file = memory_file(seccomp.program(owners_may_change=spec.owners_may_change))
        chosen = options(spec, contents=held, seccomp=filter_file, status=status)
        agent = memory_file(packed_agent().encode("ascii"))
        option_file = memory_file(b"".join(os.fsencode(option) + b"\0" for option in chosen))
        memory_files = [*held.values(), filter_file, agent, option_file]
        interpreter = unreadable_interpreter()
        inherited += [*memory_files, *([interpreter] if interpreter >= 0 else [])]
        closing += memory_files
        argv = [*as_found(), *group.launch_prefix(), *_join(spec.network), *_become(spec.identity)]
        argv += ["bwrap", "--args", str(option_file), "--"]
        argv += command(spec, (listener.fileno(), lifeline, agent, interpreter))
        process = start(argv, pass_fds=inherited, stderr=errors)
        listener.close()  # an agent that died must be seen as refusing, not as slow
    except BaseException:
        _close(ours)
        raise
    finally:
        _close(closing)
    try:
        child = _wait_for_child(our_status, our_errors)
        client = AgentClient(control_socket)
        namespace = pid_namespace(child)
        client.ping(_READY_SECONDS)
    except (SandboxError, OSError) as error:
        process.kill()
        process.wait()
        complaint = _complaint(our_errors) or getattr(error, "message", str(error))
        _close(ours)
        message = say("the sandbox did not start: {complaint}", complaint=complaint)
        raise SandboxError(message) from error
    return Running(
        process=process,
        child=child,
        pid_namespace=namespace,
        client=client,
        groups=group.directories,
        descriptors=ours,
    )


def _join(network: int) -> list[str]:
    """Return what enters a network namespace that is there already, by a descriptor of ours that nobody inherits."""
    return [] if network < 0 else ["nsenter", f"--net=/proc/{os.getpid()}/fd/{network}", "--"]


def _refuse_root(identity: Identity) -> None:
    """As uid 0 of the host, a sandbox could write what only its ownership protects, such as core_pattern."""
    if standing() == "root" and (identity.uid == 0 or not (identity.range_size or identity.drop)):
        raise NotIsolated(say("a sandbox must not have uid 0 of the host"))


def _become(identity: Identity) -> list[str]:
    _refuse_root(identity)
    if identity.range_size:
        how = "write" if standing() in {"root", "mapped"} else "newuidmap"
        helper = [sys.executable, "-I", "-S", str(PAYLOAD / "enter_range.py")]
        return [*helper, str(identity.uid), str(identity.range_size), how, "--"]
    if identity.drop:
        user = str(identity.uid)
        argv = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--inh-caps=-all"]
        return [*argv, "--bounding-set=-all", "--no-new-privs"]
    return ["setpriv", "--no-new-privs"]


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _wait_for_child(status: int, errors: int) -> int:
    """Return the process id of the first process inside, from bubblewrap's status line."""
    line = b""
    deadline = time.monotonic() + _READY_SECONDS
    while b"\n" not in line:
        part = os.read(status, 4096) if _is_readable(status, deadline - time.monotonic()) else b""
        if not part:
            raise SandboxError(_complaint(errors) or say("bubblewrap said nothing"))
        line += part
    return int(json.loads(line.splitlines()[0])["child-pid"])


def _complaint(errors: int) -> str:
    words = os.read(errors, 4000).decode("utf-8", "replace") if _is_readable(errors, 1.0) else ""
    return first_fatal(words.splitlines())


def _is_readable(descriptor: int, seconds: float) -> bool:
    """Wait until there is something to read, or its end; poll(2), since select(2) knows no number above 1,023."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(max(0.0, seconds) * 1000))
