"""What a machine has to give: its own end, or that of a container around us; odd machines tell less and break nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp import machine

GIB = 1 << 30


def host(folder: Path, own: str, **files: str) -> dict[str, Path]:
    """Lay down the files of a machine with 16 GiB available and one process in a control group."""
    (folder / "own").write_text(own)
    (folder / "meminfo").write_text(f"MemTotal: 99999 kB\nMemAvailable: {16 * GIB // 1024} kB\nSwapTotal: 0 kB\n")
    for name, content in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return {"root": folder / "groups", "own": folder / "own"}


def available(folder: Path, own: str, **files: str) -> int | None:
    return machine.available_memory(**host(folder, own, **files), meminfo=folder / "meminfo")


def test_without_groups_the_machine_s_own_end_counts(tmp_path: Path) -> None:
    assert available(tmp_path, "0::/\n") == 16 * GIB


def test_where_nobody_tells_there_is_no_number(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    assert machine.available_memory(root=nothing, own=nothing, meminfo=nothing) is None
    assert machine.cores(root=nothing, own=nothing) >= 1


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/user.slice/a\n", {"user.slice/a/memory.max": f"{4 * GIB}\n", "user.slice/a/memory.current": f"{GIB}\n"}),
        (
            "0::/user.slice/a\n",
            {
                "user.slice/a/memory.max": "max\n",
                "user.slice/memory.max": f"{4 * GIB}\n",
                "user.slice/memory.current": f"{2 * GIB}\n",
                "user.slice/memory.stat": f"anon 5\ninactive_file {GIB}\n",
            },
        ),
        (
            "4:memory:/box/1\n1:cpu:/\n0::/\n",
            {
                "memory/box/1/memory.limit_in_bytes": f"{4 * GIB}\n",
                "memory/box/1/memory.usage_in_bytes": f"{2 * GIB}\n",
                "memory/box/1/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n",
            },
        ),
    ],
)
def test_a_container_s_limit_counts_less_what_is_used_and_cannot_be_taken_back(tmp_path, own, files) -> None:
    assert available(tmp_path, own, **files) == 3 * GIB


@pytest.mark.parametrize("limit", ["max", str((1 << 63) - 4096)])
def test_no_limit_is_none(tmp_path: Path, limit: str) -> None:
    files = {"memory.max": limit, "memory/memory.limit_in_bytes": limit}
    assert available(tmp_path, "4:memory:/\n0::/\n", **files) == 16 * GIB


def test_more_used_than_allowed_is_nothing_and_not_less(tmp_path: Path) -> None:
    assert available(tmp_path, "0::/a\n", **{"a/memory.max": "1000\n", "a/memory.current": "5000\n"}) == 0


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({"a/cpu.max": "50000 100000\n"}, 1),
        ({"cpu/a/cpu.cfs_quota_us": "100000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, 1),
    ],
)
def test_a_quota_of_processors_counts(tmp_path: Path, files: dict[str, str], most: int) -> None:
    assert machine.cores(**host(tmp_path, "1:cpu:/a\n0::/a\n", **files)) == most


def test_no_quota_leaves_all_processors(tmp_path: Path) -> None:
    files = {"a/cpu.max": "max 100000\n", "cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"}
    there = machine.cores(root=tmp_path / "none", own=tmp_path / "none")
    assert machine.cores(**host(tmp_path, "1:cpu:/a\n0::/a\n", **files)) == there
