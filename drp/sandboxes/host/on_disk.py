"""What mounts an image for whom: a loop device for root, fuse2fs for a plain user in the drill worker's namespaces.

fuse2fs is a process of that user, which ends with the worker and gains nobody any right: what it misreads is an image
that it made itself. It checks no permissions; the kernel does, as on any file system (``default_permissions``).
Whether it keeps what a backup holds is tried first: fuse2fs 1.47.0 shows times without parts of a second and has no
access control lists, so every file of a sound backup would look changed.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
import tempfile
from pathlib import Path

from drp.command import run
from drp.domain.phrase import NOTHING, Phrase, fact, own_words, say, several
from drp.domain.phrase_form import read, written
from drp.domain.sandbox import SandboxProfile
from drp.errors import CommandFailed, SandboxError
from drp.sandboxes.host import mounts
from drp.sandboxes.host.identity import standing
from drp.sandboxes.host.worker import worker_command

_FUSE = Path("/dev/fuse")
_LOOP = Path("/dev/loop-control")
_OPTIONS = "rw,allow_other,default_permissions,nosuid,nodev,noatime"
_TRIAL_BYTES = 16 << 20
_ODD_TIME = 1_700_000_000_123_456_789
_ACL_ENTRIES = ((1, 6, 0xFFFFFFFF), (2, 4, 0), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF))
_ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in _ACL_ENTRIES)
"""Owner, the user 0, group, mask and others, as posix_acl_xattr.h has them."""
_OR_MEMORY = say("or set `data_backing: memory`")


def require(profile: SandboxProfile) -> str:
    """Return by what a volume on disk of a profile would be mounted. Raises ``SandboxError`` with exactly why none can.

    In the worker's namespaces and before them the answer is the same.
    """
    why, mend = obstacle()
    if why:
        raise SandboxError(
            say("`data_backing: disk` cannot be had: {why}", why=why),
            hint=say("{mend}, {or_memory}", mend=mend, or_memory=_OR_MEMORY),
        )
    if standing() == "root":
        return fact("loop-devices", "loop devices")
    if profile.identity == "range":
        message = say("`data_backing: disk` of a plain user holds files of one owner, and not `identity: range`")
        raise SandboxError(
            message, hint=say("set `identity: single`, run drp as root, {or_memory}", or_memory=_OR_MEMORY)
        )
    return "fuse2fs"


def obstacle() -> tuple[Phrase, Phrase]:
    """Return why this user can have no volumes on disk, and what to do about it; two empty words: he can."""
    if standing() == "root":
        lacking = say("there is no {device}", device=_LOOP), say("load the module: modprobe loop")
        return (NOTHING, NOTHING) if _LOOP.exists() else lacking
    if shutil.which("fuse2fs") is None:
        why = say("a plain user needs fuse2fs, which is not installed")
        return why, say("apt-get install fuse2fs, run drp as root")
    try:
        os.close(os.open(_FUSE, os.O_RDWR | os.O_CLOEXEC))  # which does nothing until it is mounted
    except FileNotFoundError:
        why = say("a plain user needs {device}, which is not there", device=_FUSE)
        return why, say("load the module: modprobe fuse, run drp as root")
    except OSError as error:
        mode = _FUSE.stat().st_mode & 0o777
        why = say(
            "a plain user needs {device}, whose mode is {mode}: {why}",
            device=_FUSE,
            mode=f"{mode:04o}",
            why=error.strerror,
        )
        mend = say('chmod 0666 {device} (lasting, by udev: KERNEL=="fuse", MODE="0666"), run drp as root', device=_FUSE)
        return why, mend
    lost = _tried()
    return (lost, say("install a newer fuse2fs, run drp as root")) if lost else (NOTHING, NOTHING)


def _tried() -> Phrase:
    """Return what keeps fuse2fs from being used, found by mounting a small image in a worker's namespaces."""
    if standing() == "mapped":
        return _trial()
    try:
        argv = worker_command([sys.executable, "-m", "drp.sandboxes.host.on_disk"])
        return read(json.loads(run(argv, timeout_seconds=60).stdout))
    except CommandFailed as error:
        return say("the fuse2fs that is installed cannot be tried: {why}", why=own_words(error.message))


def _trial() -> Phrase:
    with tempfile.TemporaryDirectory(prefix="drp-fuse-") as name:
        image, path = Path(name, "image"), Path(name, "mounted")
        path.mkdir()
        image.touch(mode=0o600)
        os.truncate(image, _TRIAL_BYTES)
        try:
            run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", str(image)], timeout_seconds=60)
            mount_by_fuse(image, path)
        except CommandFailed as error:
            return say("the fuse2fs that is installed cannot mount: {why}", why=own_words(error.message))
        try:
            lost = _lost(path / "trial")
        finally:
            mounts.unmount(path)
        return (
            say(
                "the fuse2fs that is installed does not keep {lost}, so a sound backup would look changed",
                lost=several(lost),
            )
            if lost
            else NOTHING
        )


def _lost(file: Path) -> list[Phrase]:
    """Return what a file system does not keep of a new file."""
    lost = []
    file.touch()
    os.utime(file, ns=(1, _ODD_TIME))
    if file.stat().st_mtime_ns != _ODD_TIME:
        lost.append(say("parts of a second of times"))
    for name, value in (("user.drp", b"1"), ("system.posix_acl_access", _ACL)):
        try:
            os.setxattr(file, name, value)
            kept = os.getxattr(file, name) == value
        except OSError:
            kept = False
        if not kept:
            lost.append(say("extended attributes") if name == "user.drp" else say("access control lists"))
    return lost


def mount_by_fuse(image: Path, path: Path) -> None:
    """Mount an image with a file system in it. Raises ``CommandFailed``."""
    run(["tune2fs", "-r", "1", str(image)], timeout_seconds=60)  # with none, fuse2fs keeps back a tenth
    run(["fuse2fs", str(image), str(path), "-o", _OPTIONS], timeout_seconds=60)


def is_open(image: Path) -> bool:
    """Return whether a process of this user, other than this one, has an image open, as fuse2fs has until it ends."""
    try:
        wanted = image.stat()
    except OSError:
        return False
    return any(_holds(each, wanted) for each in Path("/proc").glob("[0-9]*") if each.name != str(os.getpid()))


def _holds(process: Path, wanted: os.stat_result) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # another's, or gone
        return False
    for each in descriptors:
        try:
            if os.path.samestat(each.stat(), wanted):
                return True
        except OSError:
            continue
    return False


if __name__ == "__main__":
    sys.stdout.write(json.dumps(written(_trial())))
