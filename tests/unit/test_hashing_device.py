"""What a tree lies on is asked of the kernel, down to the disk; how many read it follows from that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drp.errors import UsageError
from drp.hashing.creation import create_manifest as create
from drp.hashing.reading.device import Depth, System, depth, in_memory, kind_of
from drp.hashing.tree import create_manifest
from drp.hashing.verification import Plan, verify_tree
from drp.hashing.workers.pool import Pool
from tests.support.trees import ordinary, write

CORES = os.cpu_count() or 1


class Machine:
    """A machine's mounts and block devices, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.on, self.nodes = folder, {}, {}
        (folder / "proc/fdinfo").mkdir(parents=True)
        (folder / "sys/dev/block").mkdir(parents=True)
        (folder / "proc/fdinfo/5").write_text("pos:\t0\nflags:\t0100000\nmnt_id:\t42\nino:\t2\n")
        self.system = System(folder / "proc", folder / "sys", self.on.__getitem__, self.nodes.__getitem__)

    def mount(self, number: str, form: str, source: str) -> None:
        (self.folder / "proc/mountinfo").write_text(
            "41 1 9:9 / / rw - ext4 /dev/other rw\n"
            f"42 41 {number} / /srv/a\\040b rw,relatime shared:1 master:2 - {form} {source} rw\n"
        )

    def disk(self, number: str, name: str, rotational: int | None = None, below: tuple[str, ...] = ()) -> Path:
        folder = self.folder / "sys/devices" / name
        (folder / "slaves").mkdir(parents=True)
        (folder / "dev").write_text(number + "\n")
        if rotational is not None:
            (folder / "queue").mkdir()
            (folder / "queue/rotational").write_text(f"{rotational}\n")
        for other in below:
            (folder / "slaves" / other).symlink_to(self.folder / "sys/devices" / other)
        (self.folder / "sys/dev/block" / number).symlink_to(folder)
        return folder

    def partition(self, number: str, disk: str, name: str) -> None:
        folder = self.folder / "sys/devices" / disk / name
        folder.mkdir()
        (folder / "partition").write_text("1\n")
        (self.folder / "sys/dev/block" / number).symlink_to(folder)

    def kind(self) -> str:
        return kind_of(5, self.system)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(("rotational", "kind"), [(1, "spinning"), (0, "ssd")])
def test_partition_of_a_disk(machine, rotational, kind):
    machine.disk("8:0", "sda", rotational)
    machine.partition("8:1", "sda", "sda1")
    machine.mount("8:1", "ext4", "/dev/sda1")
    assert machine.kind() == kind


def test_device_mapper_on_raid_on_disks_is_as_slow_as_its_slowest(machine):
    machine.disk("8:0", "sda", 0)
    machine.disk("8:16", "sdb", 0)
    machine.disk("9:0", "md0", 0, ("sda", "sdb"))
    machine.disk("253:0", "dm-0", 0, ("md0",))
    machine.mount("253:0", "xfs", "/dev/mapper/vg-lv")
    assert machine.kind() == "ssd"
    (machine.folder / "sys/devices/sdb/queue/rotational").write_text("1\n")
    assert machine.kind() == "spinning"


def test_loop_device_is_what_its_file_lies_on(machine):
    machine.disk("8:0", "sda", 0)
    loop = machine.disk("7:0", "loop0", 1)
    (loop / "loop").mkdir()
    (loop / "loop/backing_file").write_text("/images/a\n")
    machine.on["/images/a"] = os.makedev(8, 0)
    machine.mount("7:0", "ext4", "/dev/loop0")
    assert machine.kind() == "ssd"


def test_btrfs_has_a_number_that_no_device_has(machine):
    machine.disk("8:0", "sda", 0)
    machine.nodes["/dev/sda"] = os.makedev(8, 0)
    machine.mount("0:44", "btrfs", "/dev/sda")
    assert machine.kind() == "ssd"


@pytest.mark.parametrize("form", ["nfs4", "cifs", "fuse.sshfs"])
def test_network(machine, form):
    machine.mount("0:50", form, "server:/export")
    assert machine.kind() == "network"


def test_memory(machine):
    machine.mount("0:50", "tmpfs", "tmpfs")
    assert machine.kind() == "memory"
    machine.disk("252:0", "zram0", 0)
    machine.mount("252:0", "ext4", "/dev/zram0")
    assert machine.kind() == "memory"


