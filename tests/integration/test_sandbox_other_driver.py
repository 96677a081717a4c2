"""A driver of another package, which shares no code of bubblewrap's, isolates as well, and its proof tells when not."""

from __future__ import annotations

import importlib
import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drp.domain.restore import RestoreOrder
from drp.domain.sandbox import SandboxHandle
from drp.errors import NotIsolated, SandboxError
from drp.sandboxes import registry
from drp.sandboxes.host import layout, mounts, processes
from drp.sandboxes.host.identity import Identity
from drp.sandboxes.registry import Sandboxes
from tests.integration.test_sandbox_identity import INSIDE, ROOTLESS
from tests.integration.test_sandbox_witness import CALL, restored
from tests.support.fixtures_sandboxes import (
    DRIVERS,
    PREAMBLE,
    Rig,
    Worker,
    plain_user,
    profile,
    resolve,
    user_with_sub_ids,
)
from tests.support.waiting import eventually

pytestmark = pytest.mark.real
MAKE = "import bare_namespaces.sandbox\nBubblewrapSandbox = bare_namespaces.sandbox.BareSandbox\n"


@pytest.fixture
def rig(make_rig: Callable[..., Rig], other_driver: str) -> Rig:
    return make_rig(registry.driver(other_driver).create, gateway=None)


def test_it_imports_nothing_of_the_default_driver() -> None:
    sources = [path.read_text() for path in DRIVERS.rglob("*.py")]
    assert len(sources) > 3
    assert not any("drp.sandboxes.bubblewrap" in source or "bwrap" in source for source in sources)


@pytest.mark.parametrize("identity", ["single", "range"])
def test_each_cell_sees_what_it_may_and_is_out_of_reach(rig: Rig, identity: str) -> None:
    handle = restored(rig, identity)
    reader, caller = rig.driver.open_reader(handle), rig.driver.open_caller(handle)
    cell = rig.driver.open_cell(handle, RestoreOrder(argv=("true",)), ())
    for each in (reader, caller):
        assert rig.shell(each, "cat /data/files/ehr/patients") == "two\n"
        for change in ("touch /data/files/ehr/x", "rm -rf /data/files/ehr", "chmod 777 /data/files/ehr"):
            assert rig.driver.target(each).run(["/bin/sh", "-c", change]).exit_code != 0
    called = [rig.driver.target(each).run(["python3", "-c", CALL]).stdout.decode().split() for each in (reader, caller)]
    assert called[0][0] == "ConnectionRefusedError", "its loopback is its own"
    assert called[1] == ["restored", "restored"]
    for each in (reader, caller) if identity == "single" else (handle, cell):
        proof = rig.driver.prove(each)
        leaks = [check.id for check in proof.checks if check.outcome == "allowed"]
        assert leaks == []
        assert proof.canary_hits == 0
        assert proof.canary_intact
    assert rig.driver.egress(handle) == ()
    asleep = "setsid sleep 300 > /dev/null 2>&1 < /dev/null & echo up"
    assert rig.shell(reader, asleep) == rig.shell(caller, asleep) == "up\n"
    inside = {each.id: processes.in_pid_namespace(namespace_of(rig, each)) for each in (reader, caller)}
    with pytest.raises(SandboxError):  # it has killed its own agent too
        rig.driver.target(handle).run(["python3", "-c", "import os; os.kill(-1, 9)"])
    for each in (reader, caller):
        assert processes.in_pid_namespace(namespace_of(rig, each)) == inside[each.id]
        assert rig.driver.destroy(each).clean
    assert rig.driver.destroy(handle).clean
    assert rig.driver.destroy(cell).clean


def namespace_of(rig: Rig, handle: SandboxHandle) -> str:
    namespace: str = rig.driver._live[handle.id].running.pid_namespace
    return namespace


