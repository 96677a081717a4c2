"""Volumes on disk of a plain user: by fuse2fs where /dev/fuse lets him, and else exactly why not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from drp.domain.volume import image_bytes
from drp.sandboxes.host import image, on_disk
from tests.support.fixtures_sandboxes import PREAMBLE, Worker, plain_user, user_with_sub_ids

pytestmark = pytest.mark.real
USER = 41234
QUOTA = 32 << 20

OUTSIDE = """
from drp.sandboxes.host.worker import worker_command
os.execvp("setpriv", worker_command([sys.executable, "-c", *sys.argv[2:]]))
"""
MAKE = """
enter_worker((), None)
from drp.sandboxes.host import on_disk
if "any" in sys.argv: on_disk._lost = lambda file: []  # also one that does not keep all: the rest is tried with it
from drp.errors import DrpError
run_directory = Path(sys.argv[1])
driver = BubblewrapSandbox(run_directory, resolve=resolve)
def opened(**changes):
    return driver.open(profile(data_backing="disk", **changes), "test")
"""
USED = """
from drp.sandboxes.host import volume
def serves(process):
    words = Path("/proc", process, "cmdline").read_bytes()
    return words.startswith(b"fuse2fs") and b".image" in words
handle = opened()
(file,) = run_directory.glob("*.image")
found = file.stat()
mounted = sh(driver, handle, "grep ' /data ' /proc/mounts")
data = Path(handle.data_path) / "files"
(data / "patient").write_text("D. Martin 1948")
(data / "patient").chmod(0o600)
with open(data / "sparse", "wb") as stream: stream.truncate(20 << 20)
blocks = (data / "sparse").stat().st_blocks
(data / "sparse").unlink()
reader = driver.open_reader(handle)
read = sh(driver, reader, "cat /data/files/patient; touch /data/files/x 2>&1")
driver.settle(handle)
full = sh(driver, handle, "dd if=/dev/zero of=/data/files/big bs=1M count=64 2>&1")
used = volume.usage(handle.data_path)
driver.destroy(reader)
plain = b"D. Martin 1948" in file.read_bytes()
residue = driver.destroy(handle)
say(size=found.st_size, allocated=found.st_blocks * 512, mode=found.st_mode & 0o777, mounted=mounted, read=read, full=full,
    used=used.used,  blocks=blocks, plain=plain, clean=residue.clean,
    erased=[[each.done, each.overwritten_bytes] for each in residue.erased],
    left=[each.name for each in run_directory.iterdir() if "image" in each.name],
    servers=[each for each in os.listdir("/proc") if each.isdigit() and serves(each)])
"""
REFUSED = """
def refusal(**changes):
    try: opened(**changes)
    except DrpError as error: return [error.message, error.hint, [e.name for e in run_directory.glob("*.image*")]]
    return ["opened", "", []]
say(refused=refusal(identity=sys.argv[2]))
"""
DIES = """
handle = opened()
(Path(handle.data_path) / "files/patient").write_text("D. Martin 1948")
driver.settle(handle)
say(id=handle.id, outside=True)
time.sleep(600)
"""
REAPS = """
from drp.sandboxes.host import reaper
run_directory = Path(sys.argv[2])
before = [b"D. Martin 1948" in each.read_bytes() for each in run_directory.glob("*.image")]
kept = os.open(next(run_directory.glob("*.image")), os.O_RDONLY)  # what the disk still has of it
found = reaper.reap(run_directory)
os.lseek(kept, 0, 0)
content = b"".join(iter(lambda: os.read(kept, 1 << 20), b""))
say(before=before, after=b"D. Martin 1948" in content, left=[each.name for each in run_directory.glob("*.image*")])
"""


def lent_fuse(folder: Path) -> tuple[str, ...]:
    """Make /dev/fuse everybody's, for one command: a device of its own, in a mount namespace of its own."""
    device = folder / "lent"
    device.mkdir()
    script = (
        f"mount -t tmpfs lent {device} && mknod -m 0666 {device}/fuse c 10 229 && chmod 0666 {device}/fuse &&"
        f' mount --bind {device}/fuse /dev/fuse && exec "$@"'
    )
    return ("unshare", "--mount", "sh", "-c", script, "sh")


def test_a_plain_user_has_a_volume_on_disk_and_leaves_nothing_of_it(
    start_worker: Callable[..., Worker], open_directory: Path, tmp_path: Path
) -> None:
    prefix = (*lent_fuse(tmp_path), *plain_user(USER))
    said = start_worker(OUTSIDE, "outside", PREAMBLE + MAKE + USED, str(open_directory), "any", prefix=prefix).line()
    assert said["allocated"] >= said["size"] == image_bytes(QUOTA), "reserved, not hoped for"
    assert said["mode"] == 0o600
    assert "fuse" in said["mounted"]
    assert "nosuid,nodev" in said["mounted"]
    assert said["read"].startswith("D. Martin 1948")
    assert "Read-only" in said["read"]
    assert "No space left" in said["full"]
    assert said["used"] >= 30 << 20, "the quota is what restored data may take"
    assert said["blocks"] == 0, "what is sparse stays so"
    assert said["plain"], "it was on the disk"
    assert said["clean"]
    assert said["erased"][0][0]
    assert said["erased"][0][1] > 30 << 20
    assert said["left"] == said["servers"] == []


