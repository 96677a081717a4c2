"""The isolation proof holds for our sandbox, and does not for one with a hole of any kind."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from drp.command import Process
from drp.domain.sandbox import ProbeCheck, SandboxOrder
from drp.errors import NotIsolated, SandboxError
from drp.sandboxes.bubblewrap import launch
from drp.sandboxes.bubblewrap.arguments import Spec, arguments
from drp.sandboxes.bubblewrap.driver import BubblewrapSandbox
from drp.sandboxes.host.identity import Identity
from drp.sandboxes.proof import isolation
from drp.sandboxes.proof.tripwire import NONCE, Tripwire
from tests.support.descriptors import open_descriptors
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.waiting import eventually

pytestmark = pytest.mark.real


def test_every_way_out_is_denied(rig: Rig) -> None:
    handle = rig.open()
    proof = rig.driver.prove(handle)
    assert proof.holds, [each for each in proof.checks if each.outcome != "denied"]
    assert proof.control_reached >= 20
    assert proof.denied == len(proof.checks)
    assert proof.facts["CapEff"] == "0" * 16
    assert proof.facts["NoNewPrivs"] == "1"
    assert proof.facts["Seccomp"] == "2"
    caught = next(each for each in proof.checks if each.id == "net.mllp:production")
    assert "caught by the egress recorder" in caught.detail
    assert rig.driver.egress(handle) == (), "the probe's own attempts are no egress"


def test_in_a_worker_all_ways_out_are_denied_and_the_control_reaches_every_host(
    start_worker: Callable[..., Any], tmp_path: Path
) -> None:
    worker = start_worker(
        """
enter_worker((), None)
driver = BubblewrapSandbox(Path(sys.argv[1]), resolve=resolve)
handle = driver.open(profile(), "test")
proof = driver.prove(handle)
say(denied=proof.denied, total=len(proof.checks), holds=proof.holds, missed=proof.control_missed, ms=proof.duration_ms,
    hosts=proof.facts["canary_hosts"], residue=driver.destroy(handle).clean)
