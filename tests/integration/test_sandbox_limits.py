"""Limits are enforced: memory, processes, restored data; and the sandbox stays answerable where it can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from drp.sandboxes.host import cgroups
from tests.support.fixtures_sandboxes import Rig, profile

pytestmark = pytest.mark.real


FORK_BOMB = """python3 - <<'E'
import os, time
count = 0
try:
    while count < 2000:
        if os.fork() == 0:
            time.sleep(600); os._exit(0)
        count += 1
except OSError as error: print("stopped", count, error.errno)
E"""


def test_memory_beyond_the_limit_ends_the_command(rig: Rig) -> None:
    handle = rig.open(data_bytes=16 << 20)
    ended = rig.driver.target(handle).run(["/usr/bin/python3", "-c", "bytearray(600 << 20); print('had it')"])
    assert b"had it" not in ended.stdout
    assert ended.exit_code != 0


def test_a_fork_bomb_is_stopped(rig: Rig) -> None:
    handle = rig.open(processes=64)
    answer = rig.shell(handle, FORK_BOMB)
    assert answer.startswith("stopped")
    assert int(answer.split()[1]) < 64


def test_without_control_groups_prlimit_holds(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cgroups, "standing", lambda: "user")
    rig = make_rig()
    handle = rig.open(processes=40)
    assert cgroups.find(handle.id) == ()
    answer = rig.shell(handle, FORK_BOMB)
    assert answer.startswith("stopped"), answer
    assert int(answer.split()[1]) < 40
    other = rig.open()
    ended = rig.driver.target(other).run(["/usr/bin/python3", "-c", "bytearray(600 << 20); print('had it')"])
    assert b"MemoryError" in ended.stderr
    assert rig.driver.destroy(handle).clean


def test_a_tmpfs_cannot_fill_the_memory(rig: Rig) -> None:
    handle = rig.open()
    answer = rig.shell(
        handle,
        "for d in /tmp /run /dev/shm; do dd if=/dev/zero of=$d/x bs=1M count=1000 2>&1 | grep -c 'No space'; done; echo alive",
    )
    assert answer == "1\n1\n1\nalive\n"


def test_a_cpu_limit_is_set(rig: Rig) -> None:
    handle = rig.open(cpus=0.5)
    (directory,) = [each for each in cgroups.find(handle.id) if (each / "cpu.cfs_quota_us").exists()]
    assert (directory / "cpu.cfs_quota_us").read_text().strip() == "50000"


def test_a_unified_hierarchy_is_used_where_there_is_one(tmp_path: Path) -> None:
    """The files of cgroup v2, on a stand-in directory: what would be written where."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    group = cgroups.ControlGroup("drp-000000000000", profile(cpus=2.0), 1 << 28, root=tmp_path)
    (directory,) = group.directories
    assert directory == tmp_path / "drp" / "drp-000000000000"
    written = {each.name: each.read_text() for each in directory.iterdir() if each.name != "cgroup.procs"}
    assert written == {
        "memory.max": str(1 << 28),
        "memory.swap.max": "0",
        "pids.max": "128",
        "cpu.max": "200000 100000",
    }
    assert group.missing == ()
    assert cgroups.find("drp-000000000000", root=tmp_path) == (directory,)
    assert str(directory) in " ".join(group.launch_prefix())


def test_a_group_that_cannot_be_entered_is_given_up_for_prlimit(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    (tmp_path / "drp" / "drp-000000000000" / "cgroup.procs").mkdir(parents=True)
    group = cgroups.ControlGroup("drp-000000000000", profile(), 1 << 28, root=tmp_path)
    assert group.directories == ()
    assert group.missing == ("memory", "pids")
    assert group.launch_prefix() == []


ALL_CAPS = {"cpu_weight": 20, "io_weight": 2000, "io_bytes_per_second": 5_000_000}


def test_caps_are_written_where_the_one_tree_has_them(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids")
    group = cgroups.ControlGroup("drp-000000000000", profile(**ALL_CAPS), 1 << 28, root=tmp_path, disk="8:0")
    (directory,) = group.directories
    found = {name: (directory / name).read_text() for name in ("cpu.weight", "io.weight", "io.max")}
    assert found == {
        "cpu.weight": "20", "io.weight": "default 2000", "io.max": "8:0 rbps=5000000 wbps=5000000",
    }  # fmt: skip
    assert group.not_capped == ()


def test_a_cap_of_a_disk_that_nobody_can_name_is_not_in_force(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids")
    group = cgroups.ControlGroup("drp-000000000000", profile(**ALL_CAPS), 1 << 28, root=tmp_path)
    assert group.not_capped == ("io_bytes_per_second",)
    assert cgroups.disk_of(Path("/proc/self")) is None
    assert cgroups.disk_of(Path("/dev/shm")) is None


def test_a_cap_that_the_kernel_refuses_is_not_in_force(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    refused = tmp_path / "drp" / "drp-000000000000"
    for name in ("io.weight", "io.bfq.weight", "cpu.weight"):
        (refused / name).mkdir(parents=True)
    group = cgroups.ControlGroup("drp-000000000000", profile(**ALL_CAPS), 1 << 28, root=tmp_path, disk="8:0")
    assert group.not_capped == ("cpu_weight", "io_weight")


def test_without_any_group_no_cap_is_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "standing", lambda: "user")
    group = cgroups.ControlGroup("drp-000000000000", profile(**ALL_CAPS), 1 << 28, root=tmp_path, disk="8:0")
    assert group.not_capped == tuple(ALL_CAPS)
    assert cgroups.ControlGroup("drp-000000000000", profile(), 1 << 28, root=tmp_path).not_capped == ()


def test_a_weight_of_processors_is_in_force_here_and_what_is_not_is_told(rig: Rig) -> None:
    handle = rig.open(**ALL_CAPS)
    found = {
        name: (each / name).read_text().strip()
        for each in cgroups.find(handle.id)
        for name in ("cpu.shares", "cpu.weight", "io.max")
        if (each / name).exists()
    }
    assert found.get("cpu.shares") == "204" or found.get("cpu.weight") == "20"
    assert "cpu_weight" not in handle.not_capped
    assert ("io_bytes_per_second" in handle.not_capped) == ("wbps=5000000" not in found.get("io.max", ""))
    assert rig.driver.destroy(handle).clean
    assert cgroups.find(handle.id) == ()
    assert rig.open().not_capped == ()


@pytest.mark.parametrize(("weight", "clamped"), [(1, 10), (100, 100), (10_000, 1000)])
def test_weights_where_only_few_are_known(weight: int, clamped: int) -> None:
    assert cgroups.clamped(weight) == clamped
