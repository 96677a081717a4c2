"""The one way out of a drill's namespaces: a process of the host's network that relays to listed endpoints, no other.

The supervisor starts it before the worker leaves the network; the worker hands it listening sockets. Bytes pass
untouched, so TLS is between the tool and its repository. The list is fixed at the start and cannot be extended.
"""

from __future__ import annotations

import array
import json
import os
import socket
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from drp.command import Process, start
from drp.domain.phrase import say
from drp.errors import SandboxError
from drp.sandboxes.host.processes import finish

_PROGRAM = Path(__file__).parents[1] / "payload" / "gateway.py"
_SECONDS = 15.0


class Gateway:
    """The gateway process; ``fd`` is inherited by the worker."""

    def __init__(self, process: Process, channel: socket.socket) -> None:
        """Hold the process and our end of its channel: when every holder has closed it, the gateway ends."""
        self._process = process
        self._left = False
        self._channel = channel
        self.fd = channel.fileno()

    @classmethod
    def start(cls, allowed: Iterable[tuple[str, int]], *, tied_to_parent: bool = True) -> Gateway:
        """Start the gateway for these endpoints (host, port) and no others. Raises SandboxError.

        Tied to its parent it ends with the thread that starts it; always with the last who holds its channel.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            tie = ["setpriv", "--pdeathsig", "KILL"] if tied_to_parent else []
            argv = [*tie, sys.executable, "-I", "-S", str(_PROGRAM), str(theirs.fileno())]
            process = start(argv, pass_fds=[theirs.fileno()])
        gateway = cls(process, ours)
        client = GatewayClient(os.dup(ours.fileno()))
        try:
            client.ask({"allow": [list(endpoint) for endpoint in allowed]})
        except SandboxError:
            gateway.stop()
            raise
        finally:
            client.close()
        return gateway

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.stop()

    def leave(self) -> None:
        """Let go of the process: it ends with whoever holds its channel still, such as the keeper of a sandbox."""
        self._left = True
        self._channel.close()
        threading.Thread(target=self._process.wait, daemon=True).start()  # its end leaves no zombie of ours

    def stop(self) -> None:
        """End the process, unless it was left to others; safe to call again."""
        if self._left:
            return
        self._channel.close()
        self._process.kill()
        finish(self._process, 5)


class GatewayClient:
    """The worker's side, on an inherited descriptor."""

    def __init__(self, fd: int) -> None:
        """Take over the descriptor."""
        os.set_inheritable(fd, False)
        self._channel = socket.socket(fileno=fd)
        self._channel.settimeout(_SECONDS)
        self._lock = threading.Lock()

    def relay(self, listener: socket.socket, host: str, port: int) -> int:
        """Let the gateway accept on ``listener`` and connect each caller to ``host:port``; return the relay's id.

        Raises SandboxError when that endpoint is not on the list. The socket may be closed afterwards.
        """
        answer = self.ask({"relay": [host, port]}, listener.fileno())
        return int(str(answer["relay"]))

    def end(self, relay: int) -> None:
        """Stop accepting on a relay and drop its connections."""
        self.ask({"end": relay})

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return connections, bytes up and bytes down of each relay, by id."""
        relays = self.ask({"counts": True})["counts"]
        assert isinstance(relays, dict)
        return relays

    def ask(self, request: Mapping[str, object], descriptor: int | None = None) -> dict[str, object]:
        """Send one request and return the answer; raises SandboxError when it is refused or nobody answers."""
        rights = [] if descriptor is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        try:
            with self._lock:
                self._channel.sendmsg([json.dumps(request).encode()], rights)
                raw = self._channel.recv(1 << 20)
        except OSError as error:
            raise SandboxError(say("the network gateway does not answer"), hint="start the drill again") from error
        if not raw:
            raise SandboxError(say("the network gateway has ended"), hint="start the drill again")
        answer: dict[str, object] = json.loads(raw)
        if "error" in answer:
            message = say("the network gateway refuses: {error}", error=answer["error"])
            raise SandboxError(message, hint="only endpoints of configured repositories may be reached")
        return answer

    def close(self) -> None:
        """Close our end."""
        self._channel.close()
