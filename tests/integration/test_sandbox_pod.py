"""A pod: sandboxes that find one another under their production addresses and names, and together reach nothing else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from drp.domain.restore import RestoreOrder
from drp.domain.sandbox import SandboxOrder
from drp.sandboxes import processes
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.pods import LIS, attempts, connect, join, serve
from tests.support.waiting import eventually

pytestmark = pytest.mark.real


@pytest.mark.parametrize("identity", ["single", "range"])
def test_neighbours_find_each_other_by_production_address_name_and_port(rig: Rig, identity: str) -> None:
    ehr, lis = join(rig, identity=identity), join(rig, identity=identity)
    serve(rig, lis, "10.20.0.12", 389, "restored LIS")
    assert connect(rig, ehr, "10.20.0.12", 389) == "restored LIS", "also on a port below 1024"
    assert connect(rig, ehr, "lis.hospital.example", 389) == "restored LIS"
    assert "refused" in connect(rig, ehr, "10.20.0.12", 390), "not egress: that is the LIS, up or not"
    assert "refused" in connect(rig, ehr, "10.20.0.13", 389)
    (attempt,) = attempts(rig, ehr, bool)
    assert (attempt.destination, attempt.port, attempt.pod) == ("10.20.0.13", 389, "drill-1")


def test_everything_but_the_network_stays_apart(rig: Rig) -> None:
    ehr, lis = join(rig), join(rig)
    rig.shell(lis, "echo secret > /data/files/x; setsid sleep 77.5 >/dev/null 2>&1 &")
    assert "No such file" in rig.shell(ehr, "cat /data/files/x")
    assert "77.5" not in rig.shell(ehr, "cat /proc/*/cmdline | tr '\\0' ' '")
    kinds = ("pid", "mnt", "user", "ipc", "uts", "cgroup")
    ours, theirs = (rig.driver._live[each.id].running.child for each in (ehr, lis))
    for kind in kinds:
        assert processes.namespace(ours, kind) != processes.namespace(theirs, kind)
    assert processes.namespace(ours, "net") == processes.namespace(theirs, "net") != processes.namespace("self", "net")


def test_a_cell_never_joins_the_pod(rig: Rig) -> None:
    ehr, lis = join(rig), join(rig)
    serve(rig, lis, "0.0.0.0", 5000, "restored LIS")
    cell = rig.driver.open_cell(ehr, RestoreOrder(argv=("true",)), ())
    assert "refused" in connect(rig, cell, "127.0.0.1", 5000)
    assert "unreachable" in connect(rig, cell, "10.20.0.12", 5000)
    assert "nameserver" not in rig.shell(cell, "cat /etc/resolv.conf /etc/hosts")
    assert "lis.hospital" not in rig.shell(cell, "cat /etc/hosts")


def test_every_sandbox_of_a_pod_is_proven_while_neighbours_run_and_they_are_not_disturbed(rig: Rig) -> None:
    lis = join(rig, sink_ports=(25,))
    assert rig.driver.prove(lis).holds
    serve(rig, lis, "0.0.0.0", 2575, "MLLP of the restored LIS")
    others = [join(rig) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        proofs = list(pool.map(rig.driver.prove, others))
    for proof in proofs:
        assert proof.holds, [each for each in proof.checks if each.outcome != "denied"]
        assert proof.denied == len(proof.checks) == 81
    assert rig.shell(lis, "cat /tmp/heard") == "", "nobody spoke to the neighbour"
    assert [rig.driver.egress(each) for each in (lis, *others)] == [()] * 4


def test_what_a_neighbour_sends_during_a_proof_is_kept(rig: Rig) -> None:
    lis, ehr = join(rig), join(rig)
    rig.shell(
        lis,
        """cat > /tmp/loop.py <<'E'
import socket, time
number = 0
while True:
    number += 1
    try: socket.create_connection(("10.77.0.1", 40000 + number), timeout=60)
    except OSError: pass
    open("/tmp/count", "w").write(str(number)); time.sleep(0.02)
