"""Who a sandbox is: one uid, a range of them, under root, under a plain user with and without sub-uids."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drp.domain.restore import RestoreOrder
from drp.errors import SandboxError
from drp.sandboxes.host import identity, layout
from drp.sandboxes.host.identity import UidMap, identity_for
from tests.support.fixtures_sandboxes import Rig, plain_user, user_with_sub_ids

pytestmark = pytest.mark.real

ROOTLESS = """
import subprocess
from drp.sandboxes.host.worker import worker_command
if sys.argv[1] == "outside":
    command = worker_command([sys.executable, "-c", sys.argv[3], "inside", *sys.argv[2:]])
    os.execvp(command[0], command)
"""
INSIDE = """
enter_worker((), None)
answers = {}
for kind in sys.argv[2].split(","):
    driver = BubblewrapSandbox(Path(sys.argv[4]), resolve=resolve)
    try: handle = driver.open(profile(identity=kind), "test")
    except Exception as error:
        say(kind=kind, error=str(error)); continue
    cell = driver.open_cell(handle, RestoreOrder(argv=("true",)), ())
    chown = sh(driver, cell, "echo x > /data/files/a; chown 105:106 /data/files/a")
    proof = driver.prove(handle)
    (attempt,) = [1] if sh(driver, handle, "python3 -c 'import socket; socket.create_connection((\\"10.1.1.1\\", 25))'") == "" else [0]
    next(n for n in range(6000) if driver.egress(handle) or time.sleep(0.02))
    full = sh(driver, handle, "dd if=/dev/zero of=/data/files/big bs=1M count=64") if kind == "single" else "No space left"
    bomb = sh(driver, handle, "grep processes /proc/self/limits")
    say(kind=kind, holds=proof.holds, denied=proof.denied, offset=handle.uid_offset, chown=chown, full="No space left" in full,
        owner=os.stat(handle.data_path + "/files/a").st_uid, who=sh(driver, handle, "id -u").strip(), processes=bomb.split()[2],
        seen=sh(driver, handle, "stat -c %u:%g /data/files/a").strip(),
        egress=[each.destination for each in driver.egress(handle)], clean=driver.destroy(handle).clean)
"""


def test_under_root_a_sandbox_is_an_unprivileged_uid_of_its_own(rig: Rig) -> None:
    handle = rig.open()
    rig.shell(handle, "touch /data/files/x")
    owner = (Path(handle.data_path) / "files/x").stat().st_uid
    assert identity.FIRST_UID <= owner < identity.FIRST_UID + identity.SLOTS
    assert handle.uid_offset is None


def test_a_range_restores_owners_and_runs_as_one_of_them(rig: Rig) -> None:
    handle = rig.open(identity="range", run_as=105)
    cell = rig.driver.open_cell(handle, RestoreOrder(argv=("true",)), ())
    script = """set -e
cd /data/files; mkdir pg; echo data > pg/file; echo shared > other; chmod 700 pg; chown -R 105:106 pg; chown 33:33 other; chmod 2755 other
chmod 600 other; cat pg/file other; id -u; grep CapEff /proc/self/status"""
    answer = rig.shell(cell, script)
    assert "data\nshared\n0\n" in answer
    assert "000000000000001b" in answer, "CHOWN, DAC_OVERRIDE, FOWNER, FSETID and nothing else"
    offset = handle.uid_offset
    assert offset is not None
    assert offset >= identity.FIRST_RANGE
    data = Path(handle.data_path) / "files"
    assert (data / "pg").stat().st_uid == 105 + offset
    assert (data / "other").stat().st_uid == 33 + offset
    seen = rig.shell(
        handle,
        "id -u; stat -c %u:%g /data/files/pg /data/files/other; cat /data/files/pg/file; cat /data/files/other; grep CapEff /proc/self/status",
    )
    assert seen.startswith("105\n105:106\n33:33\ndata\n")
    assert "Permission denied" in seen
    assert "0000000000000000" in seen
    assert "mknod" in rig.shell(cell, "mknod /data/files/dev b 254 0")
    assert rig.driver.prove(handle).holds
    assert rig.driver.prove(cell).allowed == 0


def test_in_a_single_identity_owners_cannot_be_set(rig: Rig) -> None:
    handle = rig.open()
    cell = rig.driver.open_cell(handle, RestoreOrder(argv=("true",)), ())
    answer = rig.shell(cell, "touch /data/files/x; chown 105 /data/files/x")
    assert "Invalid argument" in answer or "not permitted" in answer


def test_a_plain_user_runs_sandboxes_too(start_worker: Callable[..., Any], open_directory: Path) -> None:
    from tests.support.fixtures_sandboxes import PREAMBLE

    worker = start_worker(
        ROOTLESS, "outside", "single,range", PREAMBLE + INSIDE, str(open_directory), prefix=plain_user(41234)
    )
    single, ranged = worker.line(), worker.line()
    assert single["holds"]
    assert (single["denied"], single["who"], single["seen"]) == (81, "999", "999:999")
    assert single["egress"] == ["10.1.1.1"]
    assert single["processes"] == "128", "without control groups, prlimit"
    assert single["full"]
    assert single["clean"]
    assert "sub-uids" in ranged["error"]
    assert list(open_directory.glob("drp-*")) == []


def test_a_plain_user_with_sub_uids_restores_owners(
    start_worker: Callable[..., Any], open_directory: Path, tmp_path: Path
) -> None:
    from tests.support.fixtures_sandboxes import PREAMBLE

    worker = start_worker(
        ROOTLESS, "outside", "range", PREAMBLE + INSIDE, str(open_directory), prefix=user_with_sub_ids(tmp_path)
    )
    answer = worker.line()
    assert answer["holds"]
    assert answer["chown"] == ""
    assert answer["seen"] == "105:106"
    assert answer["owner"] == 105 + answer["offset"]
    assert answer["clean"]


SUPERVISOR = """
from drp import command
from drp.sandboxes.network.gateway import Gateway
from drp.sandboxes.host.worker import worker_command
with Gateway.start([("127.0.0.1", int(sys.argv[2]))]) as gateway:
    argv = worker_command([sys.executable, "-c", sys.argv[1], str(gateway.fd), *sys.argv[2:]])
    command.start(argv, stdout=1, stderr=2, pass_fds=[gateway.fd], environment={"PYTHONPATH": os.environ["PYTHONPATH"]}).wait()
