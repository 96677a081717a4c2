"""Cells that look at restored data: they read all of it, change nothing, and no restored process reaches them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from drp.domain.application import SoftwareImage
from drp.domain.sandbox import SandboxHandle, SandboxOrder
from drp.errors import SandboxError
from drp.sandboxes.host.processes import in_pid_namespace
from tests.integration.test_sandbox_identity import ROOTLESS
from tests.support.fixtures_sandboxes import PREAMBLE, Rig, Worker, plain_user, profile, user_with_sub_ids

pytestmark = pytest.mark.real

SERVE = """
import socket, threading
def answer(server):
    while True:
        peer = server.accept()[0]; peer.sendall(b"restored"); peer.close()
tcp = socket.create_server(("127.0.0.1", 8099))
unix = socket.socket(socket.AF_UNIX); unix.bind("/data/sockets/app"); unix.listen()
import os; os.chmod("/data/sockets/app", 0o777)
threading.Thread(target=answer, args=(unix,), daemon=True).start()
print("up", flush=True)
answer(tcp)
"""
CALL = """
import socket
for family, place in ((socket.AF_INET, ("127.0.0.1", 8099)), (socket.AF_UNIX, "/data/sockets/app")):
    caller = socket.socket(family)
    try:
        caller.connect(place); print(caller.recv(100).decode())
    except OSError as error:
        print(type(error).__name__)
