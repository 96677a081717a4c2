"""How a pod ends, which holes in one are found out, and that it needs no root."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drp.domain.sandbox import SandboxOrder
from drp.errors import NotIsolated
from drp.sandboxes import processes
from drp.sandboxes.arguments import Spec, arguments
from drp.sandboxes.bubblewrap import BubblewrapSandbox
from tests.support.fixtures_sandboxes import PREAMBLE, Rig, Worker, plain_user, profile
from tests.support.pods import attempts, connect, join, serve
from tests.support.waiting import eventually

pytestmark = pytest.mark.real


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
    assert eventually(lambda: not set(Path("/proc/self/fd").iterdir()) - before)


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
    assert eventually(lambda: not processes.in_namespace("net", network))
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
reach = "import socket; print(socket.create_connection(('lis', 104), timeout=60).recv(99).decode()); socket.create_connection(('10.9.9.9', 1), timeout=60)"
said = sh(driver, ehr, f'python3 -c "{reach}"')
next(n for n in range(6000) if driver.egress(ehr) or time.sleep(0.02))
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