E
setsid python3 /tmp/loop.py > /dev/null 2>&1 &""",
    )
    assert rig.driver.prove(ehr).holds
    assert eventually(lambda: int(rig.shell(lis, "cat /tmp/count") or 0) > 3)
    rig.shell(lis, "kill $(pgrep -f loop.py)")
    sent = int(rig.shell(lis, "cat /tmp/count"))
    seen = attempts(rig, lis, lambda found: len(found) >= sent)
    assert {each.port for each in seen} >= {40000 + number for number in range(1, sent + 1)}
    assert {each.destination for each in seen} == {"10.77.0.1"}, "and nothing of the probe's"


def test_each_attempt_of_a_pod_is_told_once_by_whoever_asks_first(rig: Rig) -> None:
    ehr, lis = join(rig), join(rig)
    connect(rig, ehr, "10.99.0.1", 443)
    (first,) = attempts(rig, lis, bool)
    assert first.destination == "10.99.0.1"
    connect(rig, lis, "10.99.0.2", 443)
    assert [each.destination for each in attempts(rig, ehr, bool)] == ["10.99.0.2"]
    assert rig.driver.egress(lis) == (first,)


def test_a_port_that_one_application_serves_is_no_sink_for_any(rig: Rig) -> None:
    ehr = join(rig)
    mllp = "import socket; p = socket.create_connection(('{}', 2575), timeout=60); p.sendall(b'\\x0bMSH|x\\x1c\\r'); print(p.recv(99))"
    assert "MSA|AA" in rig.shell(ehr, f'python3 -c "{mllp.format("10.30.0.1")}"'), "as production would"
    assert "MSA" not in rig.shell(ehr, f'python3 -c "{mllp.format(LIS.address)}"'), "it is for the LIS, once it is up"
    assert [each.destination for each in attempts(rig, ehr, bool)] == ["10.30.0.1"]
    lis = join(rig, sink_ports=(25,))
    serve(rig, lis, "10.20.0.12", 2575, "the restored LIS")
    assert connect(rig, ehr, "10.20.0.12", 2575) == "the restored LIS"


def test_an_answer_under_a_foreign_address_is_still_egress(rig: Rig) -> None:
    ehr = join(rig)
    serve(rig, ehr, "0.0.0.0", 8080, "own web server")
    assert connect(rig, ehr, "ehr.hospital.example", 8080) == "own web server"
    assert connect(rig, ehr, "10.200.0.1", 8080) == "own web server", "every address of the world is here"
    assert [each.destination for each in attempts(rig, ehr, bool)] == ["10.200.0.1"]


def test_datagrams_between_neighbours_are_no_egress(rig: Rig) -> None:
    ehr, lis = join(rig), join(rig)
    rig.shell(
        lis,
        """cat > /tmp/echo.py <<'E'
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind(("10.20.0.12", 514)); print("ready", flush=True)
while True:
    data, sender = server.recvfrom(100); server.sendto(b"got " + data, sender)
E
setsid python3 /tmp/echo.py > /tmp/out 2>&1 & while ! grep -q ready /tmp/out; do sleep 0.01; done""",
    )
    said = rig.shell(
        ehr,
        """python3 - <<'E'
import socket
channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); channel.settimeout(3); channel.connect(("10.20.0.12", 514))
channel.send(b"log"); print(channel.recv(100)); channel.send(b"more"); print(channel.recv(100))
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"log", ("10.20.0.13", 514))
E""",
    )
    assert "got log" in said
    assert [each.destination for each in attempts(rig, ehr, bool)] == ["10.20.0.13"]


# ---- names


def test_names_of_the_pod_resolve_and_others_are_recorded(rig: Rig) -> None:
    ehr = join(rig)
    assert rig.shell(ehr, "getent hosts ehr lis.hospital.example").split() == [
        "10.20.0.11", "ehr.hospital.example", "ehr", "10.20.0.12", "lis.hospital.example"
    ]  # fmt: skip
    started = time.monotonic()
    for name in ("Billing.hospital.example", "localhost", "server", "billing.hospital.example"):
        rig.shell(ehr, f"getent hosts {name}; python3 -c \"import socket; socket.getaddrinfo('{name}', 443)\"")
    assert time.monotonic() - started < 40, "the answer comes at once: a look-up that nobody answers takes 10 s"
    found = attempts(rig, ehr, bool)
    assert len(found) == 1, found
    attempt = found[0]
    assert (attempt.protocol, attempt.destination, attempt.port) == ("udp", "name:billing.hospital.example", 53)


def test_a_hostile_name_is_escaped(rig: Rig) -> None:
    ehr = rig.driver.open(profile(), "test", SandboxOrder())
    rig.shell(
        ehr,
        """python3 - <<'E'
import socket, struct
label = b"a\\x1b[31m.\\n<b>"
query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + bytes([len(label)]) + label + b"\\0" + struct.pack("!HH", 1, 1)
channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for payload in (b"", b"x", bytes(600), query[:-5], query): channel.sendto(payload, ("127.0.0.53", 53))
E""",
    )
    (attempt,) = attempts(rig, ehr, bool)
    assert attempt.destination == "name:a\\027\\09131m\\046\\010\\060b\\062"


def test_attempts_that_were_not_kept_are_told_once_too(rig: Rig) -> None:
    ehr, lis = join(rig), join(rig)
    rig.shell(
        ehr,
        """python3 - <<'E'
import socket
channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(1500): channel.sendto(b"%d" % number, ("10.0.0.1", 1000 + number))
E""",
    )
    found = attempts(rig, ehr, lambda found: len(found) > 1000)
    assert found[-1].destination.endswith("further attempts that were not kept")
    assert rig.driver.egress(lis) == ()
    assert [each.port for each in rig.driver.egress(ehr)].count(0) == 1
