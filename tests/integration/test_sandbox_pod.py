"""A pod: sandboxes that find one another under their production addresses and names, and together reach nothing else."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from drp.domain.application import ProductionAddress
from drp.domain.restore import RestoreOrder
from drp.domain.sandbox import EgressAttempt, SandboxHandle, SandboxOrder
from drp.errors import NotIsolated
from drp.sandboxes import processes
from drp.sandboxes.arguments import Spec, arguments
from drp.sandboxes.bubblewrap import BubblewrapSandbox
from tests.support.fixtures_sandboxes import PREAMBLE, Rig, Worker, plain_user, profile

pytestmark = pytest.mark.real

EHR = ProductionAddress(address="10.20.0.11", names=("ehr.hospital.example", "ehr"))
LIS = ProductionAddress(address="10.20.0.12", names=("lis.hospital.example",))
POD = SandboxOrder(pod="drill-1", addresses=(EHR, LIS))

SERVE = """
import socket, sys, threading
address, port, words = sys.argv[1], int(sys.argv[2]), sys.argv[3]
server = socket.create_server((address, port))
heard = open("/tmp/heard", "ab", buffering=0)
def serve(peer):
    with peer:
        peer.sendall(words.encode())
        peer.settimeout(5)
        try: heard.write(peer.recv(4096) or b"<nothing>")
        except OSError: heard.write(b"<error>")
print("ready", flush=True)
while True: threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


def join(rig: Rig, **changes: Any) -> SandboxHandle:
    return rig.driver.open(profile(**changes), "test", POD)


def serve(rig: Rig, handle: SandboxHandle, address: str, port: int, words: str) -> None:
    rig.driver.target(handle).run(["sh", "-c", "cat > /tmp/serve.py"], stdin=SERVE.encode())
    started = f"setsid python3 /tmp/serve.py {address} {port} '{words}' > /tmp/out 2>&1 & "
    said = rig.shell(
        handle, started + "for n in $(seq 300); do grep -q . /tmp/out && break; sleep 0.01; done; cat /tmp/out"
    )
    assert said == "ready\n", said


def connect(rig: Rig, handle: SandboxHandle, host: str, port: int) -> str:
    script = f"import socket; print(socket.create_connection(('{host}', {port}), timeout=3).recv(100).decode())"
    return rig.shell(handle, f'python3 -c "{script}" 2>&1 | tail -n 1').strip()


def attempts(
    rig: Rig, handle: SandboxHandle, enough: Callable[[tuple[EgressAttempt, ...]], bool]
) -> tuple[EgressAttempt, ...]:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not enough(rig.driver.egress(handle)):
        time.sleep(0.02)
    return rig.driver.egress(handle)


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
    rig.shell(lis, "echo secret > /data/restore/x; setsid sleep 77.5 >/dev/null 2>&1 &")
    assert "No such file" in rig.shell(ehr, "cat /data/restore/x")
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
    try: socket.create_connection(("10.77.0.1", 40000 + number), timeout=1)
    except OSError: pass
    open("/tmp/count", "w").write(str(number)); time.sleep(0.02)
