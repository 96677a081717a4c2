"""A pod: sandboxes that find one another under their production addresses and names, and reach nothing else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from drp.domain.restore import RestoreOrder
from drp.domain.sandbox import SandboxOrder
from drp.sandboxes.host import processes
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.pods import LIS, attempts, connect, contacts, join, serve
from tests.support.waiting import eventually

pytestmark = pytest.mark.real


@pytest.mark.parametrize("identity", ["single", "range"])
def test_neighbours_find_each_other_by_production_address_name_and_port(rig: Rig, identity: str) -> None:
    ehr, lis = join(rig, "ehr", identity=identity), join(rig, "lis", identity=identity)
    serve(rig, lis, "10.20.0.12", 389, "restored LIS")
    assert connect(rig, ehr, "10.20.0.12", 389) == "restored LIS", "also on a port below 1024"
    assert connect(rig, ehr, "lis.hospital.example", 389) == "restored LIS"
    assert "refused" in connect(rig, ehr, "10.20.0.12", 390), "not egress: that is the LIS, up or not"
    assert "refused" in connect(rig, ehr, "10.20.0.13", 389)
    (attempt,) = attempts(rig, ehr, bool)
    assert (attempt.destination, attempt.port, attempt.pod) == ("10.20.0.13", 389, "")
    assert rig.driver.egress(lis) == ()
    assert eventually(lambda: len(contacts(rig, lis)) == 2)
    assert contacts(rig, lis) == {("ehr", "lis", "10.20.0.12:389", 2), ("ehr", "lis", "10.20.0.12:390", 1)}
    assert contacts(rig, ehr) == contacts(rig, lis)


def test_ipv6_and_an_application_without_an_address_work_too(rig: Rig) -> None:
    lis, desk, ehr = join(rig, "lis"), join(rig, "desk"), join(rig, "ehr")
    for address in ("10.20.0.12", "2001:db8:20::12"):
        serve(rig, lis, address, 389, "restored LIS")
        for caller in (ehr, desk):
            assert connect(rig, caller, address, 389) == "restored LIS"
    assert eventually(lambda: len(contacts(rig, lis)) == 4)
    assert contacts(rig, lis) == {
        (name, "lis", place, 1) for name in ("ehr", "desk") for place in ("10.20.0.12:389", "[2001:db8:20::12]:389")
    }
    assert rig.driver.egress(ehr) == rig.driver.egress(desk) == ()


def test_a_neighbour_that_is_not_there_refuses_at_once(rig: Rig) -> None:
    ehr = join(rig, "ehr")
    started = time.monotonic()
    for address in ("10.20.0.12", "2001:db8:20::12"):
        assert "refused" in connect(rig, ehr, address, 389), "not opened yet: as its host would, without the service"
    lis = join(rig, "lis")
    assert "refused" in connect(rig, ehr, "10.20.0.12", 389)
    assert rig.driver.destroy(lis).clean
    assert "refused" in connect(rig, ehr, "10.20.0.12", 389), "gone again"
    assert time.monotonic() - started < 40, "nobody waits for a time limit of TCP"
    assert rig.driver.egress(ehr) == ()


def test_everything_stays_apart_the_network_too(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    rig.shell(lis, "echo secret > /data/files/x; setsid sleep 77.5 >/dev/null 2>&1 &")
    assert "No such file" in rig.shell(ehr, "cat /data/files/x")
    assert "77.5" not in rig.shell(ehr, "cat /proc/*/cmdline | tr '\\0' ' '")
    kinds = ("pid", "mnt", "user", "ipc", "uts", "cgroup", "net")
    ours, theirs = (rig.driver._live[each.id].running.child for each in (ehr, lis))
    for kind in kinds:
        assert processes.namespace(ours, kind) not in {
            processes.namespace(theirs, kind),
            processes.namespace("self", kind),
        }


def test_a_cell_never_joins_the_pod(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    serve(rig, lis, "0.0.0.0", 5000, "restored LIS")
    cell = rig.driver.open_cell(ehr, RestoreOrder(argv=("true",)), ())
    assert "refused" in connect(rig, cell, "127.0.0.1", 5000)
    assert "unreachable" in connect(rig, cell, "10.20.0.12", 5000)
    assert "nameserver" not in rig.shell(cell, "cat /etc/resolv.conf /etc/hosts")
    assert "lis.hospital" not in rig.shell(cell, "cat /etc/hosts")


def test_every_sandbox_of_a_pod_is_proven_while_neighbours_run_and_they_are_not_disturbed(rig: Rig) -> None:
    lis = join(rig, "lis", sink_ports=(25,))
    assert rig.driver.prove(lis).holds
    serve(rig, lis, "0.0.0.0", 2575, "MLLP of the restored LIS")
    others = [join(rig, name) for name in ("ehr", "pacs", "desk")]
    with ThreadPoolExecutor(3) as pool:
        proofs = list(pool.map(rig.driver.prove, others))
    for proof in proofs:
        assert proof.holds, [each for each in proof.checks if each.outcome != "denied"]
        assert proof.denied == len(proof.checks) == 81
        assert proof.facts["known_interfaces"] == ["lo", "eth0"]
    assert rig.shell(lis, "cat /tmp/heard") == "", "nobody spoke to the neighbour"
    assert [rig.driver.egress(each) for each in (lis, *others)] == [()] * 4
    assert [rig.driver.neighbours(each) for each in (lis, *others)] == [()] * 4


def test_what_a_neighbour_sends_during_a_proof_is_kept(rig: Rig) -> None:
    lis, ehr = join(rig, "lis"), join(rig, "ehr")
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


def test_an_attempt_is_told_of_the_sandbox_that_made_it(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    connect(rig, ehr, "10.99.0.1", 443)
    connect(rig, lis, "10.99.0.2", 443)
    assert [each.destination for each in attempts(rig, ehr, bool)] == ["10.99.0.1"]
    assert [each.destination for each in attempts(rig, lis, bool)] == ["10.99.0.2"]


def test_a_sink_answers_for_the_outside_and_never_for_a_neighbour(rig: Rig) -> None:
    ehr = join(rig, "ehr")
    mllp = "import socket; p = socket.create_connection(('{}', 2575), timeout=60); p.sendall(b'\\x0bMSH|x\\x1c\\r'); print(p.recv(99))"
    assert "MSA|AA" in rig.shell(ehr, f'python3 -c "{mllp.format("10.30.0.1")}"'), "as production would"
    assert "MSA" not in rig.shell(ehr, f'python3 -c "{mllp.format(LIS.address)}"'), "it is for the LIS, once it is up"
    assert [each.destination for each in attempts(rig, ehr, bool)] == ["10.30.0.1"]
    lis = join(rig, "lis", sink_ports=(25,))
    serve(rig, lis, "10.20.0.12", 2575, "the restored LIS")
    assert connect(rig, ehr, "10.20.0.12", 2575) == "the restored LIS"


def test_an_answer_under_a_foreign_address_is_still_egress(rig: Rig) -> None:
    ehr = join(rig, "ehr")
    serve(rig, ehr, "0.0.0.0", 8080, "own web server")
    assert connect(rig, ehr, "ehr.hospital.example", 8080) == "own web server"
    assert connect(rig, ehr, "10.200.0.1", 8080) == "own web server", "every address of the world is here"
    assert [each.destination for each in attempts(rig, ehr, bool)] == ["10.200.0.1"]


def test_datagrams_between_neighbours_are_no_egress(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    rig.shell(
        lis,
        """cat > /tmp/echo.py <<'E'
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind(("10.20.0.12", 514)); print("ready", flush=True)
while True:
    data, sender = server.recvfrom(100); server.sendto(b"got " + data, sender)
E""",
    )
    assert rig.begin(lis, "python3 /tmp/echo.py") == "ready\n"
    said = rig.shell(
        ehr,
        """python3 - <<'E'
import socket
channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); channel.settimeout(60); channel.connect(("10.20.0.12", 514))
channel.send(b"log"); print(channel.recv(100)); channel.send(b"more"); print(channel.recv(100))
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"log", ("10.20.0.13", 514))
E""",
    )
    assert "got log" in said
    assert [each.destination for each in attempts(rig, ehr, bool)] == ["10.20.0.13"]
    assert contacts(rig, lis) == {("ehr", "lis", "udp 10.20.0.12:514", 1)}, "one conversation, and no call back"


# ---- names


def test_names_of_the_pod_resolve_and_others_are_recorded(rig: Rig) -> None:
    ehr = join(rig, "ehr")
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
