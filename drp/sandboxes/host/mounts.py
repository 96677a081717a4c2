"""Mounts by system call: data volumes, binds that a sandbox's uid may read, and what is mounted where.

Everything is nosuid and nodev. In the drill worker's own mount namespace all of it vanishes with the worker.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import time
from pathlib import Path

from drp.command import start
from drp.domain.phrase import say
from drp.errors import SandboxError
from drp.sandboxes.host.processes import finish, namespace

_MS_NOSUID, _MS_NODEV, _MS_BIND = 2, 4, 4096
_MNT_DETACH = 2
_HOLDER_SECONDS = 10.0
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE, _O_CLOEXEC = -100, 0x1000, 0x8000, 0x80000
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV, _MOUNT_ATTR_IDMAP = 1, 2, 4, 0x00100000

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def mount_tmpfs(target: Path, *, size_bytes: int, uid: int) -> bool:
    """Mount memory of a bounded size, owned by ``uid``; return whether it is never swapped. Raises OSError."""
    options = f"size={size_bytes},mode=0755,uid={uid},gid={uid}"
    flags = _MS_NOSUID | _MS_NODEV
    try:  # restored data should not be written to swap; kernels before 6.4, and plain users, have no such option
        _check(_libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", flags, f"{options},noswap".encode()))
    except OSError:
        _check(_libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", flags, options.encode()))
        return False
    return True


def bind(source: Path, target: Path) -> None:
    """Bind one path onto another. Raises OSError."""
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), None, _MS_BIND, None))


def unmount(target: Path | str) -> bool:
    """Detach what is mounted at the path; return whether something was."""
    return bool(_libc.umount2(os.fsencode(target), _MNT_DETACH) == 0)


def below(directory: Path) -> tuple[str, ...]:
    """Return the mount points at or below a directory that this process sees, deepest first."""
    root = str(directory)
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    named = [point.encode().decode("unicode_escape") for point in points]
    return tuple(sorted((each for each in named if each == root or each.startswith(root + "/")), reverse=True))


def bind_readable(source: Path, target: Path, *, uid: int, range_size: int = 0, below: bool = False) -> bool:
    """Bind ``source`` read-only onto ``target`` so that ``uid`` may read what the owner of ``source`` may (root only).

    The source's owner appears as ``uid`` in this one mount (an idmapped mount): a backup repository that is closed to
    everyone but its owner needs no change of mode. With a range, every owner below ``range_size`` appears as ``uid``
    and its own number more. Where the file system cannot (overlay, NFS), it is a plain bind, and False is returned.
    Raises OSError, SandboxError.
    """
    if platform.machine() not in {"x86_64", "aarch64"}:
        raise SandboxError(say("binding a closed repository needs x86_64 or aarch64"))
    _same_kind(source, target)
    recursive = _AT_RECURSIVE if below else 0
    flags = 1 | _O_CLOEXEC | recursive
    tree = _check(_libc.syscall(_OPEN_TREE, _AT_FDCWD, os.fsencode(source), flags))
    try:
        read_only = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
        _set_attributes(tree, read_only, 0, recursive)
        owner, mapped = source.stat(), True
        if range_size or (owner.st_uid, owner.st_gid) != (uid, uid):
            every = f"0 {uid} {range_size}"
            single = (f"{owner.st_uid} {uid} 1", f"{owner.st_gid} {uid} 1")
            namespace = _user_namespace(*((every, every) if range_size else single))
            try:
                _set_attributes(tree, _MOUNT_ATTR_IDMAP, namespace, recursive)
            except OSError:
                mapped = False
            finally:
                os.close(namespace)
        _check(_libc.syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), 4))
    finally:
        os.close(tree)
    return mapped


def _same_kind(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o711)
    if source.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()


def _set_attributes(tree: int, attributes: int, namespace: int, recursive: int) -> None:
    request = struct.pack("QQQQ", attributes, 0, 0, namespace)
    _check(_libc.syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH | recursive, request, len(request)))


def _user_namespace(uids: str, gids: str) -> int:
    """Return a descriptor of a user namespace with these maps; whoever held it open is gone again."""
    holder = start(["unshare", "--user", "sleep", "60"])
    try:
        deadline = time.monotonic() + _HOLDER_SECONDS
        while namespace(holder.pid, "user") in {namespace("self", "user"), ""}:
            if holder.poll() is not None or time.monotonic() > deadline:
                raise SandboxError(say("the kernel refuses user namespaces"))
            time.sleep(0.001)
        Path(f"/proc/{holder.pid}/uid_map").write_text(uids, encoding="ascii")
        Path(f"/proc/{holder.pid}/gid_map").write_text(gids, encoding="ascii")
        return os.open(f"/proc/{holder.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        holder.kill()
        finish(holder, 5)