E
setsid python3 /tmp/loop.py > /dev/null 2>&1 &""",
    )
    assert rig.driver.prove(ehr).holds
    rig.shell(lis, "kill $(pgrep -f loop.py)")
    sent = int(rig.shell(lis, "cat /tmp/count"))
    seen = attempts(rig, lis, lambda found: len(found) >= sent)
    assert sent > 3
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
    mllp = "import socket; p = socket.create_connection(('{}', 2575), timeout=3); p.sendall(b'\\x0bMSH|x\\x1c\\r'); print(p.recv(99))"
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
    for name in ("Billing.hospital.example", "localhost", "sandbox", "billing.hospital.example"):
        rig.shell(ehr, f"getent hosts {name}; python3 -c \"import socket; socket.getaddrinfo('{name}', 443)\"")
    assert time.monotonic() - started < 5, "the answer comes at once"
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


# ---- its end


def test_the_last_sandbox_takes_the_pod_along(rig: Rig) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    ehr, lis = join(rig), join(rig)
    network = processes.namespace(rig.driver._live[ehr.id].running.child, "net")
    assert rig.driver.destroy(ehr).clean
    assert processes.in_namespace("net", network)
    serve(rig, lis, "10.20.0.12", 5000, "still here")
    connect(rig, lis, "10.99.0.2", 443)
    assert attempts(rig, lis, bool), "and the recorder still sees"
    assert rig.driver.destroy(lis).clean
    assert processes.in_namespace("net", network) == set()
    assert rig.driver._pods._pods == {}
    time.sleep(0.05)
    assert len(set(Path("/proc/self/fd").iterdir()) - before) == 0


def test_other_pods_are_other_networks(rig: Rig) -> None:
    ehr = join(rig)
    other = rig.driver.open(profile(), "test", SandboxOrder(pod="drill-2"))
    serve(rig, ehr, "0.0.0.0", 5000, "first pod")
    assert "refused" in connect(rig, other, "10.20.0.11", 5000)


def test_a_failed_start_leaves_no_pod(make_rig: Callable[..., Rig]) -> None:
    class Broken(BubblewrapSandbox):
        @staticmethod
        def options(spec: Spec, **descriptors: Any) -> list[str]:
            return [*arguments(spec, **descriptors), "--no-such-option"]

    rig = make_rig(Broken)
    with pytest.raises(Exception, match="did not start"):
        join(rig)
    assert rig.driver._pods._pods == {}


DYING = """
from drp.domain.sandbox import SandboxOrder
from drp.sandboxes import processes
driver = BubblewrapSandbox(Path(sys.argv[1]), resolve=resolve)
handles = [driver.open(profile(), "test", SandboxOrder(pod="p")) for _ in range(2)]
say(network=processes.namespace(driver._live[handles[0].id].running.child, "net"))
time.sleep(100)
"""


def test_killing_drp_leaves_nothing_of_the_pod(start_worker: Callable[..., Worker], tmp_path: Path) -> None:
    worker = start_worker(DYING, str(tmp_path / "run"), wrap=False)
    network = worker.line()["network"]
    assert processes.in_namespace("net", network)
    worker.kill()
    deadline = time.monotonic() + 10
    while processes.in_namespace("net", network) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes.in_namespace("net", network) == set()
    from drp.sandboxes.reaper import reap

    reap(tmp_path / "run")


# ---- holes


def test_a_sandbox_of_a_pod_on_the_hosts_network_is_refused_and_would_be_found_out(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    from drp.sandboxes import launch

    monkeypatch.setattr(launch, "_join", lambda _network: [])
    rig = make_rig()
    with pytest.raises(NotIsolated, match="not in the network of its pod"):
        join(rig)

    class Careless(BubblewrapSandbox):
        def _require_pod(self, *_: Any) -> None:
            pass

    rig = make_rig(Careless)
    proof = rig.driver.prove(join(rig))
    assert not proof.holds
    assert {"net.tcp:127.0.0.1", "net.udp:127.0.0.1", "unix.abstract"} <= {
        each.id for each in proof.checks if each.outcome == "allowed"
    }


def test_a_way_out_of_a_pods_network_is_found_out(rig: Rig) -> None:
    ehr = join(rig)
    child = rig.driver._live[ehr.id].running.child
    name = f"drp{child % 100000}"
    subprocess.run(
        ["ip", "link", "add", name, "type", "veth", "peer", "name", "leak0", "netns", str(child)], check=True
    )
    try:
        proof = rig.driver.prove(join(rig))
    finally:
        subprocess.run(["ip", "link", "delete", name], check=True)
    assert [each.id for each in proof.checks if each.outcome == "allowed"] == ["net.interfaces"]
    assert not proof.holds


def test_abstract_sockets_of_the_host_are_out_of_reach_and_of_neighbours_are_not(rig: Rig) -> None:
    ehr, lis = join(rig), join(rig)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0drp-test-host")
        listener.listen()
        script = "import socket; socket.socket(socket.AF_UNIX).connect('\\0drp-test-{}')"
        assert "refused" in rig.shell(ehr, f'python3 -c "{script.format("host")}"')
    held = (
        "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('\\0drp-test-pod'); s.listen(); time.sleep(9)"
    )
    rig.shell(lis, f'setsid python3 -c "{held}" >/dev/null 2>&1 & sleep 0.5')
    assert rig.shell(ehr, f'python3 -c "{script.format("pod")}"') == ""


# ---- without root

OUTSIDE = """
from drp.sandboxes.worker import worker_command
if sys.argv[1] == "outside":
    command = worker_command([sys.executable, "-c", sys.argv[2], "inside", *sys.argv[2:]])
    os.execvp(command[0], command)
"""
INSIDE = """
from drp.domain.application import ProductionAddress
from drp.domain.sandbox import SandboxOrder
enter_worker((), None)
driver = BubblewrapSandbox(Path(sys.argv[3]), resolve=resolve)
order = SandboxOrder(pod="p", addresses=(ProductionAddress(address="10.20.0.12", names=("lis",)),))
lis, ehr = (driver.open(profile(), "test", order) for _ in range(2))
server = "import socket; s = socket.create_server(('10.20.0.12', 104)); print('ready', flush=True)\\nwhile True: s.accept()[0].sendall(b'restored')"
driver.target(lis).run(["sh", "-c", "cat > /tmp/s.py"], stdin=server.encode())
sh(driver, lis, "setsid python3 /tmp/s.py > /tmp/out 2>&1 & while ! grep -q . /tmp/out; do sleep 0.01; done")
proof = driver.prove(ehr)
reach = "import socket; print(socket.create_connection(('lis', 104), timeout=3).recv(99).decode()); socket.create_connection(('10.9.9.9', 1), timeout=3)"
said = sh(driver, ehr, f'python3 -c "{reach}"')
time.sleep(0.3)
say(holds=proof.holds, denied=proof.denied, said=said, egress=[each.destination for each in driver.egress(ehr)],
    wrong=[each.id for each in proof.checks if each.outcome != "denied"])
say(clean=[driver.destroy(each).clean for each in (lis, ehr)])
"""


def test_a_plain_user_has_pods_too(start_worker: Callable[..., Worker], open_directory: Path) -> None:
    script = PREAMBLE + INSIDE
    worker = start_worker(OUTSIDE, "outside", script, str(open_directory), prefix=plain_user(41237))
    answer = worker.line()
    assert answer["holds"], answer["wrong"]
    assert answer["denied"] == 81
    assert answer["said"].startswith("restored\n")
    assert answer["egress"] == ["10.9.9.9"]
    assert worker.line() == {"clean": [True, True]}
    assert shutil.which("ip")