"""
CELL = """
descriptor, port, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
client = GatewayClient(descriptor)
enter_worker([("127.0.0.1", port)], client)
driver = BubblewrapSandbox(Path(directory), resolve=resolve, gateway=client)
handle = driver.open(profile(), "test")
cell = driver.open_cell(handle, RestoreOrder(argv=("x",), endpoint=("127.0.0.1", port)), ())
talk = "python3 -c 'import socket; print(socket.create_connection((\\"127.0.0.1\\", %d), timeout=60).recv(9).decode())'"
say(endpoint=sh(driver, cell, talk % port), other=sh(driver, cell, talk % (port + 1)), run=sh(driver, handle, talk % port),
    clean=driver.destroy(handle).clean)
"""


def test_a_plain_users_cell_reaches_its_endpoint_only(start_worker: Callable[..., Any], open_directory: Path) -> None:
    import socket
    import threading

    from tests.support.fixtures_sandboxes import PREAMBLE

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"repo")

        threading.Thread(target=serve, daemon=True).start()
        port = str(server.getsockname()[1])
        worker = start_worker(SUPERVISOR, PREAMBLE + CELL, port, str(open_directory), prefix=plain_user(41234))
        answer = worker.line()
    assert answer["endpoint"] == "repo\n"
    assert "refused" in answer["other"]
    assert "refused" in answer["run"]
    assert answer["clean"]


def test_standing_is_not_told_by_uid_zero_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity.standing() == "root"
    monkeypatch.setattr(identity, "uid_map", lambda: (UidMap(0, 1000, 1),))
    assert identity.standing() == "mapped"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert identity.standing() == "user"


def test_slots_are_given_once_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "SLOTS", 2)
    first, second = identity.Slot(tmp_path), identity.Slot(tmp_path)
    assert (first.number, second.number) == (0, 1)
    with pytest.raises(SandboxError, match="all 2 sandbox slots"):
        identity.Slot(tmp_path)
    first.release()
    first.release()
    third = identity.Slot(tmp_path)
    assert third.number == 0
    assert identity_for("single", third).uid == identity.FIRST_UID
    assert identity_for("range", third).uid_offset == identity.FIRST_RANGE
    for slot in (second, third):
        slot.release()


def test_live_directories_stand_where_any_uid_may_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, walkable = tmp_path / "closed", Path("/var/lib/drp-test-that-is-not-there")
    closed.mkdir(mode=0o700)
    assert layout.home(closed / "run").is_relative_to("/run/drp")
    assert layout.home(walkable) == walkable
    assert layout.home(closed / "run") == layout.home(closed / "run")
    assert layout.home(walkable / ("x" * 90)).is_relative_to("/run/drp"), "sockets have short paths"
    monkeypatch.setattr(layout, "standing", lambda: "mapped")
    assert layout.home(Path("/tmp/run")) == Path("/tmp/run")
    with pytest.raises(SandboxError, match="too long"):
        layout.home(walkable / ("x" * 90))
    assert all(each.stat().st_mode & stat.S_IXOTH for each in (Path("/run"), Path("/")))
