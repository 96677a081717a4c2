"""What can be swapped, and where it would stay."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drp.sandboxes.host import swap

HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host whose kernel says what a test lets it say."""
    monkeypatch.setattr(swap, "SWAPS", tmp_path / "swaps")
    monkeypatch.setattr(swap, "BLOCKS", tmp_path / "block")
    monkeypatch.setattr(swap, "CGROUPS", tmp_path / "cgroup")
    (tmp_path / "cgroup" / "memory").mkdir(parents=True)
    return tmp_path


def swap_to(host: Path, *, device: str, uuid: str = "", backing: str | None = None) -> Path:
    """Have the host swap to a file that lies on a device."""
    file = host / "swap file"
    file.touch()
    (host / "swaps").write_text(f"{HEAD}{_escaped(file)} file 1048572 0 -2\n")
    number = file.stat().st_dev
    block = host / "devices" / device
    (block / "dm").mkdir(parents=True)
    if uuid:
        (block / "dm" / "uuid").write_text(f"{uuid}\n")
    if backing is not None:
        (block / "backing_dev").write_text(f"{backing}\n")
    (host / "block").mkdir()
    (host / "block" / f"{os.major(number)}:{os.minor(number)}").symlink_to(block)
    return file


def _escaped(file: Path) -> str:
    return str(file).replace(" ", "\\040")


def test_a_host_without_swap_swaps_nothing(host: Path) -> None:
    (host / "swaps").write_text(HEAD)
    assert swap.of(locked=False) == swap.of(locked=True) == "none"
    assert swap.exposed() == ()


def test_a_host_that_says_nothing_is_not_believed(host: Path) -> None:
    assert swap.devices() is None
    assert swap.of(locked=False) == "unknown"
    assert swap.of(locked=True) == "off"


@pytest.mark.parametrize(
    ("device", "uuid", "backing", "kept"),
    [
        ("sda2", "", None, True),
        ("dm-0", "LVM-abc", None, True),
        ("dm-1", "CRYPT-PLAIN-swap", None, False),
        ("zram0", "", "none", False),
        ("zram0", "", "/dev/sda3", True),
    ],
)
def test_a_device_that_keeps_what_was_swapped_is_named(
    host: Path, device: str, uuid: str, backing: str | None, kept: bool
) -> None:
    file = swap_to(host, device=device, uuid=uuid, backing=backing)
    assert swap.devices() == (file,)
    assert swap.exposed() == ((file,) if kept else ())


def test_control_groups_keep_what_is_inside_out_of_swap_where_they_can(host: Path) -> None:
    swap_to(host, device="sda2")
    assert (swap.of(locked=False), swap.of(locked=True)) == ("possible", "off")
    (host / "cgroup" / "memory" / "memory.limit_in_bytes").touch()
    assert swap.of(locked=False) == "possible", "of a kernel that does not account swap"
    (host / "cgroup" / "memory" / "memory.memsw.limit_in_bytes").touch()
    assert swap.of(locked=False) == "limited"
    for each in (host / "cgroup" / "memory").iterdir():
        each.unlink()
    (host / "cgroup" / "cgroup.controllers").write_text("cpu memory pids\n")
    assert swap.of(locked=False) == "limited"
