"""How a pod ends, which holes in one are found out, and that it needs no root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drp.errors import SandboxError
from drp.sandboxes.bubblewrap.arguments import Spec, arguments
from drp.sandboxes.bubblewrap.driver import BubblewrapSandbox
from drp.sandboxes.host import processes
from drp.sandboxes.network import pods
from drp.sandboxes.network.netns import Inside
from tests.support.descriptors import open_descriptors
from tests.support.fixtures_sandboxes import PREAMBLE, Rig, Worker, plain_user, profile
from tests.support.pods import attempts, connect, join, order, serve
from tests.support.waiting import eventually

pytestmark = pytest.mark.real


# ---- its end


def links(hub: Path) -> set[str]:
    """Names of the links at a hub, by what leads to its namespace."""
    show = ["nsenter", f"--net={hub}", "ip", "-brief", "link", "show", "type", "veth"]
    shown = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    return {line.split("@")[0] for line in shown.splitlines()}


def test_a_sandbox_takes_its_network_along_and_the_last_one_the_pod(rig: Rig) -> None:
    before = open_descriptors()
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    (pod,) = rig.driver._networks._pods.values()
    hub = Path(f"/proc/{os.getpid()}/fd/{pod.hub.descriptor}")
    assert len(links(hub)) == 2
    network = processes.namespace(rig.driver._live[ehr.id].running.child, "net")
    assert rig.driver.destroy(ehr).clean
    assert processes.in_namespace("net", network) == set()
    assert eventually(lambda: len(links(hub)) == 1), "its network is gone, and so is the link"
    serve(rig, lis, "10.20.0.12", 5000, "still here")
    connect(rig, lis, "10.99.0.2", 443)
    assert attempts(rig, lis, bool), "and the recorder still sees"
    again = join(rig, "ehr")
    assert connect(rig, again, "10.20.0.12", 5000) == "still here", "who left may come again"
    for each in (lis, again):
        assert rig.driver.destroy(each).clean
    assert rig.driver._networks._pods == {}
    assert eventually(lambda: not open_descriptors() - before)


def test_a_network_that_cannot_be_watched_is_not_left_behind(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    ehr = join(rig, "ehr")
    before = open_descriptors()

    held: list[int] = []

    def refuse(inside: Inside) -> None:
        held.append(os.dup(inside.namespace[0]))
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as broken:
        broken.setattr(pods, "EgressRecorder", refuse)
        with pytest.raises(SandboxError):
            join(rig, "lis")
    (pod,) = rig.driver._networks._pods.values()
    assert pod.members == {"ehr"}
    lis = join(rig, "lis")  # while the network before is still there: kernels end one when they come to it
    serve(rig, lis, "0.0.0.0", 5000, "joined in the end")
    assert connect(rig, ehr, "10.20.0.12", 5000) == "joined in the end"
    os.close(held.pop())
    assert connect(rig, ehr, "10.20.0.12", 5000) == "joined in the end"
    assert rig.driver.destroy(lis).clean
    assert eventually(lambda: not open_descriptors() - before)


def test_who_comes_again_is_reached_where_it_is_now(rig: Rig) -> None:
    """On IPv4 and IPv6, both ways, while the network that it had before goes on being there."""
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    network = rig.driver._live[lis.id].network
    assert network is not None
    held = os.dup(network.descriptor)
    try:
        serve(rig, lis, "0.0.0.0", 5000, "before")
        assert connect(rig, ehr, "10.20.0.12", 5000) == "before"
        assert rig.driver.destroy(lis).clean
        again = join(rig, "lis")
        serve(rig, again, "0.0.0.0", 5000, "now")
        assert connect(rig, ehr, "10.20.0.12", 5000) == "now"
        serve(rig, again, "2001:db8:20::12", 6000, "now by IPv6")
        assert connect(rig, ehr, "2001:db8:20::12", 6000) == "now by IPv6"
        serve(rig, ehr, "0.0.0.0", 7000, "answered")
        assert connect(rig, again, "10.20.0.11", 7000) == "answered"
    finally:
        os.close(held)


@pytest.mark.parametrize("who", ["recorder", "hub"])
def test_where_nobody_listens_any_more_nothing_is_said_not_to_have_been_sent(rig: Rig, who: str) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    network = rig.driver._live[ehr.id].network
    assert network is not None
    assert network.pod is not None
    assert rig.driver.egress(ehr) == ()
    listener = network.recorder if who == "recorder" else network.pod.hub
    channel = listener._inside.recorder
    assert channel is not None
    channel.close()
    assert eventually(lambda: not listener._hearing._thread.is_alive())
    with pytest.raises(SandboxError, match="by itself"):
        rig.driver.egress(ehr)
    if who == "hub":
        with pytest.raises(SandboxError, match="by itself"):
            rig.driver.neighbours(lis)
    else:
        assert rig.driver.egress(lis) == (), "the others' own recorders go on"
    for each in (ehr, lis):
        assert rig.driver.destroy(each).clean


def test_other_pods_are_other_networks(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), rig.driver.open(profile(), "test", order("lis", pod="drill-2"))
    serve(rig, lis, "0.0.0.0", 5000, "second pod")
    assert "refused" in connect(rig, ehr, "10.20.0.12", 5000)


def test_who_has_no_place_in_a_pod_is_refused(rig: Rig) -> None:
    join(rig, "ehr")
    for strange in (order("ehr"), replace(order("lis"), addresses=()), replace(order("lis"), application="other")):
        with pytest.raises(SandboxError, match="has no place in the pod"):
            rig.driver.open(profile(), "test", strange)
    join(rig, "lis")


def test_a_failed_start_leaves_no_pod(make_rig: Callable[..., Rig]) -> None:
    class Broken(BubblewrapSandbox):
        @staticmethod
        def options(spec: Spec, **descriptors: Any) -> list[str]:
            return [*arguments(spec, **descriptors), "--no-such-option"]

    rig = make_rig(Broken)
    with pytest.raises(Exception, match="did not start"):
        join(rig, "ehr")
    assert rig.driver._networks._pods == {}


DYING = """
from drp.domain.sandbox import SandboxOrder
from drp.sandboxes.host import processes
driver = BubblewrapSandbox(Path(sys.argv[1]), resolve=resolve)
orders = [SandboxOrder(pod="p", application=a, neighbours={b: ()}) for a, b in (("a", "b"), ("b", "a"))]
handles = [driver.open(profile(), "test", order) for order in orders]
(pod,) = driver._networks._pods.values()
say(networks=[processes.namespace(driver._live[each.id].running.child, "net") for each in handles], hub=pod.hub.descriptor)
time.sleep(100)
"""


def test_killing_drp_leaves_nothing_of_the_pod(start_worker: Callable[..., Worker], tmp_path: Path) -> None:
    worker = start_worker(DYING, str(tmp_path / "run"), wrap=False)
    said = worker.line()
    held = os.open(f"/proc/{worker.process.pid}/fd/{said['hub']}", os.O_RDONLY)  # so that its links can be looked at
    try:
        hub = Path(f"/proc/{os.getpid()}/fd/{held}")
        assert len(links(hub)) == 2
        assert all(processes.in_namespace("net", network) for network in said["networks"])
        worker.kill()
        assert eventually(lambda: not any(processes.in_namespace("net", network) for network in said["networks"]))
        assert eventually(lambda: links(hub) == set()), "both networks are gone: a link lives as long as both its ends"
    finally:
        os.close(held)
    from drp.sandboxes.host.reaper import reap

    reap(tmp_path / "run")


# ---- holes


def test_a_way_out_of_a_pods_network_is_found_out(rig: Rig) -> None:
    ehr = join(rig, "ehr")
    child = rig.driver._live[ehr.id].running.child
    name = f"drp{child % 100000}"
    subprocess.run(
        ["ip", "link", "add", name, "type", "veth", "peer", "name", "leak0", "netns", str(child)], check=True
    )
    try:
        proof = rig.driver.prove(ehr)
    finally:
        subprocess.run(["ip", "link", "delete", name], check=True)
    assert [each.id for each in proof.checks if each.outcome == "allowed"] == ["net.interfaces"]
    assert not proof.holds
    assert rig.driver.prove(ehr).holds


def test_abstract_sockets_of_host_and_neighbours_are_out_of_reach(rig: Rig) -> None:
    ehr, lis = join(rig, "ehr"), join(rig, "lis")
    script = "import socket; socket.socket(socket.AF_UNIX).connect('\\0drp-test-{}')"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0drp-test-host")
        listener.listen()
        assert "refused" in rig.shell(ehr, f'python3 -c "{script.format("host")}"')
    held = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0drp-test-pod'); s.listen(); print('held', flush=True); s.accept()"
    assert rig.begin(lis, f'python3 -c "{held}"', "held") == "held\n"
    assert rig.shell(lis, f'python3 -c "{script.format("pod")}"') == "", "it is there"
    assert rig.begin(lis, f'python3 -c "{held}"', "held") == "held\n"
    assert "refused" in rig.shell(ehr, f'python3 -c "{script.format("pod")}"')


# ---- without root

OUTSIDE = """
from drp.sandboxes.host.worker import worker_command
if sys.argv[1] == "outside":
    command = worker_command([sys.executable, "-c", sys.argv[2], "inside", *sys.argv[2:]])
    os.execvp(command[0], command)
