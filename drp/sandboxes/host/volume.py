"""The data volumes of a sandbox: where restored data lives, under a quota, and what becomes of it in the end.

memory: a tmpfs, gone with its mount. disk: an image (`image.py`) that is erased (`erasure.py`) when it is let go, by
the reaper where nobody else could. Both show use through statvfs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from drp import machine
from drp.domain.restore import RESTORED_FOLDER
from drp.domain.sandbox import SandboxProfile
from drp.domain.volume import Erased, VolumeMade
from drp.errors import SandboxError, StorageFull
from drp.sandboxes.host import erasure, image, mounts
from drp.sandboxes.host.identity import standing

MEMORY_SHARE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeUsage:
    """How full a volume is, in bytes."""

    total: int
    used: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mounted:
    """A volume that is mounted."""

    made: VolumeMade
    path: Path
    image: Path | None
    """On disk: the file that it is in."""


class Volumes:
    """The volumes of one sandbox, from before the first is mounted until all are erased."""

    def __init__(self, live: Path, run_directory: Path) -> None:
        """Take the live directory of a sandbox, where volumes are mounted, and the run directory that it is of."""
        self.path = live / "data"
        """Where the first is mounted, and what is to be ``/data``."""
        self._sandbox, self._run_directory = live.name, run_directory
        self._mounted: list[_Mounted] = []

    @property
    def made(self) -> tuple[VolumeMade, ...]:
        """Return what was made, the first volume first."""
        return tuple(each.made for each in self._mounted)

    @property
    def memory_bytes(self) -> int:
        """Return the quotas in force of those that are in memory."""
        return sum(each.size_bytes for each in self.made if each.backing == "memory")

    def make(self, profile: SandboxProfile, *, uid: int) -> None:
        """Mount what a profile asks for, owned by ``uid``, with empty folders for what is restored and for sockets.

        Raises ``SandboxError`` when this standing cannot mount it, ``StorageFull`` when there is no room for it: what
        was made until then is let go by `close`.
        """
        self.path.mkdir()
        self.path.chmod(0o755)
        if standing() == "user":
            message = "a data volume under quota needs root, or the drill worker's own namespaces"
            raise SandboxError(message, hint="run the drill through `drp drill run`, which makes them")
        if profile.data_backing == "disk":
            self._mount_disk(profile, uid)
        else:
            self._mount_memory(profile, uid)
        sockets = self.path / "sockets"
        sockets.mkdir()
        sockets.chmod(0o1777)  # where a restored server is asked by whoever looks at it from a cell
        restored = self.path / RESTORED_FOLDER
        restored.mkdir()
        restored.chmod(0o755)
        os.chown(restored, uid, uid)

    def _mount_memory(self, profile: SandboxProfile, uid: int) -> None:
        size = min(profile.data_bytes, int(available_memory() * MEMORY_SHARE))
        try:
            mounts.mount_tmpfs(self.path, size_bytes=size, uid=uid)
        except OSError as error:
            message = f"cannot mount a data volume in memory: {error.strerror}"
            raise SandboxError(message) from error
        made = VolumeMade(backing="memory", size_bytes=size, erased_by="memory", why="not-on-disk")
        self._mounted.append(_Mounted(made=made, path=self.path, image=None))

    def _mount_disk(self, profile: SandboxProfile, uid: int) -> None:
        if standing() != "root":
            message = "a data volume on disk needs root (it is a loop mount)"
            raise SandboxError(message, hint="set `data_backing: memory` in the sandbox profile, or run drp as root")
        folder = self._run_directory
        if room_on_disk(folder) < profile.data_bytes:
            message = f"{folder} has no room for a data volume of {profile.data_bytes >> 20} MiB"
            raise StorageFull(message, hint="free space, or lower `data_bytes` of the sandbox profile")
        file = folder / f"{self._sandbox}{image.SUFFIX}"
        image.note(self._run_directory, self._sandbox, [file])
        image.allocate(file, profile.data_bytes)
        by, why = erasure.way(profile.erase)
        made = VolumeMade(
            backing="disk", size_bytes=profile.data_bytes, directory=str(folder), erased_by=by, why=why
        )  # fmt: skip
        self._mounted.append(_Mounted(made=made, path=self.path, image=file))
        image.mount(file, self.path, uid=uid)

    def close(self) -> tuple[Erased, ...]:
        """Unmount and erase all of them, the last first; what is left keeps its name. Safe to call again."""
        erased: list[Erased] = []
        for each in reversed(self._mounted):
            if each.image is None:
                mounts.unmount(each.path)
                erased.append(Erased(at=each.made.at, erased_by=each.made.erased_by, done=True))
            else:
                erased.append(_erase(each, each.image))
        self._mounted.clear()
        image.forget(self._run_directory, self._sandbox)
        return tuple(reversed(erased))


def _erase(volume: _Mounted, file: Path) -> Erased:
    if not image.detach(file, volume.path):
        left = f"{file}: something still holds it"
        return Erased(at=volume.made.at, erased_by=volume.made.erased_by, done=False, left=left)
    return erasure.erase(file, by=volume.made.erased_by, at=volume.made.at)


def usage(path: Path | str) -> VolumeUsage:
    """Return how full the volume at ``path`` is."""
    found = os.statvfs(path)
    total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    return VolumeUsage(total=total, used=total - found.f_bfree * found.f_frsize, free=free)


def room_on_disk(directory: Path) -> int:
    """Return the bytes that are free where volumes on disk are made, or will be."""
    place = next(each for each in (directory, *directory.parents) if each.exists())
    free = os.statvfs(place)
    return free.f_bavail * free.f_frsize


def available_memory() -> int:
    """Return the bytes of memory that can be had without swapping; where nobody tells, a gibibyte."""
    there = machine.available_memory()
    return 1 << 30 if there is None else there
