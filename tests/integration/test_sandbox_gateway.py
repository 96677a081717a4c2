"""The gateway relays to the endpoints on its list, to no other, fast, and ends with those who hold it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from drp.ending import is_ended
from drp.errors import SandboxError
from drp.sandboxes.network.gateway import Gateway, GatewayClient
from tests.support.waiting import PATIENCE, eventually

pytestmark = pytest.mark.real


@pytest.fixture
def server() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(peer,), daemon=True).start()

    def answer(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            size = int(peer.makefile("rb").readline())
            chunk = bytes(1 << 20)
            while size > 0:
                peer.sendall(chunk[: min(size, len(chunk))])
                size -= len(chunk)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def fetch(address: tuple[str, int], size: int) -> int:
    with socket.create_connection(address, timeout=PATIENCE) as peer:
        peer.sendall(b"%d\n" % size)
        total = 0
        while data := peer.recv(1 << 20):
            total += len(data)
        return total


def test_bytes_pass_and_are_counted(server: int) -> None:
    with Gateway.start([("127.0.0.1", server)]) as gateway, socket.create_server(("127.0.0.1", 0)) as door:
        client = GatewayClient(os.dup(gateway.fd))
        relay = client.relay(door, "127.0.0.1", server)
        assert fetch(door.getsockname(), 200 << 20) == 200 << 20
        counts = client.counts()[str(relay)]
        assert counts["down"] == 200 << 20
        assert counts["connections"] == 1
        client.end(relay)
        client.close()


def test_many_at_once(server: int) -> None:
    with Gateway.start([("127.0.0.1", server)]) as gateway, socket.create_server(("127.0.0.1", 0), backlog=64) as door:
        client = GatewayClient(os.dup(gateway.fd))
        client.relay(door, "127.0.0.1", server)
        results: list[int] = []
        threads = [
            threading.Thread(target=lambda: results.append(fetch(door.getsockname(), 100_000))) for _ in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [100_000] * 40
        client.close()


def test_what_is_not_on_the_list_is_refused(server: int) -> None:
    with Gateway.start([("127.0.0.1", server)]) as gateway, socket.create_server(("127.0.0.1", 0)) as door:
        client = GatewayClient(os.dup(gateway.fd))
        for endpoint in (("127.0.0.1", server + 1), ("localhost", server), ("10.0.0.1", 25)):
            with pytest.raises(SandboxError, match="not on the list"):
                client.relay(door, *endpoint)
        with pytest.raises(SandboxError, match="fixed"):
            client.ask({"allow": [["10.0.0.1", 25]]})
        for nonsense in (
            {},
            {"relay": 3},
            {"relay": ["a"]},
            {"end": 99},
            {"end": "x"},
            {"relay": ["127.0.0.1", server]},
        ):
            with pytest.raises(SandboxError, match="refuses"):
                client.ask(nonsense)
        assert client.counts() == {}
        client.close()


def test_an_endpoint_that_does_not_answer_closes_the_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with Gateway.start([("127.0.0.1", port)]) as gateway, socket.create_server(("127.0.0.1", 0)) as door:
            client = GatewayClient(os.dup(gateway.fd))
            client.relay(door, "127.0.0.1", port)
            with socket.create_connection(door.getsockname(), timeout=PATIENCE) as peer:
                assert peer.recv(10) == b""
            client.close()


def test_it_ends_with_its_supervisor() -> None:
    program = (
        "import sys, time\nfrom drp.sandboxes.network.gateway import Gateway\n"
        "g = Gateway.start([('127.0.0.1', 9)]); print(g._process.pid, flush=True); time.sleep(100)"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    supervisor.stdout.close()
    assert eventually(lambda: is_ended(pid))


def test_a_gateway_that_has_ended_is_said() -> None:
    gateway = Gateway.start([])
    client = GatewayClient(os.dup(gateway.fd))
    gateway.stop()
    gateway.stop()
    with pytest.raises(SandboxError, match="gateway"):
        client.counts()
    client.close()
