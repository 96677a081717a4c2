"""What hurts others: paths too deep, directories too large, files that move, readers that die, disks that go away."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path

import pytest

from drp.domain.manifest import decode_path
from drp.hashing import creation
from drp.hashing.reading.rows import Options
from drp.hashing.tree import TreeHasher, create_manifest
from drp.hashing.verification import Plan, verify_tree
from drp.manifests.entries import entries
from drp.manifests.opening import open_manifest
from tests.support.trees import copy, ordinary, write

pytestmark = pytest.mark.usefixtures("core")


def compare(tree: Path, manifest: Path, workers: int = 2):
    return TreeHasher(workers=workers).compare(tree, manifest, uid_offset=0)


def remove_deep(root: Path) -> None:
    """Remove a tree that is deeper than the interpreter's recursion limit and PATH_MAX."""
    subprocess.run(["rm", "-rf", str(root)], check=True)


def test_path_4096_directories_deep(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    descriptor = os.open(root, os.O_RDONLY)
    for level in range(4096):
        if level % 512 == 0:
            name = os.open(f"file{level}", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=descriptor)
            os.write(name, b"%d" % level)
            os.close(name)
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    leaf = os.open("bottom", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=descriptor)
    os.write(leaf, b"bottom")
    os.close(leaf)
    try:
        summary = create_manifest(root, tmp_path / "m", application="a", workers=2)
        assert summary.entries == 4096 + 8 + 1
        assert summary.errors == 0
        assert compare(root, tmp_path / "m").clean
        leaf = os.open("bottom", os.O_WRONLY, dir_fd=descriptor)
        os.write(leaf, b"BOTTOM")
        os.close(leaf)
        difference = compare(root, tmp_path / "m")
        assert difference.counts["changed"] == 1
        assert decode_path(difference.deviations[0].path_b64) == b"d/" * 4096 + b"bottom"
    finally:
        os.close(descriptor)
        remove_deep(root)


def test_directory_of_many_entries(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    descriptor = os.open(root, os.O_RDONLY)
    for number in range(30_000):
        os.close(os.open(f"{number:07}", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=descriptor))
    os.close(descriptor)
    summary = create_manifest(root, tmp_path / "m", application="a", workers=2)
    assert summary.files == 30_000
    assert compare(root, tmp_path / "m").clean
    (root / "0012345").unlink()
    write(root / "0012345x", b"")
    write(root / "0029999", b"x")
    difference = compare(root, tmp_path / "m")
    found = {(item.kind, item.path) for item in difference.deviations}
    assert found >= {("missing", "0012345"), ("unexpected", "0012345x"), ("changed", "0029999")}


def test_file_that_grows_under_the_reader_is_unstable(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    write(root / "still", b"still")
    write(root / "growing", bytes(8 << 20))
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    stop = threading.Event()

    def grow() -> None:
        with (root / "growing").open("ab") as stream:
            while not stop.wait(0.001):  # slower than it is read
                stream.write(b"x" * 100)
                stream.flush()

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        rate = float(20 << 20)  # slow enough that it grows meanwhile, however busy the machine is
        difference = verify_tree(root, tmp_path / "m", Plan(workers=1, rate=rate)).difference
        summary = creation.create_manifest(root, tmp_path / "m2", application="a", workers=1, rate=rate)
    finally:
        stop.set()
        thread.join()
    assert difference.counts["unstable"] == 1
    assert "changed" not in difference.counts
    assert summary.errors == 1
    with open_manifest(tmp_path / "m2") as manifest:
        unstable = [entry.path for entry in entries(manifest) if "unstable" in entry.document(manifest.algorithms)]
    assert unstable == [b"growing"]


def test_file_truncated_under_the_reader(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    write(root / "file", bytes(64 << 20))
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    plan = Plan(workers=1, rate=float(8 << 20), options=Options(()))

    def cut(_files: int, size: int, _seen: int) -> None:
        if size:  # it is being read, and will be for seconds
            os.truncate(root / "file", 1000)

    result = verify_tree(root, tmp_path / "m", plan, watch=cut)
    assert (root / "file").stat().st_size == 1000
    assert set(result.difference.counts) <= {"unstable", "changed", "metadata"}
    assert not result.difference.clean


def test_fifo_device_and_socket_are_never_opened(tmp_path):
    """A FIFO opened for reading would let its writer go on; a socket cannot be opened at all."""
    root = tmp_path / "tree"
    root.mkdir()
    os.mkfifo(root / "fifo")
    write(root / "file", b"x")
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    assert compare(root, tmp_path / "m").clean
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        os.open(root / "fifo", os.O_WRONLY | os.O_NONBLOCK)
    os.unlink(root / "file")
    os.mkfifo(root / "file")
    difference = compare(root, tmp_path / "m")
    assert dict(difference.counts) == {"kind": 1}


@pytest.mark.real
def test_medium_that_goes_away(tmp_path, request):
    """A file system whose device fails under the reader: findings with errno, an end, and no crash."""
    image, mount = tmp_path / "image", tmp_path / "mount"
    with image.open("wb") as stream:
        stream.truncate(48 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    mount.mkdir()
    loop = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=True
    ).stdout.strip()
    request.addfinalizer(lambda: subprocess.run(["losetup", "-d", loop], check=False, capture_output=True))
    subprocess.run(["mount", loop, str(mount)], check=True)
    request.addfinalizer(lambda: subprocess.run(["umount", "-l", str(mount)], check=False, capture_output=True))
    for number in range(40):
        write(mount / f"f{number:02}", os.urandom(200_000))
    create_manifest(mount, tmp_path / "m", application="a", workers=1)
    subprocess.run(["sync", "-f", str(mount)], check=True)
    os.truncate(image, 1 << 20)  # all that lay further back is gone: the device answers with EIO
    Path("/proc/sys/vm/drop_caches").write_text("3")
    difference = compare(mount, tmp_path / "m", workers=1)
    assert difference.counts.get("unreadable", 0) > 10
    assert any("EIO" in item.observed for item in difference.deviations)
    assert difference.files_hashed < 40


def test_every_hole_and_sparse_file_has_the_digest_of_its_zeros(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    with (root / "sparse").open("wb") as stream:
        stream.truncate(512 << 20)
        stream.seek(100 << 20)
        stream.write(b"island")
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    told = subprocess.run(["b3sum", "--no-names", str(root / "sparse")], capture_output=True, text=True, check=True)
    with open_manifest(tmp_path / "m") as manifest:
        (entry,) = entries(manifest)
        assert entry.row.digest.hex() == told.stdout.strip()
        assert entry.document(manifest.algorithms)["sparse"] is True
    twin = copy(root, tmp_path / "twin")
    assert compare(twin, tmp_path / "m").clean


def test_extended_attributes_are_judged_when_asked_for(tmp_path):
    root = ordinary(tmp_path / "tree", files=3)
    os.setxattr(root / "exact", "user.patient", b"42")
    create_manifest(root, tmp_path / "m", application="a", workers=1, options=Options((), xattrs=True))
    assert compare(root, tmp_path / "m").clean
    os.setxattr(root / "exact", "user.patient", b"43")
    difference = compare(root, tmp_path / "m")
    assert dict(difference.counts) == {"metadata": 1}
    assert "xattrs" in difference.deviations[0].expected


@pytest.mark.parametrize("options", [Options((), direct=True), Options((), spare_cache=True), Options((), strict=True)])
def test_ways_of_reading_agree(tmp_path, options):
    root = ordinary(tmp_path / "tree")
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    assert verify_tree(root, tmp_path / "m", Plan(options=options, workers=2)).difference.clean
    write(root / "exact", b"other")
    assert verify_tree(root, tmp_path / "m", Plan(options=options, workers=2)).difference.counts["changed"] == 1