@pytest.mark.parametrize("identity", ["single", "range"])
def test_a_plain_user_has_it_too(
    start_worker: Callable[..., Worker], open_directory: Path, tmp_path: Path, identity: str
) -> None:
    prefix = user_with_sub_ids(tmp_path) if identity == "range" else plain_user(41234)
    said = start_worker(
        ROOTLESS, "outside", identity, PREAMBLE + MAKE + INSIDE, str(open_directory), prefix=prefix
    ).line()
    assert (said.get("holds"), said.get("denied")) == (True, 81), said
    assert (said["who"], said["processes"], said["clean"]) == ("999", "128", True)
    assert said["egress"] == ["10.1.1.1"]
    assert said["seen"] == ("105:106" if identity == "range" else "999:999")
    assert said["full"]


HOLES: dict[str, tuple[str, Callable[..., Any], set[str]]] = {
    "filter": (
        "_filter",
        lambda _wanted: struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF0000),
        {"net.af_vsock", "kernel.io_uring", "kernel.keyctl", "kernel.userfaultfd"},
    ),
    "a place of the host": ("_system", lambda: {"/usr/share": "/mnt"}, {"fs.foreign:/mnt"}),
}


@pytest.mark.parametrize("name", HOLES)
def test_where_it_is_weaker_its_proof_says_so(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    part, hole, noticed = HOLES[name]
    monkeypatch.setattr(importlib.import_module("bare_namespaces.launch"), part, hole)
    proof = rig.driver.prove(rig.open())
    assert not proof.holds
    assert noticed <= {each.id for each in proof.checks if each.outcome == "allowed"}


def test_neither_the_hosts_root_nor_another_network_is_taken(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    port = importlib.import_module("bare_namespaces.sandbox")
    whole = port.launch
    monkeypatch.setattr(port, "launch", lambda wanted, *rest: whole(replace(wanted, network=-1), *rest))
    with pytest.raises(NotIsolated, match="not in the network that was made for it"):
        rig.open()
    monkeypatch.setattr(port, "identity_for", lambda *_: Identity(uid=0))
    with pytest.raises(NotIsolated, match="uid 0"):
        rig.open()
    home = layout.home(rig.run_directory)
    assert mounts.below(home) == ()
    assert list(layout.entries(home)) == []


LIVE = """
driver = BubblewrapSandbox(Path(sys.argv[1]), resolve=resolve)
handle = driver.open(profile(), "test")
sh(driver, handle, "setsid sleep 4711 >/dev/null 2>&1 &")
say(id=handle.id, inside=driver._live[handle.id].running.pid_namespace)
time.sleep(1000)
"""


def test_what_a_crash_left_is_removed_by_its_own_driver(
    start_worker: Callable[..., Worker], rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start_worker(PREAMBLE + MAKE + LIVE, str(rig.run_directory), wrap=False)
    live = worker.line()
    assert processes.in_pid_namespace(live["inside"])
    worker.kill()
    assert eventually(lambda: not processes.in_pid_namespace(live["inside"])), "the lifeline ended it"
    with monkeypatch.context() as gone:
        gone.setattr(sys, "path", [each for each in sys.path if each != str(DRIVERS)])
        (left,) = registry.reap(rig.run_directory)
        assert (left.id, "no sandbox driver is called bare-namespaces" in left.left) == (live["id"], True)
    found: list[str] = []
    assert eventually(lambda: found.extend(each.id for each in registry.reap(rig.run_directory)) or found)
    assert found == [live["id"]]
    assert mounts.below(layout.home(rig.run_directory)) == ()


def test_a_site_has_sandboxes_of_both(rig: Rig) -> None:
    port = Sandboxes(rig.run_directory, resolve=resolve)
    handles = [port.open(profile(driver=name), "test") for name in ("bubblewrap", "bare-namespaces")]
    assert [each.driver for each in handles] == ["bubblewrap", "bare-namespaces"]
    assert [port.target(each).run(["id", "-u"]).stdout for each in handles] == [b"999\n"] * 2
    assert all(port.prove(each).holds for each in handles)
    assert all(port.destroy(each).clean for each in handles)