""",
        str(tmp_path / "run"),
    )
    answer = worker.line()
    assert answer["holds"]
    assert (answer["denied"], answer["total"]) == (81, 81)
    assert answer["hosts"] == ["127.0.0.1", "192.0.2.2", "::1", "fd00::2"]
    assert answer["missed"] == []
    assert answer["residue"]


# Each hole: what is wrong with bubblewrap's options, and the checks that must notice.


def host_processes(options: list[str]) -> list[str]:
    place = options.index("--proc")
    return [*options[:place], "--ro-bind", "/proc", "/proc", *options[place + 2 :]]


def shared_processes(options: list[str]) -> list[str]:
    return [option for option in host_processes(options) if option not in {"--unshare-pid", "--as-pid-1"}]


def no_filter(options: list[str]) -> list[str]:
    place = options.index("--seccomp")
    return options[:place] + options[place + 2 :]


def host_files(options: list[str]) -> list[str]:
    place = options.index("--remount-ro")
    home = str(Path(options[options.index("/data") - 1]).parents[1])
    return [*options[:place], "--bind", home, home, *options[place:]]


def foreign_place(options: list[str]) -> list[str]:
    place = options.index("--remount-ro")
    return [*options[:place], "--ro-bind", "/", "/mnt", *options[place:]]


def writable_root(options: list[str]) -> list[str]:
    place = len(options) - options[::-1].index("--remount-ro") - 1
    return options[:place] + options[place + 2 :]


HOLES: dict[str, tuple[Callable[[list[str]], list[str]], set[str]]] = {
    "processes": (host_processes, {"proc.visible"}),
    "process numbers": (shared_processes, {"proc.visible", "proc.kill"}),
    "filter": (no_filter, {"net.af_vsock", "kernel.io_uring", "kernel.keyctl", "kernel.userfaultfd"}),
    "a place of the host": (foreign_place, {"fs.foreign:/mnt"}),
    "a writable root": (writable_root, {"fs.writable:/"}),
    "files": (
        host_files,
        {"unix.path", "fs.read:/canary/secret", "repo.overwrite", "repo.create", "repo.rename", "repo.chmod"},
    ),
}


@pytest.mark.parametrize("name", HOLES)
def test_a_driver_with_a_hole_is_found_out(make_rig: Callable[..., Rig], name: str) -> None:
    hole, noticed = HOLES[name]

    class Leaking(BubblewrapSandbox):
        @staticmethod
        def options(spec: Spec, **descriptors: Any) -> list[str]:
            return hole(arguments(spec, **descriptors))

    rig = make_rig(Leaking)
    proof = rig.driver.prove(rig.open())
    assert not proof.holds
    assert noticed <= {each.id for each in proof.checks if each.outcome == "allowed"}
    if name == "files":
        assert proof.canary_hits > 0
        assert not proof.canary_intact


def test_a_leaking_environment_is_found_out(make_rig: Callable[..., Rig]) -> None:
    class Leaking(BubblewrapSandbox):
        @staticmethod
        def options(spec: Spec, **descriptors: Any) -> list[str]:
            return [*arguments(spec, **descriptors), "--setenv", "LEAK", NONCE]

    proof = make_rig(Leaking).driver
    handle = proof.open(profile(), "leak")
    assert [each.id for each in proof.prove(handle).checks if each.outcome == "allowed"] == ["leak.environ"]


def test_a_driver_that_hands_its_environment_on_is_found_out(make_rig: Callable[..., Rig]) -> None:
    class Leaking(BubblewrapSandbox):
        @staticmethod
        def options(spec: Spec, **descriptors: Any) -> list[str]:
            passed = [part for name, value in os.environ.items() for part in ("--setenv", name, value)]
            return [*arguments(spec, **descriptors), *passed]

    driver = make_rig(Leaking).driver
    proof = driver.prove(driver.open(profile(), "leak"))
    assert "leak.environ" in {each.id for each in proof.checks if each.outcome == "allowed"}


def test_uid_0_of_the_host_is_never_used(make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(BubblewrapSandbox):
        def _spec(self, *parts: Any) -> Spec:
            return dataclasses.replace(super()._spec(*parts), identity=Identity(uid=0))

    with pytest.raises(NotIsolated, match="uid 0"):
        make_rig(Careless).open()
    monkeypatch.setattr(launch, "_refuse_root", lambda _identity: None)
    driver = make_rig(Careless).driver
    proof = driver.prove(driver.open(profile(), "leak"))
    assert "kernel.write:/proc/sys/kernel/core_pattern" in {
        each.id for each in proof.checks if each.outcome == "allowed"
    }


def test_several_proofs_at_once(rig: Rig) -> None:
    handles = [rig.open() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert all(proof.holds for proof in pool.map(rig.driver.prove, handles))


def test_a_leaking_descriptor_is_found_out(rig: Rig) -> None:
    handle = rig.open()
    foreign = "import os, time; os.write(os.memfd_create('x'), b'x'); print('held', flush=True); time.sleep(100)"
    assert rig.begin(handle, f'python3 -c "{foreign}"', "held") == "held\n"
    assert [each.id for each in rig.driver.prove(handle).checks if each.outcome == "allowed"] == ["leak.fd-reopen"]


@pytest.mark.parametrize("order", [SandboxOrder(), SandboxOrder(pod="p", application="a")], ids=["alone", "in a pod"])
def test_a_sandbox_on_the_hosts_network_is_refused_and_would_be_found_out(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, order: SandboxOrder
) -> None:
    monkeypatch.setattr(launch, "_join", lambda _network: [])
    with pytest.raises(NotIsolated, match="not in the network that was made for it"):
        make_rig().driver.open(profile(), "leak", order)

    class Careless(BubblewrapSandbox):
        def _require_network(self, *_: Any) -> None:
            pass

    driver = make_rig(Careless).driver
    proof = driver.prove(driver.open(profile(), "leak", order))
    assert not proof.holds
    assert proof.canary_hits > 0
    assert {"net.tcp:127.0.0.1", "net.udp:127.0.0.1", "net.dns-udp:127.0.0.1", "unix.abstract"} <= {
        each.id for each in proof.checks if each.outcome == "allowed"
    }


def test_a_probe_that_could_not_reach_anything_outside_proves_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "_outside", lambda *_: b'{"checks": [], "facts": {}}')
    proof = rig.driver.prove(rig.open())
    assert proof.allowed == 0
    assert not proof.holds
    assert "unix.path" in proof.control_missed


def test_checks_that_the_probe_leaves_out_inside_count_as_errors(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        isolation,
        "_inside",
        lambda *_: b'{"checks": [{"id":"a","kind":"b","outcome":"denied","detail":""}], "facts": {}}',
    )
    proof = rig.driver.prove(rig.open())
    assert proof.errors > 20
    assert not proof.holds


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"checks": 3}', b'{"checks": [{}], "facts": {}}', b"[" * 100_000])
def test_an_unreadable_answer_is_an_error(rig: Rig, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    monkeypatch.setattr(isolation, "_inside", lambda *_: answer)
    with pytest.raises(SandboxError, match="no readable answer"):
        rig.driver.prove(rig.open())


def test_production_that_answers_and_was_not_caught_is_a_leak() -> None:
    check = ProbeCheck(id="net.mllp:production", kind="net", outcome="allowed", detail="connected")
    where = {check.id: ("10.1.2.3", 2575)}
    assert isolation._judge(check, where, lambda _host, _port: False).outcome == "allowed"
    assert isolation._judge(check, where, lambda host, port: (host, port) == ("10.1.2.3", 2575)).outcome == "denied"


def test_a_tripwire_that_cannot_be_set_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_descriptors()
    started: list[Process] = []
    real = Tripwire._start_decoy
    monkeypatch.setattr(Tripwire, "_start_decoy", lambda self: started.append(real(self)) or started[-1])

    def fail(_: Tripwire) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Tripwire, "_measure", fail)
    with pytest.raises(OSError, match="Input/output"):
        Tripwire(tmp_path, 64001, hosts=("127.0.0.1",))
    assert started[0].poll() is not None
    assert list(tmp_path.iterdir()) == []
    assert eventually(lambda: not open_descriptors() - before)


def test_a_tripwire_notices_damage_and_visitors(tmp_path: Path) -> None:
    tripwire = Tripwire(tmp_path, 64001, hosts=("127.0.0.1",))
    try:
        assert tripwire.intact()
        (tripwire.directory / "repository" / "chunk0").write_bytes(b"encrypted")
        assert not tripwire.intact()
        tripwire.rearm()
        (tripwire.directory / "repository" / "chunk1").unlink()
        assert not tripwire.intact(), "gone is not intact"
        shutil.rmtree(tripwire.directory / "repository")
        assert not tripwire.intact(), "nor is it where there is nothing to measure"
        (tripwire.directory / "repository").mkdir()
        (tripwire.directory / "repository" / "chunk0").touch()
        tripwire.rearm()
        assert tripwire.intact()
        assert tripwire._decoy is not None
        tripwire._decoy.kill()
        tripwire._decoy.wait()
        assert not tripwire.intact()
        with socket.create_connection(("127.0.0.1", tripwire.targets["tcp_port"])) as peer:
            peer.sendall(b"hello")
            peer.recv(64)
        assert tripwire.hits() == 1
    finally:
        tripwire.close()
    assert not tripwire.directory.exists()
