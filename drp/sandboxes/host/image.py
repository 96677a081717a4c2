"""Images of volumes on disk: a file of a fixed size with ext4 in it, mounted by what `on_disk.py` says.

An image keeps its name until it was erased, and is written down, durably, before it is made: whoever comes after a
crash, or a loss of power, finds it wherever it lies, also when the configuration names other folders by then.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from drp.atomic import storage_errors, write_atomically
from drp.command import run
from drp.domain.phrase import own_words, say
from drp.domain.volume import image_bytes
from drp.errors import CommandFailed, SandboxError, StorageFull
from drp.sandboxes.host import mounts, on_disk
from drp.sandboxes.host.identity import standing

SUFFIX = ".image"
NO_ROOM = say("free space, lower `data_bytes` of the sandbox profile, or name other folders in `volumes.directories`")
NOTES = ".images"
_LOOP_SET_DIRECT_IO = 0x4C08
_MOUNTED = "loop,nosuid,nodev,noatime,noinit_itable"
"""The kernel's late zeroing of inode tables would punch holes into the image, and give back what was reserved."""
_DETACH_SECONDS = 30.0
"""Killed processes take their moment to let a mount go, and so do others that copied the mount namespace."""


def note(run_directory: Path, sandbox: str, images: Sequence[Path]) -> None:
    """Write down, durably, which images a sandbox is going to have. Raises ``StorageFull``."""
    content = b"".join(os.fsencode(each) + b"\0" for each in images)
    with storage_errors(run_directory):
        run_directory.mkdir(parents=True, exist_ok=True)
    write_atomically(run_directory / f"{sandbox}{NOTES}", content, mode=0o600)


def noted(run_directory: Path, sandbox: str) -> tuple[Path, ...]:
    """Return the images that were written down for a sandbox, whether or not they are there."""
    try:
        content = (run_directory / f"{sandbox}{NOTES}").read_bytes()
    except OSError:
        content = b""
    known = [Path(os.fsdecode(each)) for each in content.split(b"\0")[:-1]]
    beside = run_directory / f"{sandbox}{SUFFIX}"  # of a drp that wrote nothing down
    return (*known, beside) if beside not in known and beside.exists() else tuple(known)


def forget(run_directory: Path, sandbox: str) -> None:
    """Forget a sandbox's images, as far as they are gone."""
    if not any(os.path.lexists(each) for each in noted(run_directory, sandbox)):
        (run_directory / f"{sandbox}{NOTES}").unlink(missing_ok=True)


def allocate(image: Path, quota: int, *, spare_bytes: int = 0) -> None:
    """Make an image for a quota, all of whose blocks are its own; so much is to be left on its file system.

    Raises ``StorageFull``, ``SandboxError``; then nothing is left.
    """
    with storage_errors(image):
        image.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(image, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, image_bytes(quota))
        if room(image.parent) < spare_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - as if the kernel had said so
    except OSError as error:
        image.unlink()
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            message = say(
                "{parent} has no room for a data volume of {quota} MiB", parent=image.parent, quota=quota >> 20
            )
            raise StorageFull(message, hint=NO_ROOM) from error
        message = say(
            "room for a data volume cannot be reserved in {parent}: {why}",
            parent=image.parent,
            why=error.strerror,
        )
        raise SandboxError(message, hint="name a folder on another file system in `volumes.directories`") from error
    finally:
        os.close(descriptor)


def _there(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def device(folder: Path) -> int:
    """Return the number of the file system that a folder is on, or will be."""
    return _there(folder).stat().st_dev


def room(folder: Path) -> int:
    """Return the bytes that are free where a folder is, or will be made."""
    free = os.statvfs(_there(folder))
    return free.f_bavail * free.f_frsize


def mount(image: Path, path: Path, *, uid: int, features: Sequence[str] = ()) -> None:
    """Make a file system in an image, owned by ``uid``, and mount it. Raises ``SandboxError``."""
    asked = ",".join(("^has_journal", *features))
    options = f"root_owner={uid}:{uid},lazy_itable_init=1,lazy_journal_init=1,nodiscard"
    make = ["mkfs.ext4", "-q", "-F", "-m", "0", "-O", asked, "-E", options, str(image)]
    try:
        run(make, timeout_seconds=120)
        if standing() == "root":
            run(["mount", "-t", "ext4", "-o", _MOUNTED, str(image), str(path)], timeout_seconds=60)
        else:
            on_disk.mount_by_fuse(image, path)
    except CommandFailed as error:
        message = say("cannot make a data volume on disk: {words}", words=own_words(error.message))
        raise SandboxError(message, hint="see `drp doctor`, or set `data_backing: memory`") from error
    (path / "lost+found").rmdir()
    pass_by_cache(path)


def detach(image: Path, path: Path | None = None) -> bool:
    """Unmount an image, free its loop devices, wait for fuse2fs to end; return whether nothing holds it any more."""
    while path is not None and mounts.unmount(path):
        pass  # what was bound over it, then itself
    deadline = time.monotonic() + _DETACH_SECONDS
    while (devices := _devices(image)) or (standing() != "root" and on_disk.is_open(image)):
        if time.monotonic() > deadline:
            return False
        for device in devices:  # of which a mount that is going away frees itself, and one that never came does not
            with suppress(CommandFailed):
                run(["losetup", "--detach", device], timeout_seconds=10)
        time.sleep(0.02)
    return True


def _devices(image: Path) -> tuple[str, ...]:
    try:
        argv = ["losetup", "--noheadings", "--output", "NAME", "--associated", str(image)]
        return tuple(run(argv, timeout_seconds=10).stdout.split())
    except CommandFailed:
        return ()


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
