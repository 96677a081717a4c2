"""The restore cell: its repository and nothing else; its secrets, and nobody else's."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drp.domain.restore import CellSecret, RestoreOrder, SecretReference
from drp.domain.sandbox import SandboxHandle
from drp.errors import SandboxError
from drp.sandboxes.client import AgentClient
from drp.sandboxes.network.gateway import Gateway, GatewayClient
from tests.support.fixtures_sandboxes import Rig

pytestmark = pytest.mark.real


@pytest.fixture
def servers() -> Iterator[tuple[int, int]]:
    """Two servers on the host's loopback that answer with their own port and then whatever they are sent."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=(peer,), daemon=True).start()

    def echo(peer: socket.socket) -> None:
        with peer:
            peer.sendall(b"%d\n" % peer.getsockname()[1])
            while data := peer.recv(1 << 16):
                peer.sendall(data)

    for listener in listeners:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
    yield listeners[0].getsockname()[1], listeners[1].getsockname()[1]
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def gateway(servers: tuple[int, int]) -> Iterator[GatewayClient]:
    with Gateway.start([("127.0.0.1", servers[0]), ("localhost", servers[0])]) as running:
        client = GatewayClient(os.dup(running.fd))
        yield client
        client.close()


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Path]:
    """A file system as containers have it for their root."""
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    layers = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, tmp_path / "merged"], check=True)
    yield tmp_path / "merged"
    subprocess.run(["umount", "--lazy", tmp_path / "merged"], check=True)


def cell_shell(rig: Rig, cell: SandboxHandle, script: str) -> str:
    return rig.shell(cell, script)


TALK = """python3 -c '
import socket, sys
try:
    peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
    print("answer", peer.recv(64).decode().strip())
except OSError as error: print("refused", error)
' """


def test_the_cell_reaches_its_endpoint_and_nothing_else(
    make_rig: Callable[..., Rig], gateway: GatewayClient, servers: tuple[int, int]
) -> None:
    rig = make_rig(gateway=gateway)
    handle = rig.open()
    cell = rig.driver.open_cell(handle, RestoreOrder(argv=("true",), endpoint=("127.0.0.1", servers[0])), ())
    assert f"answer {servers[0]}" in rig.shell(cell, f"{TALK} 127.0.0.1 {servers[0]}")
    assert "refused" in rig.shell(cell, f"{TALK} 127.0.0.1 {servers[1]}")
    assert "refused" in rig.shell(cell, f"{TALK} 10.20.30.40 443")
    assert "refused" in rig.shell(handle, f"{TALK} 127.0.0.1 {servers[0]}"), "the run sandbox has no endpoint"
    assert gateway.counts()["1"]["connections"] == 1
    assert rig.driver.destroy(cell).clean
    assert rig.driver.destroy(handle).clean


def test_bulk_passes_untouched(make_rig: Callable[..., Rig], gateway: GatewayClient, servers: tuple[int, int]) -> None:
    rig = make_rig(gateway=gateway)
    cell = rig.driver.open_cell(rig.open(), RestoreOrder(argv=("true",), endpoint=("127.0.0.1", servers[0])), ())
    answer = rig.shell(
        cell,
        f"""python3 - <<'E'
import hashlib, os, socket, threading
data = os.urandom(16 << 20)
peer = socket.create_connection(("127.0.0.1", {servers[0]}), timeout=20)
stream = peer.makefile("rb"); stream.readline()
def send(): peer.sendall(data); peer.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
print(stream.read() == data)
E""",
    )
    assert answer.strip() == "True"
    assert gateway.counts()["1"]["down"] > 16 << 20