"""


def restored(rig: Rig, identity: str = "single") -> SandboxHandle:
    """Return a sandbox whose restored files only their owner may read, with a server that runs."""
    handle = rig.open(identity=identity)
    root = Path(handle.data_path) / "files"
    owner = root.stat()
    (root / "ehr").mkdir(mode=0o700)
    (root / "ehr" / "patients").write_text("two\n")
    (root / "ehr" / "patients").chmod(0o600)
    for path in (root / "ehr", root / "ehr" / "patients"):
        os.chown(path, owner.st_uid, owner.st_gid)
    target = rig.driver.target(handle)
    assert target.run(["/bin/sh", "-c", "cat > /tmp/serve.py"], stdin=SERVE.encode()).exit_code == 0
    wait = "setsid python3 /tmp/serve.py > /tmp/out 2>&1 & while ! grep -q up /tmp/out; do sleep 0.01; done"
    assert target.run(["/bin/sh", "-c", wait]).exit_code == 0
    return handle


@pytest.mark.parametrize("identity", ["single", "range"])
def test_a_reader_reads_everything_changes_nothing_and_has_no_network(rig: Rig, identity: str) -> None:
    handle = restored(rig, identity)
    reader = rig.driver.open_reader(handle)
    assert reader.role == "reader-cell"
    assert rig.shell(reader, "cat /data/files/ehr/patients") == "two\n"
    for change in ("touch /data/files/ehr/x", "rm -rf /data/files/ehr", "chmod 777 /data/files/ehr"):
        assert rig.driver.target(reader).run(["/bin/sh", "-c", change]).exit_code != 0
    assert rig.shell(handle if identity == "single" else reader, "cat /data/files/ehr/patients") == "two\n"
    called = rig.driver.target(reader).run(["python3", "-c", CALL]).stdout.decode().split()
    assert called[0] == "ConnectionRefusedError", "its loopback is its own"
    assert rig.driver.destroy(reader).clean


@pytest.mark.parametrize("identity", ["single", "range"])
def test_a_caller_asks_by_port_and_by_socket(rig: Rig, identity: str) -> None:
    handle = restored(rig, identity)
    caller = rig.driver.open_caller(handle)
    assert rig.driver.target(caller).run(["python3", "-c", CALL]).stdout.decode().split() == ["restored", "restored"]
    assert rig.shell(caller, "cat /data/files/ehr/patients") == "two\n"
    assert rig.driver.target(caller).run(["touch", "/data/files/x"]).exit_code != 0
    assert rig.driver.egress(handle) == ()
    assert rig.driver.destroy(caller).clean


@pytest.mark.parametrize("kind", ["open_reader", "open_caller"])
@pytest.mark.parametrize("identity", ["single", "range"])
def test_no_restored_process_sees_or_reaches_a_cell(rig: Rig, kind: str, identity: str) -> None:
    handle = restored(rig, identity)
    cell = getattr(rig.driver, kind)(handle)
    live = rig.driver._live[cell.id]
    asleep = "setsid sleep 300 > /dev/null 2>&1 < /dev/null & echo up"
    assert rig.shell(cell, asleep) == "up\n"
    before = in_pid_namespace(live.running.pid_namespace)
    with pytest.raises(SandboxError):  # it has killed its own agent too
        rig.driver.target(handle).run(["python3", "-c", "import os; os.kill(-1, 9)"])
    assert in_pid_namespace(live.running.pid_namespace) == before
    assert rig.shell(cell, "cat /data/files/ehr/patients") == "two\n"
    ours = rig.driver._live[handle.id].spec.identity.host_uid_of(999)
    assert {Path(f"/proc/{process}").stat().st_uid for process in before}.isdisjoint({ours})
    rig.driver.destroy(cell)


def test_cells_go_with_their_sandbox(rig: Rig) -> None:
    handle = restored(rig)
    cells = [rig.driver.open_reader(handle), rig.driver.open_caller(handle)]
    namespaces = [rig.driver._live[cell.id].running.pid_namespace for cell in cells]
    assert rig.driver.destroy(handle).clean
    assert [in_pid_namespace(namespace) for namespace in namespaces] == [set(), set()]
    assert all(rig.driver.destroy(cell).clean for cell in cells)


def test_a_caller_has_the_software_that_the_application_has(rig: Rig, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.mkdir(mode=0o700)
    (image / "client").write_text("client")
    order = SandboxOrder(software=(SoftwareImage(image=str(image), at="/opt/lis", digest=""),))
    handle = rig.driver.open(profile(), "test", order)
    assert rig.shell(rig.driver.open_caller(handle), "cat /opt/lis/client") == "client"
    assert "No such file" in rig.shell(rig.driver.open_reader(handle), "cat /opt/lis/client")


def test_content_that_takes_a_reader_over_reaches_neither_the_volume_nor_the_next_reader(rig: Rig) -> None:
    handle = restored(rig)
    taken = rig.driver.open_reader(handle)
    rig.shell(taken, "echo forged > /tmp/answer; cp /tmp/answer /data/files/ehr/patients")
    rig.driver.destroy(taken)
    following = rig.driver.open_reader(handle)
    assert rig.shell(following, "ls /tmp; cat /data/files/ehr/patients") == "two\n"


PLAIN = """
enter_worker((), None)
driver = BubblewrapSandbox(Path(sys.argv[4]), resolve=resolve)
handle = driver.open(profile(identity=sys.argv[2]), "test")
(Path(handle.data_path) / "files/patients").write_text("two")
(Path(handle.data_path) / "files/patients").chmod(0o600)
if handle.uid_offset is not None: os.chown(handle.data_path + "/files/patients", handle.uid_offset, handle.uid_offset)
connect = "python3 -c 'import socket; socket.create_connection((\\"127.0.0.1\\", 8099)); print(1)' 2>/dev/null"
sh(driver, handle, "setsid python3 -m http.server --bind 127.0.0.1 8099 >/dev/null 2>&1 & until " + connect + "; do sleep 0.02; done")
reader, caller = driver.open_reader(handle), driver.open_caller(handle)
def killed():
    try: driver.target(handle).run(["python3", "-c", "import os; os.kill(-1, 9)"])
    except Exception as error: return type(error).__name__
say(read=sh(driver, reader, "cat /data/files/patients"), changed=sh(driver, reader, "touch /data/files/x"),
    alone=sh(driver, reader, connect), called=sh(driver, caller, connect),
    killed=killed(), lives=sh(driver, caller, "echo 1"),
    clean=[driver.destroy(each).clean for each in (reader, caller, handle)])
"""


@pytest.mark.parametrize("identity", ["single", "range"])
def test_a_plain_user_has_the_same_cells(
    start_worker: Callable[..., Worker], open_directory: Path, tmp_path: Path, identity: str
) -> None:
    prefix = user_with_sub_ids(tmp_path) if identity == "range" else plain_user(41234)
    said = start_worker(ROOTLESS, "outside", identity, PREAMBLE + PLAIN, str(open_directory), prefix=prefix).line()
    assert said["read"] == "two"
    assert "Read-only" in said["changed"]
    assert (said["alone"], said["called"], said["lives"]) == ("", "1\n", "1\n")
    assert said["killed"] == "SandboxError", "its own agent too, and no other"
    assert said["clean"] == [True, True, True]