def test_whatever_is_not_told_is_unknown(machine):
    assert machine.kind() == "unknown"  # no mountinfo
    machine.mount("0:60", "zfs", "pool/data")
    assert machine.kind() == "unknown"
    machine.disk("8:0", "sda")
    machine.mount("8:0", "ext4", "/dev/sda")
    assert machine.kind() == "unknown"
    (machine.folder / "proc/mountinfo").write_text("42 nonsense\n")
    assert machine.kind() == "unknown"
    below = machine.disk("253:1", "dm-1", 0)
    (below / "slaves/dm-1").symlink_to(below)  # a circle
    machine.mount("253:1", "ext4", "/dev/dm-1")
    assert machine.kind() == "unknown"


@pytest.fixture
def cold(tmp_path):
    """A tree that is not in memory."""
    root = ordinary(tmp_path / "tree")
    for path in root.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fdatasync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
    descriptor = os.open(root, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_depth_follows_from_kind_and_memory(machine, cold, tmp_path):
    (machine.folder / f"proc/fdinfo/{cold}").write_text("mnt_id:\t42\n")
    machine.disk("8:0", "sda", 1)
    machine.mount("8:0", "ext4", "/dev/sda")
    assert depth(cold, None, system=machine.system) == Depth(1, max(8, CORES), CORES, cold=True, doubtful=True)
    assert depth(cold, None, "ssd") == Depth(CORES, max(8, CORES), CORES)
    network = depth(cold, None, "network")
    assert (network.most, network.blind, network.strict) == (max(16, 2 * CORES), True, True)
    assert depth(cold, 3, system=machine.system) == Depth(3, 3, 3)
    assert depth(cold, 3, "network") == Depth(3, 3, 3, blind=True, strict=True, window=64)
    with pytest.raises(UsageError, match="tape"):
        depth(cold, None, "tape")
    for path in (tmp_path / "tree").rglob("*"):
        if path.is_file():
            path.read_bytes()
    assert in_memory(cold)
    assert depth(cold, None, system=machine.system) == Depth(CORES, max(8, CORES), CORES, doubtful=True)


def test_who_says_that_it_spins_is_believed(cold):
    assert depth(cold, None, "spinning") == Depth(1, 1, 1, cold=True)


def test_this_machine_is_asked_without_harm(tmp_path):
    write(tmp_path / "file", b"x")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    assert depth(descriptor, None).first >= 1
    os.close(descriptor)


class Page:
    def __init__(self, files: int, size: int) -> None:
        self.counted = files, size, 0

    def totals(self):
        return self.counted


@pytest.mark.parametrize(
    ("deep", "files", "size", "counts"),
    [
        (Depth(1, 8, 2, cold=True, doubtful=True), 20, 1 << 20, [1, 1, 1, 1]),  # a spindle stays with one reader
        (Depth(1, 8, 2, cold=True, doubtful=True), 10**6, 1 << 20, [2, 4, 8, 8]),  # it only called itself one
        (Depth(1, 8, 2, cold=True, doubtful=True), 4, 1 << 33, [2, 4, 8, 8]),
        (Depth(2, 8, 2), 10, 10, [2, 2, 2, 2]),  # in memory: the processor is the limit
        (Depth(2, 5, 2, cold=True), 10, 10, [4, 5, 5, 5]),
        (Depth(2, 16, 16, blind=True), 10, 10, [4, 8, 16, 16]),
        (Depth(3, 3, 3), 10**6, 10, [3, 3, 3, 3]),
    ],
)
def test_workers_are_added_where_the_device_bears_them(deep, files, size, counts):
    pool = Pool(None, deep)
    pool.page.close()
    pool.page = Page(files, size)

    class One:
        def __init__(self, number: int) -> None:
            self.number = number

    pool._start = lambda number: pool._workers.setdefault(number, One(number))
    for number in range(deep.first):
        pool._start(number)
    seen = []
    for _ in range(4):
        pool._grow()
        seen.append(len(pool._workers))
    assert seen == counts


@pytest.mark.parametrize("kind", ["spinning", "ssd", "network", "memory"])
def test_every_kind_gives_the_same_answer(tmp_path, kind):
    root = ordinary(tmp_path / "tree")
    assert create(root, tmp_path / "m", application="a", device=kind).errors == 0
    create_manifest(root, tmp_path / "other", application="a", workers=1)
    for path in (tmp_path / "m", tmp_path / "other"):
        assert verify_tree(root, path, Plan(device=kind)).difference.clean
    write(root / "exact", b"other")
    assert verify_tree(root, tmp_path / "m", Plan(device=kind)).difference.counts["changed"] == 1