def test_after_a_kill_a_plain_user_overwrites_what_was_left(
    start_worker: Callable[..., Worker], open_directory: Path, tmp_path: Path
) -> None:
    prefix = (*lent_fuse(tmp_path), *plain_user(USER))
    worker = start_worker(OUTSIDE, "outside", PREAMBLE + MAKE + DIES, str(open_directory), "any", prefix=prefix)
    assert worker.line()["outside"]
    worker.kill()
    said = start_worker(REAPS, "outside", str(open_directory), prefix=plain_user(USER)).line()
    assert said == {"before": [True], "after": False, "left": []}


def test_several_owners_are_refused_before_anything_is_made(
    start_worker: Callable[..., Worker], open_directory: Path, tmp_path: Path
) -> None:
    prefix = (*lent_fuse(tmp_path), *user_with_sub_ids(tmp_path))
    script = PREAMBLE + MAKE + REFUSED
    said = start_worker(OUTSIDE, "outside", script, str(open_directory), "range", "any", prefix=prefix).line()
    message, hint, left = said["refused"]
    assert "not `identity: range`" in message
    assert "`identity: single`" in hint
    assert left == []


def test_a_closed_device_is_named_with_what_opens_it(
    start_worker: Callable[..., Worker], open_directory: Path, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.touch(mode=0o600)
    script = f'mount --bind {closed} /dev/fuse && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh", *plain_user(USER))
    script = PREAMBLE + MAKE + REFUSED
    said = start_worker(OUTSIDE, "outside", script, str(open_directory), "single", prefix=prefix).line()
    message, hint, left = said["refused"]
    assert "/dev/fuse, whose mode is 0600: Permission denied" in message
    assert hint.startswith("chmod 0666 /dev/fuse")
    assert left == []


def test_each_obstacle_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(on_disk, "_LOOP", tmp_path / "loop-control")
    assert "modprobe loop" in on_disk.obstacle()[1]
    (tmp_path / "loop-control").touch()
    assert on_disk.obstacle() == ("", "")
    monkeypatch.setattr(on_disk, "standing", lambda: "user")
    monkeypatch.setattr(on_disk, "_FUSE", tmp_path / "fuse")
    monkeypatch.setattr(on_disk.shutil, "which", lambda *_, **__: None)
    assert on_disk.obstacle()[1].startswith("apt-get install fuse2fs")
    monkeypatch.setattr(on_disk.shutil, "which", lambda *_, **__: "/usr/bin/fuse2fs")
    assert "modprobe fuse" in on_disk.obstacle()[1]
    (tmp_path / "fuse").touch()
    monkeypatch.setattr(on_disk, "_tried", lambda: "does not keep times")
    assert on_disk.obstacle()[0] == "does not keep times"
    monkeypatch.setattr(on_disk, "_tried", lambda: "")
    assert on_disk.obstacle() == ("", "")


def test_what_a_file_system_does_not_keep_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_disk._lost(tmp_path / "ext4") == []

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(on_disk.os, "setxattr", refuse)
    exact = os.utime

    def coarse(file: Path, times: object = None, *, ns: tuple[int, int] = (0, 0)) -> None:
        exact(file, ns=(ns[0], ns[1] // 10**9 * 10**9))

    monkeypatch.setattr(on_disk.os, "utime", coarse)
    assert on_disk._lost(tmp_path / "other") == [
        "parts of a second of times",
        "extended attributes",
        "access control lists",
    ]


def test_a_server_that_does_not_keep_what_a_backup_holds_is_refused_before_a_restore(
    start_worker: Callable[..., Worker], open_directory: Path, tmp_path: Path
) -> None:
    prefix = (*lent_fuse(tmp_path), *plain_user(USER))
    script = PREAMBLE + MAKE + "on_disk._lost = lambda file: ['times']\n" + REFUSED
    said = start_worker(OUTSIDE, "outside", script, str(open_directory), "single", prefix=prefix).line()
    message, hint, left = said["refused"]
    assert "does not keep times, so a sound backup would look changed" in message
    assert "newer fuse2fs" in hint
    assert left == []


def test_an_image_that_another_process_has_open_is_not_let_go(
    tmp_path: Path, start_worker: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "drp-000000000000.image"
    file.write_bytes(b"x")
    assert not on_disk.is_open(file)
    assert not on_disk.is_open(tmp_path / "absent")
    holder = start_worker("kept = open(sys.argv[1]); say(held=True); time.sleep(600)", str(file), wrap=False)
    assert holder.line()["held"]
    assert on_disk.is_open(file)
    assert image.detach(file), "for root the kernel has it open, and tells"
    monkeypatch.setattr(image, "standing", lambda: "user")
    monkeypatch.setattr(image, "_DETACH_SECONDS", 0.0)
    assert not image.detach(file)
    holder.kill()
    assert image.detach(file)
