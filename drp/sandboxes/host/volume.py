"""The data volume: where restored data lives, under a quota, and from which nothing can be recovered by a crash.

memory: a tmpfs, gone with its mount. disk: a loop-mounted ext4 image whose name is removed as soon as it is mounted,
so that the kernel frees it when the mount goes, by whatever end. Both show use through statvfs.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drp import machine
from drp.atomic import storage_errors
from drp.command import run
from drp.domain.restore import RESTORED_FOLDER
from drp.errors import CommandFailed, SandboxError, StorageFull
from drp.sandboxes.host import mounts
from drp.sandboxes.host.identity import standing

MEMORY_SHARE = 0.75
_SMALLEST_IMAGE = 16 << 20
_LOOP_SET_DIRECT_IO = 0x4C08


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeUsage:
    """How full a volume is, in bytes."""

    total: int
    used: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A mounted data volume."""

    path: Path
    backing: Literal["memory", "disk"]
    size_bytes: int
    """The quota in force: for memory never more than three quarters of what is available."""


def usage(path: Path | str) -> VolumeUsage:
    """Return how full the volume at ``path`` is."""
    found = os.statvfs(path)
    total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    return VolumeUsage(total=total, used=total - found.f_bfree * found.f_frsize, free=free)


def make(path: Path, *, backing: Literal["memory", "disk"], size_bytes: int, uid: int, image_directory: Path) -> Volume:
    """Mount a new volume at ``path``, owned by ``uid``, with empty folders for what is restored and for sockets.

    Raises ``SandboxError`` when this standing cannot mount it, ``StorageFull`` when there is no room for it.
    """
    path.mkdir()
    path.chmod(0o755)
    if standing() == "user":
        message = "a data volume under quota needs root, or the drill worker's own namespaces"
        raise SandboxError(message, hint="run the drill through `drp drill run`, which makes them")
    if backing == "disk":
        _mount_disk(path, size_bytes, uid, image_directory)
    else:
        size_bytes = min(size_bytes, int(available_memory() * MEMORY_SHARE))
        try:
            mounts.mount_tmpfs(path, size_bytes=size_bytes, uid=uid)
        except OSError as error:
            message = f"cannot mount a data volume in memory: {error.strerror}"
            raise SandboxError(message) from error
    sockets = path / "sockets"
    sockets.mkdir()
    sockets.chmod(0o1777)  # where a restored server is asked by whoever looks at it from a cell
    restored = path / RESTORED_FOLDER
    restored.mkdir()
    restored.chmod(0o755)
    os.chown(restored, uid, uid)
    return Volume(path=path, backing=backing, size_bytes=size_bytes)


def _mount_disk(path: Path, size_bytes: int, uid: int, image_directory: Path) -> None:
    if standing() != "root":
        message = "a data volume on disk needs root (it is a loop mount)"
        raise SandboxError(message, hint="set `data_backing: memory` in the sandbox profile, or run drp as root")
    image = image_directory / f"{path.parent.name}.image"
    with storage_errors(image):
        image_directory.mkdir(parents=True, exist_ok=True)
        if room_on_disk(image_directory) < size_bytes:
            message = f"{image_directory} has no room for a data volume of {size_bytes >> 20} MiB"
            raise StorageFull(message, hint="free space, or lower `data_bytes` of the sandbox profile")
        descriptor = os.open(image, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, max(size_bytes, _SMALLEST_IMAGE))
        finally:
            os.close(descriptor)
    try:
        options = f"root_owner={uid}:{uid},lazy_itable_init=1,lazy_journal_init=1,nodiscard"
        run(
            ["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", options, str(image)],
            timeout_seconds=120,
        )
        run(["mount", "-t", "ext4", "-o", "loop,nosuid,nodev,noatime", str(image), str(path)], timeout_seconds=60)
    except CommandFailed as error:
        message = f"cannot make a data volume on disk: {error.message}"
        raise SandboxError(message, hint="load the loop module, or set `data_backing: memory`") from error
    finally:
        image.unlink(missing_ok=True)
    (path / "lost+found").rmdir()
    pass_by_cache(path)


def pass_by_cache(path: Path) -> bool:
    """Let the loop device below a mount write its image by direct IO; return whether it does.

    Otherwise everything is cached twice, and a kernel thread copies it from one cache to the other. Not every file
    system can (loop(4), LOOP_SET_DIRECT_IO): then it stays as it is.
    """
    number = path.stat().st_dev
    block = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not (block / "loop").is_dir():
        return False
    try:
        device = os.open(f"/dev/{block.resolve(strict=True).name}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.ioctl(device, _LOOP_SET_DIRECT_IO, 1)
        return (block / "loop" / "dio").read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False
    finally:
        os.close(device)


def room_on_disk(directory: Path) -> int:
    """Return the bytes that are free where volumes on disk are made, or will be."""
    place = next(each for each in (directory, *directory.parents) if each.exists())
    free = os.statvfs(place)
    return free.f_bavail * free.f_frsize


def available_memory() -> int:
    """Return the bytes of memory that can be had without swapping; where nobody tells, a gibibyte."""
    there = machine.available_memory()
    return 1 << 30 if there is None else there