def test_a_named_endpoint_is_found_by_its_name(
    make_rig: Callable[..., Rig], servers: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Gateway.start([("localhost", servers[0]), ("backup.hospital.example", 443)]) as running:
        client = GatewayClient(os.dup(running.fd))
        rig = make_rig(gateway=client)
        handle = rig.open()
        cell = rig.driver.open_cell(handle, RestoreOrder(argv=("x",), endpoint=("localhost", servers[0])), ())
        assert f"answer {servers[0]}" in rig.shell(cell, f"{TALK} localhost {servers[0]}")
        named = rig.driver.open_cell(handle, RestoreOrder(argv=("x",), endpoint=("backup.hospital.example", 443)), ())
        hosts = rig.shell(named, "cat /etc/hosts; getent hosts backup.hospital.example")
        assert hosts.count("127.77.0.1") == 2
        literal = RestoreOrder(argv=("x",), endpoint=("10.1.2.3", 443))
        with pytest.raises(SandboxError, match="not on the list"):
            rig.driver.open_cell(handle, literal, ())
        client.close()


def test_without_a_gateway_a_network_endpoint_is_refused(rig: Rig) -> None:
    with pytest.raises(SandboxError, match="gateway"):
        rig.driver.open_cell(rig.open(), RestoreOrder(argv=("x",), endpoint=("127.0.0.1", 9)), ())


def test_secrets_reach_one_command_by_descriptor_only(rig: Rig) -> None:
    handle = rig.open()
    reference = SecretReference(kind="file", value=("canary-password-4711",))
    secret = CellSecret(name="password", template="user:{0}", references=(reference,))
    cell = rig.driver.open_cell(handle, RestoreOrder(argv=("true",)), [secret])
    client = AgentClient(cell.control_socket)
    value = client.exec(["/bin/sh", "-c", 'cat "$RESTIC_PASSWORD_FILE"'], secrets={"RESTIC_PASSWORD_FILE": "password"})
    assert value.stdout == b"user:resolved:canary-password-4711"
    again = client.exec(["/bin/sh", "-c", 'cat "$P"; cat "$P"'], secrets={"P": "password"})
    assert again.stdout.count(b"canary-password") == 2
    sealed = client.exec(["/bin/sh", "-c", 'echo evil > "$P"'], secrets={"P": "password"})
    assert sealed.exit_code != 0
    looked = "cat /proc/*/environ /proc/*/cmdline /proc/[0-9]*/fd/* 2>/dev/null </dev/null"
    for place in (cell, handle):
        assert "canary-password-4711" not in rig.shell(place, f"timeout 2 sh -c '{looked}'")
    unknown = client.exec(["true"], secrets={"P": "nope"})
    assert unknown.exit_code == 127


def test_a_closed_repository_of_files_is_readable_in_the_cell_and_only_there(rig: Rig, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "data").mkdir(parents=True)
    (repository / "data" / "pack").write_text("pack")
    (repository / "data" / "pack").chmod(0o400)
    repository.chmod(0o700)
    tool = tmp_path / "restic"
    tool.write_text("#!/bin/sh\necho tool runs\n")
    tool.chmod(0o755)
    handle = rig.open()
    order = RestoreOrder(
        argv=("/run/base/tool/restic",),
        executables=(str(tool),),
        read_only_binds={str(repository): "/run/base/repository"},
    )
    cell = rig.driver.open_cell(handle, order, ())
    assert rig.shell(cell, "restic; /run/base/tool/restic") == "tool runs\n" * 2
    assert rig.shell(cell, "cat /run/base/repository/data/pack") == "pack"
    for attempt in ("touch", "rm -f", "chmod 777"):
        answer = rig.shell(cell, f"{attempt} /run/base/repository/data/pack")
        assert "Read-only" in answer or "Permission denied" in answer, attempt
    assert "No such file" in rig.shell(handle, "cat /run/base/repository/data/pack")
    assert (repository / "data" / "pack").stat().st_mode & 0o777 == 0o400
    assert rig.driver.destroy(cell).clean
    assert (repository / "data" / "pack").read_text() == "pack"


def test_a_closed_repository_whose_owners_cannot_be_mapped_is_named(rig: Rig, overlay: Path) -> None:
    repository = overlay / "repository"
    (repository / "data").mkdir(parents=True)
    (repository / "config").write_text("sealed")
    (repository / "config").chmod(0o400)
    order = RestoreOrder(argv=("x",), read_only_binds={str(repository): "/run/base/repository"})
    handle = rig.open()
    with pytest.raises(SandboxError, match="others may not, and its file system cannot map") as told:
        rig.driver.open_cell(handle, order, ())
    assert f"cannot read {repository}/config" in told.value.message
    assert f"chmod -R o+rX {repository}" in told.value.hint
    (repository / "config").chmod(0o444)
    cell = rig.driver.open_cell(handle, order, ())
    assert rig.shell(cell, "cat /run/base/repository/config") == "sealed"


def test_what_the_cell_restores_the_sandbox_finds(rig: Rig) -> None:
    handle = rig.open()
    cell = rig.driver.open_cell(handle, RestoreOrder(argv=("true",)), ())
    rig.shell(cell, "mkdir -p /data/files/var && echo restored > /data/files/var/file")
    assert rig.driver.destroy(cell).clean
    assert rig.shell(handle, "cat /data/files/var/file") == "restored\n"
    assert (Path(handle.data_path) / "files/var/file").read_text() == "restored\n"


def test_a_cell_sees_no_process_of_the_sandbox_and_dies_with_it(rig: Rig) -> None:
    handle = rig.open()
    cell = rig.driver.open_cell(handle, RestoreOrder(argv=("true",)), ())
    rig.shell(handle, "setsid sleep 1234 & true")
    assert "1234" not in rig.shell(cell, "cat /proc/*/cmdline | tr '\\0' ' '")
    assert rig.driver.destroy(handle).clean
    assert rig.driver.destroy(cell).clean
    with pytest.raises(SandboxError):
        rig.driver.target(cell)


def test_a_missing_tool_is_said(rig: Rig) -> None:
    with pytest.raises(SandboxError, match="/nope/restic, which does not exist"):
        rig.driver.open_cell(rig.open(), RestoreOrder(argv=("x",), executables=("/nope/restic",)), ())


def test_the_worker_reaches_endpoints_by_name_and_nothing_else(
    start_worker: Callable[..., Any], servers: tuple[int, int]
) -> None:
    allowed = [("localhost", servers[0]), ("127.0.0.1", servers[0]), ("10.99.1.2", 8333), ("s3.hospital.example", 443)]
    with Gateway.start(allowed) as running:
        worker = start_worker(
            """
import socket
descriptor, first, second = map(int, sys.argv[1:4])
enter_worker([("localhost", first), ("10.99.1.2", 8333), ("s3.hospital.example", 443)], GatewayClient(descriptor))
def talk(host, port):
    try:
        with socket.create_connection((host, port), timeout=60) as peer:
            return peer.recv(64).decode().strip()
    except OSError as error: return "refused: " + str(error)
say(first=talk("localhost", first), second=talk("127.0.0.1", second), out=talk("192.0.2.77", 443),
    hosts=open("/etc/hosts").read(), name=socket.gethostbyname("s3.hospital.example"),
    interfaces=[name for _, name in socket.if_nameindex()])
""",
            str(running.fd),
            str(servers[0]),
            str(servers[1]),
            pass_fds=[running.fd],
        )
        answer = worker.line()
    assert answer["first"] == str(servers[0])
    assert "refused" in answer["second"]
    assert "unreachable" in answer["out"]
    assert answer["name"].startswith("127.77.")
    assert answer["interfaces"] == ["lo"]
    assert "s3.hospital.example" not in Path("/etc/hosts").read_text()
