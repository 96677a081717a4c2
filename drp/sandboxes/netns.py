"""Sockets inside a sandbox's network namespace, made by a helper that enters it; nothing runs in the sandbox itself."""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from drp.command import start
from drp.errors import NotIsolated, SandboxError
from drp.sandboxes.arguments import PYTHON
from drp.sandboxes.launch import PAYLOAD
from drp.sandboxes.processes import finish, namespace

_SECONDS = 15.0
_DESCRIPTORS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Sockets that belong to a sandbox's network namespace."""

    recorder: socket.socket | None = None
    sinks: dict[int, socket.socket] = field(default_factory=dict)
    listeners: tuple[socket.socket, ...] = ()

    def close(self) -> None:
        """Close them all; safe to call again."""
        for each in (self.recorder, *self.sinks.values(), *self.listeners):
            if each is not None:
                each.close()


def enter(
    process: int,
    *,
    addresses: Sequence[str] = (),
    every_address: bool = False,
    recorder: bool = False,
    sinks: Sequence[int] = (),
    listeners: Sequence[tuple[str, int]] = (),
) -> Inside:
    """Return sockets made in the network namespace of ``process``.

    Raises SandboxError, and NotIsolated when that namespace is our own.

    ``addresses`` become addresses of its loopback interface; with ``every_address`` all of them are local there.
    """
    if namespace(process, "net") in {namespace("self", "net"), ""}:
        raise NotIsolated("the sandbox shares the network of the host")
    request = {
        "addresses": list(addresses),
        "every_address": every_address,
        "recorder": recorder,
        "sinks": list(sinks),
        "listeners": [list(each) for each in listeners],
    }
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(_SECONDS)
        argv = [PYTHON, "-I", "-S", str(PAYLOAD / "netns.py"), str(process), str(theirs.fileno())]
        helper = start(argv, pass_fds=[theirs.fileno()])
        theirs.close()
        try:
            ours.send(json.dumps(request).encode())
            made = _receive(ours)
        except OSError as error:
            message = "the helper for the sandbox's network did not answer"
            raise SandboxError(message) from error
        finally:
            finish(helper, 5)
    first = iter(made)
    return Inside(
        recorder=next(first) if recorder else None,
        sinks={port: next(first) for port in sinks},
        listeners=tuple(first),
    )


def _receive(control: socket.socket) -> list[socket.socket]:
    size = array.array("i").itemsize * _DESCRIPTORS
    message, ancillary, _, _ = control.recvmsg(1 << 16, socket.CMSG_SPACE(size))
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    made = []
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
        made.append(socket.socket(fileno=descriptor))
    answer = json.loads(message) if message else {"error": "it ended at once"}
    if "error" in answer:
        complaint = f"cannot set up the sandbox's network: {answer['error']}"
        raise SandboxError(complaint)
    return made
