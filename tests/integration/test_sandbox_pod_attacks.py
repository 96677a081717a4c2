"""What a hostile member of a pod tries against its neighbours: to answer for one, and to get at one it may not reach."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest

from drp.domain.sandbox import SandboxHandle
from tests.support.fixtures_sandboxes import Rig
from tests.support.pods import attempts, connect, contacts, join, serve
from tests.support.waiting import eventually

pytestmark = pytest.mark.real

TRY = r"""
import socket, sys
V4, V6, DEVICE, FREEBIND = socket.AF_INET, socket.AF_INET6, 25, 15
def attempt(name, kind, to, port, link=False, source="", free=False, data=b"secret"):
    try:
        with socket.socket(V6 if ":" in to else V4, kind) as peer:
            peer.settimeout(0.3)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if link: peer.setsockopt(socket.SOL_SOCKET, DEVICE, b"eth0")
            if free: peer.setsockopt(socket.IPPROTO_IP, FREEBIND, 1)
            if source: peer.bind((source, 0))
            if kind == socket.SOCK_DGRAM:
                peer.sendto(data, (to, port))
                return
            peer.connect((to, port)); peer.send(data)
            print(name, "reached", peer.recv(9).decode())
    except OSError as error:
        print(name, "failed", error)
T, U = socket.SOCK_STREAM, socket.SOCK_DGRAM
"""
HOLD = r"""
import socket, threading
def hold(address, port, free):
    held = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if free: held.setsockopt(socket.IPPROTO_IP, 15, 1)
    try: held.bind((address, port))
    except OSError as error: return print(address, "not bound:", error.strerror)
    held.listen()
    def answer():
        while True: held.accept()[0].sendall(b"forged")
    threading.Thread(target=answer).start()
    print(address, "held")
for address in ("127.0.0.1", "10.20.0.12", "2001:db8:20::12"): hold(address, 5432, False)
hold("10.20.0.12", 5433, True); hold("0.0.0.0", 5434, False)
print("ready", flush=True)
"""


def run(rig: Rig, handle: SandboxHandle, script: str) -> list[str]:
    rig.driver.target(handle).run(["sh", "-c", "cat > /tmp/try.py"], stdin=(TRY + script).encode())
    return rig.shell(handle, "python3 /tmp/try.py 2>&1").splitlines()


def test_who_holds_a_neighbours_ports_first_answers_nobody(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    rig.driver.target(ehr).run(["sh", "-c", "cat > /tmp/hold.py"], stdin=HOLD.encode())
    said = rig.begin(ehr, "python3 /tmp/hold.py")
    assert "127.0.0.1 held" in said
    assert said.count("not bound: Cannot assign requested address") == 2, "the neighbour's addresses are not its own"
    for port in (5432, 5433, 5434):
        serve(rig, lis, "0.0.0.0", port, f"genuine {port}")
        for host in ("127.0.0.1", "10.20.0.12"):
            assert connect(rig, lis, host, port) == f"genuine {port}"
        assert connect(rig, ehr, "10.20.0.12", port) == f"genuine {port}", "not even to itself"
        assert connect(rig, ehr, "127.0.0.1", port).startswith("forged" if port != 5433 else "Connection")


def test_what_listens_on_loopback_alone_is_out_of_a_neighbours_reach(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    serve(rig, lis, "127.0.0.1", 5432, "superuser by trust")
    assert connect(rig, lis, "127.0.0.1", 5432) == "superuser by trust"
    for host in ("127.0.0.1", "10.20.0.12", "::1", "2001:db8:20::12"):
        assert "refused" in connect(rig, ehr, host, 5432)
    said = run(rig, ehr, 'attempt("link", T, "127.0.0.1", 5432, link=True)')
    assert said == ["link failed timed out"]
    assert eventually(lambda: contacts(rig, lis)) == {
        ("ehr", "lis", "10.20.0.12:5432", 1), ("ehr", "lis", "[2001:db8:20::12]:5432", 1)
    }  # fmt: skip
    assert [(each.destination, each.port) for each in attempts(rig, ehr, bool)] == [("127.0.0.1", 5432)]


OUT = r"""
for to in ("10.99.0.1", "10.20.0.255", "2001:db8::99"): attempt("tcp", T, to, 443, link=True)
for to in ("10.99.0.2", "255.255.255.255", "10.20.0.255", "239.1.2.3", "ff02::fb", "fe80::1%eth0", "127.0.0.9"):
    attempt("udp", U, to, 514, link=True)
