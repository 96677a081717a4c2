"""Sockets inside a sandbox's network namespace, made by a helper that enters it; nothing runs in the sandbox itself."""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from drp.command import start
from drp.domain.phrase import say
from drp.errors import NotIsolated, SandboxError
from drp.sandboxes.errors import MORE_DESCRIPTORS
from drp.sandboxes.host.processes import finish, namespace
from drp.sandboxes.network.tables import SocketTables
from drp.sandboxes.packing import PAYLOAD, PYTHON
from drp.sandboxes.payload.netns import TABLES

_SECONDS = 15.0
_DESCRIPTORS = 253
"""No message carries more (SCM_MAX_FD, unix(7))."""
_REQUEST_BYTES = 1 << 17
_HELPER = "import sys; sys.path.insert(0, sys.argv.pop(1)); from netns.main import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How a network namespace is joined to the hub of a pod."""

    hub: int
    """Descriptor of the hub's namespace."""
    name: str
    """Of the link, there."""
    own: Sequence[str]
    """The member's addresses, at least one of each family."""
    neighbours: Sequence[str]
    """Addresses that lead to other members."""
    former: Sequence[str]
    """Links that the member had before, there: what is left of them goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be made in a network namespace, in the order in which it comes back."""

    addresses: Sequence[str] = ()
    """Become addresses of its loopback interface."""
    every_address: bool = False
    """All addresses are local there."""
    recorder: bool = False
    sinks: Sequence[int] = ()
    resolver: bool = False
    listeners: Sequence[tuple[str, int]] = ()
    tables: bool = False
    """What lists the namespace's sockets, readable from outside."""
    namespace: bool = False
    """A descriptor that keeps the namespace alive, and by which it is entered."""
    hub: Sequence[str] | None = None
    """It becomes the hub of a pod in which these addresses are declared; its recorder hears all links."""
    link: Link | None = None


SANDBOX = Wanted(every_address=True, recorder=True, resolver=True, tables=True, namespace=True)
"""What every run sandbox has; sinks are its profile's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What belongs to a sandbox's network namespace."""

    recorder: socket.socket | None = None
    sinks: dict[int, socket.socket] = field(default_factory=dict)
    resolver: socket.socket | None = None
    listeners: tuple[socket.socket, ...] = ()
    tables: SocketTables = field(default_factory=SocketTables)
    namespace: list[int] = field(default_factory=list)
    """A descriptor, or none."""

    def close(self) -> None:
        """Close everything; safe to call again."""
        for each in (self.recorder, *self.sinks.values(), self.resolver, *self.listeners):
            if each is not None:
                each.close()
        self.tables.close()
        while self.namespace:
            os.close(self.namespace.pop())


def enter(process: int, wanted: Wanted) -> Inside:
    """Return what was made in the network namespace of ``process``.

    Raises SandboxError, and NotIsolated when that namespace is our own.
    """
    if namespace(process, "net") in {namespace("self", "net"), ""}:
        raise NotIsolated(say("the sandbox shares the network of the host"))
    return _ask(str(process), wanted)


def create(wanted: Wanted) -> Inside:
    """Return what was made in a new network namespace, which lives as long as something of it is open."""
    return _ask("new", wanted)


def _ask(process: str, wanted: Wanted) -> Inside:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(_SECONDS)
        argv = [PYTHON, "-I", "-S", "-c", _HELPER, str(PAYLOAD), process, str(theirs.fileno())]
        helper = start(argv, pass_fds=[theirs.fileno(), *([wanted.link.hub] if wanted.link is not None else [])])
        theirs.close()
        try:
            ours.send(_request(wanted))
            made = _receive(ours)
        except OSError as error:
            message = say("the helper for the sandbox's network did not answer")
            raise SandboxError(message) from error
        finally:
            finish(helper, 5)
    return _sorted(wanted, made)


def _request(wanted: Wanted) -> bytes:
    request = json.dumps(asdict(wanted)).encode()
    if len(request) > _REQUEST_BYTES:
        raise SandboxError(
            say("the applications of the drill declare too many addresses"), hint="drill fewer in one pod"
        )
    return request


def _sorted(wanted: Wanted, made: list[int]) -> Inside:
    first = iter(made)
    return Inside(
        recorder=socket.socket(fileno=next(first)) if wanted.recorder or wanted.hub is not None else None,
        sinks={port: socket.socket(fileno=next(first)) for port in wanted.sinks},
        resolver=socket.socket(fileno=next(first)) if wanted.resolver else None,
        listeners=tuple(socket.socket(fileno=next(first)) for _ in wanted.listeners),
        tables=SocketTables([next(first) for _ in TABLES] if wanted.tables else []),
        namespace=list(first),
    )


def _receive(control: socket.socket) -> list[int]:
    size = array.array("i").itemsize * _DESCRIPTORS
    message, ancillary, flags, _ = control.recvmsg(1 << 16, socket.CMSG_SPACE(size))
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    answer = json.loads(message) if message else {"error": say("it ended at once")}
    trouble = _trouble(answer, len(descriptors), truncated=bool(flags & socket.MSG_CTRUNC))
    if trouble is not None:
        for descriptor in descriptors:
            os.close(descriptor)
        raise trouble
    return list(descriptors)


def _trouble(answer: dict[str, object], arrived: int, *, truncated: bool) -> SandboxError | None:
    """Return what is wrong with an answer: the kernel drops descriptors without a word when no more may be opened."""
    if "error" in answer:
        return SandboxError(say("cannot set up the sandbox's network: {error}", error=answer["error"]))
    if truncated or arrived != answer["made"]:
        message = say(
            "cannot set up the sandbox's network: {arrived} of {made} descriptors arrived",
            arrived=arrived,
            made=answer["made"],
        )
        return SandboxError(message, hint=MORE_DESCRIPTORS)
    return None