"""
INSIDE = """
from drp.domain.application import ProductionAddress
from drp.domain.sandbox import SandboxOrder
enter_worker((), None)
driver = BubblewrapSandbox(Path(sys.argv[3]), resolve=resolve)
place = (ProductionAddress(address="10.20.0.12", names=("lis",)),)
lis = driver.open(profile(), "test", SandboxOrder(pod="p", application="lis", addresses=place, neighbours={"ehr": ()}))
ehr = driver.open(profile(), "test", SandboxOrder(pod="p", application="ehr", neighbours={"lis": place}))
server = "import socket; s = socket.create_server(('10.20.0.12', 104)); print('ready', flush=True)\\nwhile True: s.accept()[0].sendall(b'restored')"
driver.target(lis).run(["sh", "-c", "cat > /tmp/s.py"], stdin=server.encode())
sh(driver, lis, "setsid python3 /tmp/s.py > /tmp/out 2>&1 & while ! grep -q . /tmp/out; do sleep 0.01; done")
proof = driver.prove(ehr)
reach = "import socket; print(socket.create_connection(('lis', 104), timeout=60).recv(99).decode()); socket.create_connection(('10.9.9.9', 1), timeout=60)"
said = sh(driver, ehr, f'python3 -c "{reach}"')
next(n for n in range(6000) if driver.egress(ehr) or time.sleep(0.02))
say(holds=proof.holds, denied=proof.denied, said=said, contacts=[each.source for each in driver.neighbours(lis)], egress=[each.destination for each in driver.egress(ehr)],
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
    assert answer["contacts"] == ["ehr"]
    assert worker.line() == {"clean": [True, True]}
    assert shutil.which("ip")