for to in ("239.1.2.4", "ff02::fc", "ff02::fd%eth0", "fe80::2%eth0"): attempt("udp", U, to, 515)
"""
LEFT = {
    ("tcp", "10.99.0.1", 443), ("tcp", "10.20.0.255", 443), ("udp", "10.99.0.2", 514), ("udp", "255.255.255.255", 514),
    ("udp", "10.20.0.255", 514), ("udp", "239.1.2.3", 514), ("udp", "ff02::fb", 514), ("udp", "127.0.0.9", 514),
    ("udp", "239.1.2.4", 515), ("udp", "ff02::fc", 515),
}  # fmt: skip


def test_what_goes_out_by_the_link_and_to_no_neighbour_is_egress_and_reaches_nobody(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    serve(rig, lis, "0.0.0.0", 514, "x")
    assert not [line for line in run(rig, ehr, OUT) if "reached" in line]
    found = attempts(rig, ehr, lambda seen: {(each.protocol, each.destination, each.port) for each in seen} >= LEFT)
    assert {(each.protocol, each.destination, each.port) for each in found} >= LEFT
    assert received(rig, lis) == 0
    assert rig.driver.egress(lis) == ()
    assert rig.driver.neighbours(lis) == ()


FORGE = r"""
attempt("strange", T, "10.20.0.12", 8080, source="10.99.0.5"); attempt("strange", U, "10.20.0.12", 514, source="10.99.0.5")
attempt("loopback", T, "10.20.0.12", 8080, source="127.0.0.1"); attempt("neighbour", T, "10.20.0.12", 8080, source="169.254.1.1")
attempt("free", T, "10.20.0.12", 8080, source="10.20.0.12", free=True); attempt("free", U, "10.20.0.12", 514, source="10.20.0.12", free=True)
attempt("strange", U, "2001:db8:20::12", 514, source="2001:db8::5")
attempt("strange", T, "2001:db8:20::12", 8081, source="2001:db8:20::77")
attempt("genuine", U, "10.20.0.12", 515)
"""


def test_nobody_speaks_under_anothers_address_and_who_tries_is_named(rig: Rig) -> None:
    ehr, lis, desk = join(rig, "ehr"), join(rig, "lis"), join(rig, "desk")
    for address, port in (("0.0.0.0", 8080), ("::", 8081)):
        serve(rig, lis, address, port, "x")
    said = run(rig, ehr, FORGE)
    assert not [line for line in said if "reached" in line]
    assert eventually(lambda: any(place == "udp 10.20.0.12:515" for _, _, place, _ in contacts(rig, lis)))
    assert received(rig, lis) == 1, "the genuine one"
    assert {place for _, _, place, _ in contacts(rig, lis)} >= {
        "10.20.0.12:8080",
        "udp 10.20.0.12:514",
        "udp 10.20.0.12:515",
    }
    assert {(source, destination) for source, destination, _, _ in contacts(rig, lis)} == {("ehr", "lis")}
    assert rig.driver.neighbours(desk) == ()


def test_an_application_that_declares_no_address_is_called_by_nobody(rig: Rig) -> None:
    desk, lis = join(rig, "desk"), join(rig, "lis")
    serve(rig, lis, "10.20.0.12", 389, "restored LIS")
    serve(rig, desk, "0.0.0.0", 8080, "own page")
    script = "import socket; p = socket.create_connection(('10.20.0.12', 389), timeout=60); print(p.getsockname()[0])"
    lent = rig.shell(desk, f'python3 -c "{script}"').strip()
    assert lent.startswith("169.254.")
    said = run(rig, lis, f'attempt("lent", T, "{lent}", 8080)')
    assert said == ["lent failed timed out"]
    assert rig.shell(desk, "cat /tmp/heard") == ""
    assert eventually(lambda: ("lis", "desk", f"{lent}:8080", 1) in contacts(rig, desk)), "and it is told"


def test_the_hub_has_no_port_and_no_address_of_its_own(rig: Rig, make_rig: Callable[..., Rig]) -> None:
    join(rig, "ehr"), join(rig, "lis")
    (pod,) = rig.driver._networks._pods.values()
    enter = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{pod.hub.descriptor}"]

    def ask(*argv: str) -> str:
        return subprocess.run([*enter, *argv], capture_output=True, text=True, check=True).stdout

    tables = [
        line
        for name in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")
        for line in ask("cat", f"/proc/net/{name}").splitlines()[1:]
    ]
    assert tables == []
    addresses = [line.split() for line in ask("ip", "-brief", "address").splitlines()]
    assert {name.split("@")[0]: rest for name, _, *rest in addresses} == {
        "lo": ["127.0.0.1/8", "::1/128"], "link1": [], "link2": []
    }  # fmt: skip


def received(rig: Rig, handle: SandboxHandle) -> int:
    """How many datagrams arrived there, taken or not."""
    names, figures = [line.split() for line in rig.shell(handle, "grep ^Udp: /proc/net/snmp").splitlines()]
    told = dict(zip(names, figures, strict=True))
    own = [line.split() for line in rig.shell(handle, "grep Udp6 /proc/net/snmp6").splitlines()]
    six = sum(int(count) for name, count in own if name in {"Udp6InDatagrams", "Udp6NoPorts"})
    return int(told["InDatagrams"]) + int(told["NoPorts"]) + six
