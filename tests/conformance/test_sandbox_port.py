"""What every driver behind the Sandbox port promises; a driver joins by being named for the fixture ``driver_name``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drp.domain.application import ProductionAddress, SoftwareImage
from drp.domain.ports import Sandbox
from drp.domain.restore import CellSecret, RestoreOrder, SecretReference
from drp.domain.sandbox import SandboxOrder
from drp.errors import SandboxError
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.waiting import eventually

pytestmark = pytest.mark.real

ORDER = RestoreOrder(argv=("true",))


@pytest.fixture
def sandbox(any_rig: Rig) -> Sandbox:
    return any_rig.driver


def test_a_fresh_sandbox_is_empty_and_proven(sandbox: Sandbox) -> None:
    handle = sandbox.open(profile(), "test")
    assert handle.role == "run"
    assert list((Path(handle.data_path) / "files").iterdir()) == []
    assert sandbox.prove(handle).holds
    assert sandbox.egress(handle) == ()


def test_a_cell_shares_the_volume_and_gets_its_secrets(sandbox: Sandbox) -> None:
    handle = sandbox.open(profile(), "test")
    secret = CellSecret(name="s", template="{0}", references=(SecretReference(kind="file", value=("x",)),))
    cell = sandbox.open_cell(handle, ORDER, [secret])
    assert (cell.role, cell.data_path) == ("restore-cell", handle.data_path)
    assert cell.id != handle.id
    assert sandbox.target(cell).run(["/bin/sh", "-c", "echo 1 > /data/files/one"]).exit_code == 0
    assert sandbox.target(handle).run(["cat", "/data/files/one"]).stdout == b"1\n"


def test_destroy_is_idempotent_measured_and_takes_the_cells_along(sandbox: Sandbox) -> None:
    handle = sandbox.open(profile(), "test")
    cell = sandbox.open_cell(handle, ORDER, ())
    for each in (cell, handle, handle, cell):
        residue = sandbox.destroy(each)
        assert residue.clean
    assert not Path(handle.data_path).exists()
    for each in (cell, handle):
        with pytest.raises(SandboxError):
            sandbox.target(each)
        with pytest.raises(SandboxError):
            sandbox.prove(each)
        assert sandbox.egress(each) == ()
    with pytest.raises(SandboxError):
        sandbox.open_cell(handle, ORDER, ())


def test_a_sandbox_that_dies_is_a_sandbox_error_and_can_be_destroyed(sandbox: Sandbox) -> None:
    handle = sandbox.open(profile(), "test")
    target = sandbox.target(handle)
    with pytest.raises(SandboxError):
        target.run(["/bin/sh", "-c", "kill -9 $(pgrep -x init); sleep 5"])
    with pytest.raises(SandboxError):
        target.run(["true"])
    assert sandbox.destroy(handle).clean


def test_many_at_once(sandbox: Sandbox) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        handles = list(pool.map(lambda number: sandbox.open(profile(), f"test{number}"), range(4)))
        answers = list(pool.map(lambda handle: sandbox.target(handle).run(["id", "-u"]).stdout, handles))
        residues = list(pool.map(sandbox.destroy, handles))
    assert answers == [b"999\n"] * 4
    assert len({handle.id for handle in handles}) == 4
    assert all(residue.clean for residue in residues)


def test_declared_software_is_where_it_was_ordered_and_stays_as_it_is(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "file").write_text("software")
    image = SoftwareImage(image=str(tmp_path / "image"), at="/opt/software", digest="")
    handle = sandbox.open(profile(), "test", SandboxOrder(software=(image,)))
    assert sandbox.target(handle).run(["cat", "/opt/software/file"]).stdout == b"software"
    assert sandbox.target(handle).run(["touch", "/opt/software/other"]).exit_code != 0
    assert sandbox.prove(handle).holds
    assert sandbox.destroy(handle).clean
    assert (tmp_path / "image" / "file").read_text() == "software"


def test_sandboxes_of_a_pod_reach_one_another_and_no_other_pod(sandbox: Sandbox) -> None:
    lis = ProductionAddress(address="10.20.0.12", names=("lis.hospital.example",))
    asking = SandboxOrder(pod="one", application="ehr", neighbours={"lis": (lis,)})
    server = sandbox.open(
        profile(), "test", SandboxOrder(pod="one", application="lis", addresses=(lis,), neighbours={"ehr": ()})
    )
    client, alone = sandbox.open(profile(), "test", asking), sandbox.open(profile(), "test")
    other = sandbox.open(profile(), "test", replace(asking, pod="two"))
    serve = "import socket; s = socket.create_server(('10.20.0.12', 104)); print('up', flush=True)\nwhile True: s.accept()[0].close()"
    sandbox.target(server).run(["sh", "-c", "cat > /tmp/s.py"], stdin=serve.encode())
    wait = "setsid python3 /tmp/s.py > /tmp/out 2>&1 & while ! grep -q . /tmp/out; do sleep 0.01; done"
    assert sandbox.target(server).run(["sh", "-c", wait]).exit_code == 0
    for host, handle, reached in (
        ("lis.hospital.example", client, True),
        ("10.20.0.12", client, True),
        ("10.20.0.12", alone, False),
        ("10.20.0.12", other, False),
    ):
        connect = ["python3", "-c", f"import socket; socket.create_connection(('{host}', 104), timeout=60)"]
        assert (sandbox.target(handle).run(connect).exit_code == 0) is reached, (host, handle)
    assert sandbox.prove(client).holds
    assert sandbox.egress(server) == sandbox.egress(client) == ()
    (contact,) = eventually(lambda: sandbox.neighbours(server))
    assert (contact.source, contact.destination, contact.place) == ("ehr", "lis", "tcp 10.20.0.12:104")
    assert contact.count == 2
    assert sandbox.neighbours(client) == (contact,)
    assert sandbox.neighbours(alone) == ()
    for handle in (server, client, alone, other):
        assert sandbox.destroy(handle).clean


def test_what_a_sandbox_tried_is_told_of_itself_alone(sandbox: Sandbox) -> None:
    members: dict[str, tuple[ProductionAddress, ...]] = {"first": (), "second": ()}
    first, second = (
        sandbox.open(
            profile(),
            "test",
            SandboxOrder(pod="one", application=name, neighbours={each: () for each in members if each != name}),
        )
        for name in members
    )
    look_up = "import socket; socket.getaddrinfo('billing.hospital.example', 443)"
    assert sandbox.target(second).run(["python3", "-c", look_up]).exit_code != 0
    told = eventually(lambda: sandbox.egress(second))
    assert [(each.destination, each.pod) for each in told] == [("name:billing.hospital.example", "")]
    assert sandbox.egress(first) == ()


def test_two_applications_of_a_pod_cannot_have_one_address(sandbox: Sandbox) -> None:
    shared = (ProductionAddress(address="10.20.0.12"),)
    order = SandboxOrder(pod="one", application="ehr", addresses=shared, neighbours={"lis": shared})
    with pytest.raises(SandboxError, match=r"10\.20\.0\.12 would lead to ehr and to lis"):
        sandbox.open(profile(), "test", order)
