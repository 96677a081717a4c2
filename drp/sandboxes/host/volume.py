"""The data volumes of a sandbox: where restored data lives, under a quota, and what becomes of it in the end.

memory: a tmpfs, gone with its mount. disk: an image (`image.py`), maybe encrypted (`ways.py`), that is erased
(`erasure.py`) when it is let go, by the reaper where nobody else could. Both show use through statvfs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drp import machine
from drp.atomic import storage_errors
from drp.domain.phrase import say, several
from drp.domain.precheck import LEAST_FREE_BYTES
from drp.domain.restore import RESTORED_FOLDER
from drp.domain.sandbox import SandboxProfile
from drp.domain.volume import MEMORY_SHARE, DataVolume, Erased, VolumeMade, VolumeRoom, image_bytes
from drp.errors import SandboxError, StorageFull
from drp.sandboxes.host import encryption, erasure, image, mounts, on_disk, swap, ways
from drp.sandboxes.host.encryption import Encrypted
from drp.sandboxes.host.identity import standing
from drp.sandboxes.host.ledger import Reservation, open_ledger
from drp.sandboxes.host.medium import Medium
from drp.trust import judge as trust

LEAST_BYTES = 16 << 20
"""A volume in memory that cannot have this much, or the little that was asked for, is not made."""
_IN_MEMORY = say("wait for other drills, recover fewer at once (`parallel`), or set `data_backing: disk`")


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
    medium: Medium
    encrypted: Encrypted | None = None
    """Its folder that is bound over it, where a key erases it."""


class Volumes:
    """The volumes of one sandbox, from before the first is mounted until all are erased."""

    def __init__(self, live: Path, run_directory: Path) -> None:
        """Take the live directory of a sandbox, where volumes are mounted, and the run directory that it is of."""
        self.path = live / "data"
        """Where the first is mounted, to be ``/data``; parts of the tree are mounted beside it, and bound."""
        self._sandbox, self._run_directory = live.name, run_directory
        self._mounted: list[_Mounted] = []
        self._held: list[Reservation] = []
        self._noted: list[Path] = []

    @property
    def made(self) -> tuple[VolumeMade, ...]:
        """Return what was made, the first volume first."""
        return tuple(each.made for each in self._mounted)

    @property
    def folder(self) -> Path:
        """Return the host folder that the first is in; in memory, where the others would be."""
        placed = [Path(each.directory) for each in self.made if each.directory]
        return placed[0] if placed else self._run_directory

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
            message = say("a data volume under quota needs root, or the drill worker's own namespaces")
            raise SandboxError(message, hint="run the drill through `drp drill run`, which makes them")
        if profile.data_backing == "disk":
            folders = [Path(each) for each in profile.volumes] or [self._run_directory]
            self._mount_disk(folders, profile.data_bytes, profile, uid, place=self.path)
        else:
            self._mount_memory(profile, uid)
        sockets = self.path / "sockets"
        sockets.mkdir()
        sockets.chmod(0o1777)  # where a restored server is asked by whoever looks at it from a cell
        restored = self.path / RESTORED_FOLDER
        restored.mkdir()
        restored.chmod(0o755)
        os.chown(restored, uid, uid)
        for number, part in enumerate(sorted(profile.data_volumes, key=lambda each: each.at), 1):
            self._mount_part(part, profile, uid, number)

    def _mount_part(self, part: DataVolume, profile: SandboxProfile, uid: int, number: int) -> None:
        """Give a part of the tree a volume of its own: nothing is in the tree yet that could lead elsewhere.

        It is let go by the place beside the tree that it is mounted at: ways through the tree are the restored data's.
        """
        place = self.path.with_name(f"{self.path.name}-{number}")
        place.mkdir()
        place.chmod(0o755)
        self._mount_disk([Path(part.directory)], part.size_bytes, profile, uid, place=place, at=part.at, number=number)
        seen = self.path / RESTORED_FOLDER
        for name in part.at.strip("/").split("/"):
            seen /= name
            if not seen.is_dir():
                seen.mkdir()
                seen.chmod(0o755)
                os.chown(seen, uid, uid)
        mounts.bind(place, seen)

    def _mount_memory(self, profile: SandboxProfile, uid: int) -> None:
        with open_ledger(self._run_directory) as ledger:
            there = int((available_memory() - ledger.reserved()) * MEMORY_SHARE)
            size = min(profile.data_bytes, there)
            if size < min(profile.data_bytes, LEAST_BYTES):
                message = say(
                    "no room in memory for a data volume: {room} MiB, others' quotas taken off",
                    room=max(0, there) >> 20,
                )
                raise StorageFull(message, hint=_IN_MEMORY)
            self._held.append(ledger.reserve(memory_bytes=size))
        try:
            locked = mounts.mount_tmpfs(self.path, size_bytes=size, uid=uid)
        except OSError as error:
            message = say("cannot mount a data volume in memory: {why}", why=error.strerror)
            raise SandboxError(message) from error
        made = VolumeMade(
            backing="memory", size_bytes=size, erased_by="memory", why="not-on-disk", swap=swap.of(locked=locked)
        )
        self._mounted.append(_Mounted(made=made, path=self.path, image=None, medium=Medium(self.path, None)))

    def _mount_disk(
        self,
        folders: Sequence[Path],
        quota: int,
        profile: SandboxProfile,
        uid: int,
        *,
        place: Path,
        at: str = "",
        number: int = 0,
    ) -> None:
        """Make an image in the first of the folders that has room, and mount it."""
        on_disk.require(profile)
        file = self._allocate(folders, quota, number)
        made = VolumeMade(
            at=at,
            backing="disk",
            size_bytes=quota,
            directory=str(file.parent),
            erased_by="overwrite",
            swap=swap.of(locked=True),  # pages of files are written to their image, never to swap
        )
        way = ways.UNDECIDED
        try:
            image.mount(file, place, uid=uid, features=ways.features(profile.erase))
            way = ways.choose(profile.erase, place, file)
            if way.encrypted is not None:
                os.chown(way.encrypted.path, uid, uid)
                mounts.bind(way.encrypted.path, place)
        finally:  # mounted or not, it is there, and is to be erased
            medium, encrypted = Medium(place, file), way.encrypted
            self._mounted.append(
                _Mounted(made=way.told(made), path=place, image=file, medium=medium, encrypted=encrypted)
            )

    def _allocate(self, folders: Sequence[Path], quota: int, number: int) -> Path:
        """Return a new image in the first of the folders that has room. Raises ``StorageFull``, ``Untrusted``."""
        for folder in folders:
            if folder != self._run_directory:
                _make_place(folder)
        name = f"{self._sandbox}-{number}" if number else self._sandbox
        files = [folder / f"{name}{image.SUFFIX}" for folder in folders]
        self._noted += files
        image.note(self._run_directory, self._sandbox, self._noted)
        for file in files:
            with suppress(StorageFull):
                image.allocate(file, quota, spare_bytes=spare(file.parent, self._run_directory))
                with open_ledger(self._run_directory) as ledger:
                    self._held.append(ledger.reserve(disk_bytes=image_bytes(quota), device=file.stat().st_dev))
                return file
        image.forget(self._run_directory, self._sandbox)
        places = several(map(str, folders))
        message = say(
            "{places}: no room for a data volume of {quota} MiB, {needed} MiB on disk",
            places=places,
            quota=quota >> 20,
            needed=image_bytes(quota) >> 20,
        )
        raise StorageFull(message, hint=image.NO_ROOM)

    def rooms(self) -> tuple[VolumeRoom, ...]:
        """Return how full each of them is now."""
        found = ((each.made, usage(each.path)) for each in self._mounted)
        return tuple(VolumeRoom(at=made.at, size_bytes=made.size_bytes, free_bytes=now.free) for made, now in found)

    def settle(self) -> None:
        """Write everything to the media, and forget what is cached. Raises ``MediumFailed``."""
        for each in self._mounted:
            each.medium.settle()

    def close(self) -> tuple[Erased, ...]:
        """Unmount and erase all of them; what is left keeps its name. Safe to call again.

        With the first goes what is bound below it.
        """
        erased: list[Erased] = []
        for each in self._mounted:
            each.medium.close()
        for each in self._mounted:
            if each.image is None:
                mounts.unmount(each.path)
                erased.append(Erased(at=each.made.at, erased_by=each.made.erased_by, done=True))
            else:
                erased.append(_erase(each, each.image))
        self._mounted.clear()
        self._give_back()
        image.forget(self._run_directory, self._sandbox)
        return tuple(erased)

    def _give_back(self) -> None:
        """Let go what was reserved, and the ledger where nobody is at work any more."""
        if self._held:
            with suppress(SandboxError), open_ledger(self._run_directory):
                for each in self._held:
                    each.release()
            self._held.clear()


def _erase(volume: _Mounted, file: Path) -> Erased:
    by, at = volume.made.erased_by, volume.made.at
    ciphertext = _forget(volume.path, volume.encrypted) if volume.encrypted is not None else ()
    if not image.detach(file, volume.path):
        return Erased(at=at, erased_by=by, done=False, left=say("{path}: something still holds it", path=file))
    return erasure.erase(file, by=by if ciphertext else "overwrite", at=at, ciphertext=ciphertext)


def _forget(path: Path, encrypted: Encrypted) -> Sequence[tuple[int, int]]:
    """Have the key forgotten, and return where ciphertext is; where nobody can tell, none: all is overwritten then."""
    mounts.unmount(path)  # the folder, which is bound over its own volume
    try:
        ciphertext = encryption.ciphertext(encrypted.path)
        encrypted.forget()
    except OSError:
        return ()
    return ciphertext


def usage(path: Path | str) -> VolumeUsage:
    """Return how full the volume at ``path`` is."""
    found = os.statvfs(path)
    total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    return VolumeUsage(total=total, used=total - found.f_bfree * found.f_frsize, free=free)


def _make_place(folder: Path) -> None:
    """Make a folder for images, or judge the one that is there: nobody else may put anything into it.

    Raises ``Untrusted``, ``StorageFull``.
    """
    trust.require([trust.Trust().doubt(folder)])
    with storage_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    trust.require([trust.Trust().doubt(folder)])


def spare(folder: Path, run_directory: Path) -> int:
    """Return what a volume leaves on the file system that it is made on: where the journal is, enough to go on."""
    return LEAST_FREE_BYTES if image.device(folder) == image.device(run_directory) else 0


def available_memory() -> int:
    """Return the bytes of memory that can be had without swapping; where nobody tells, a gibibyte."""
    there = machine.available_memory()
    return 1 << 30 if there is None else there
