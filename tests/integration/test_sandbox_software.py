"""Declared software: bound read-only at its place in the run sandbox alone, readable there, and part of the proof."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from drp.domain.application import SoftwareImage
from drp.domain.restore import RestoreOrder
from drp.domain.sandbox import SandboxOrder
from drp.errors import SandboxError
from tests.support.fixtures_sandboxes import PREAMBLE, Rig, Worker, plain_user, profile

pytestmark = pytest.mark.real


def image_at(path: Path, at: str = "/opt/software") -> SandboxOrder:
    return SandboxOrder(software=(SoftwareImage(image=str(path), at=at, digest="blake3:" + "0" * 64),))


@pytest.fixture
def software(tmp_path: Path) -> Path:
    folder = tmp_path / "image"
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "hello"
    program.write_text("#!/bin/sh\necho hello from $0\n")
    program.chmod(0o755)
    (folder / "outside").symlink_to("/nowhere/at/all")
    return folder


def test_software_runs_from_its_place_and_cannot_be_changed(rig: Rig, software: Path) -> None:
    handle = rig.driver.open(profile(), "test", image_at(software))
    assert rig.shell(handle, "/opt/software/bin/hello") == "hello from /opt/software/bin/hello\n"
    for attempt in ("touch /opt/software/new", "rm /opt/software/bin/hello", "touch /opt/other", "mkdir /opt/d"):
        assert "Read-only file system" in rig.shell(handle, attempt), attempt
    options = rig.shell(handle, "grep ' /opt/software ' /proc/self/mountinfo").split()[5].split(",")
    assert {"ro", "nosuid", "nodev"} <= set(options)
    assert rig.shell(handle, "readlink /opt/software/outside") == "/nowhere/at/all\n"
    assert not (software / "new").exists()


def test_the_proof_holds_with_software_and_still_finds_what_is_foreign(rig: Rig, software: Path) -> None:
    handle = rig.driver.open(profile(), "test", image_at(software, "/srv/app/current"))
    proof = rig.driver.prove(handle)
    assert proof.holds, [check for check in proof.checks if check.outcome != "denied"]
    root = proof.facts["root"]
    assert isinstance(root, list)
    assert "srv" in root


def test_a_cell_sees_no_software(rig: Rig, software: Path) -> None:
    handle = rig.driver.open(profile(), "test", image_at(software))
    cell = rig.driver.open_cell(handle, RestoreOrder(argv=("true",)), ())
    assert "No such file" in rig.shell(cell, "ls /opt/software")


@pytest.mark.parametrize("identity", ["single", "range"])
def test_root_opens_a_closed_image_to_the_sandbox_alone(rig: Rig, software: Path, identity: str) -> None:
    (software / "bin" / "hello").chmod(0o700)
    (software / "bin").chmod(0o700)
    software.chmod(0o700)
    handle = rig.driver.open(profile(identity=identity), "test", image_at(software))
    assert rig.shell(handle, "/opt/software/bin/hello") == "hello from /opt/software/bin/hello\n"
    assert rig.driver.prove(handle).holds
    assert rig.driver.destroy(handle).clean


def test_an_image_that_is_not_there_is_a_sandbox_error(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="is no directory"):
        rig.driver.open(profile(), "test", image_at(tmp_path / "absent"))


OUTSIDE = """
from drp.sandboxes.host.worker import worker_command
if sys.argv[1] == "outside":
    command = worker_command([sys.executable, "-c", sys.argv[2], "inside", *sys.argv[2:]])
    os.execvp(command[0], command)
"""
INSIDE = """
from drp.domain.application import SoftwareImage
from drp.domain.sandbox import SandboxOrder
enter_worker((), None)
driver = BubblewrapSandbox(Path(sys.argv[3]), resolve=resolve)
image = SoftwareImage(image=sys.argv[4], at="/opt/software", digest="")
handle = driver.open(profile(), "test", SandboxOrder(software=(image,)))
proof = driver.prove(handle)
say(said=sh(driver, handle, "/opt/software/bin/hello; touch /opt/software/new"), holds=proof.holds)
say(clean=driver.destroy(handle).clean)
"""


def test_a_plain_user_has_software_images_too(
    start_worker: Callable[..., Worker], open_directory: Path, software: Path
) -> None:
    image = open_directory / "image"
    shutil.copytree(software, image, symlinks=True)
    script = PREAMBLE + INSIDE
    worker = start_worker(OUTSIDE, "outside", script, str(open_directory), str(image), prefix=plain_user(41236))
    answer = worker.line()
    assert answer["holds"]
    assert "hello from" in answer["said"]
    assert "Read-only" in answer["said"]
    assert worker.line() == {"clean": True}
