"""Small pods for tests: who is in one, what they serve, and how they find each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drp.domain.application import ProductionAddress
from drp.domain.sandbox import EgressAttempt, SandboxHandle, SandboxOrder
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.waiting import eventually

EHR = ProductionAddress(address="10.20.0.11", names=("ehr.hospital.example", "ehr"))
LIS = ProductionAddress(address="10.20.0.12", names=("lis.hospital.example",))
PACS = ProductionAddress(address="2001:db8:20::13", names=("pacs.hospital.example",))
MEMBERS: dict[str, tuple[ProductionAddress, ...]] = {
    "ehr": (EHR,),
    "lis": (LIS, ProductionAddress(address="2001:db8:20::12")),
    "pacs": (PACS,),
    "desk": (),
}
"""The last one declares no address: it calls others, and nobody calls it."""

SERVE = """
import socket, sys, threading
address, port, words = sys.argv[1], int(sys.argv[2]), sys.argv[3]
server = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
heard = open("/tmp/heard", "ab", buffering=0)
def serve(peer):
    with peer:
        peer.sendall(words.encode())
        peer.settimeout(60)
        try: heard.write(peer.recv(4096) or b"<nothing>")
        except OSError: heard.write(b"<error>")
print("ready", flush=True)
while True: threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


def order(name: str, pod: str = "drill-1") -> SandboxOrder:
    others = {other: addresses for other, addresses in MEMBERS.items() if other != name}
    return SandboxOrder(application=name, pod=pod, addresses=MEMBERS[name], neighbours=others)


def join(rig: Rig, name: str, **changes: Any) -> SandboxHandle:
    return rig.driver.open(profile(**changes), "test", order(name))


def contacts(rig: Rig, handle: SandboxHandle) -> set[tuple[str, str, str, int]]:
    """Who called whom, where, and how often."""
    return {
        (each.source, each.destination, each.place.removeprefix("tcp "), each.count)
        for each in rig.driver.neighbours(handle)
    }


def serve(rig: Rig, handle: SandboxHandle, address: str, port: int, words: str) -> None:
    rig.driver.target(handle).run(["sh", "-c", "cat > /tmp/serve.py"], stdin=SERVE.encode())
    said = rig.begin(handle, f"python3 /tmp/serve.py {address} {port} '{words}'")
    assert said == "ready\n", said


def connect(rig: Rig, handle: SandboxHandle, host: str, port: int) -> str:
    script = f"import socket; print(socket.create_connection(('{host}', {port}), timeout=60).recv(100).decode())"
    return rig.shell(handle, f'python3 -c "{script}" 2>&1 | tail -n 1').strip()


def attempts(
    rig: Rig, handle: SandboxHandle, enough: Callable[[tuple[EgressAttempt, ...]], bool]
) -> tuple[EgressAttempt, ...]:
    eventually(lambda: enough(rig.driver.egress(handle)))
    return rig.driver.egress(handle)
