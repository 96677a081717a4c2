"""Encrypts what is on a volume with a key that nothing but this process and the kernel ever held (fscrypt, by ioctl).

Linux, Documentation/filesystems/fscrypt.rst: a policy of version 2 on a folder of an ext4 that has the feature
``encrypt``; its root can have none. Contents and names are encrypted, AES-256-XTS and AES-256-CTS. Extended
attributes, sizes, times and modes are not: all of an image that is not `ciphertext` is overwritten for that.
The key goes with the mount: with `forget`, with the worker's mount namespace when it is killed, or with the power.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drp.domain.phrase import say
from drp.errors import SandboxError

FOLDER = "volume"
"""Of the volume's own root: the encrypted folder, which stands for the volume."""
_FEATURE = Path("/sys/fs/ext4/features/encryption")
_ADD_KEY, _SET_POLICY, _REMOVE_KEY = 0xC0506617, 0x800C6613, 0xC0406619
_BY_IDENTIFIER = 2
_CONTENTS_AES_256_XTS, _NAMES_AES_256_CTS, _PAD_NAMES_TO_32 = 1, 4, 3
_KEY_BYTES = 64
_ARGUMENT = struct.Struct("=II32sII32x")
"""fscrypt_add_key_arg: kind of specifier, reserved, identifier, size of the key, its number in a keyring."""
_REMOVAL = struct.Struct("=II32s24x")
_FIEMAP = 0xC020660B
_FIEMAP_SYNC, _EXTENT_LAST = 1, 1
_NOT_WRITTEN = 0x2 | 0x4 | 0x200 | 0x800
"""Extents whose place is unknown, not yet given, shared with metadata, or never written."""
_SHARED = 0x2000
_HEAD, _EXTENT = struct.Struct("=QQIIII"), struct.Struct("=QQQ16xI12x")
_AT_ONCE = 64

_libc = ctypes.CDLL(None, use_errno=True)


def available() -> bool:
    """Return whether the kernel's ext4 can encrypt."""
    return _FEATURE.exists()


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A folder all below which is encrypted."""

    path: Path
    key: bytes
    """What the kernel calls the key; it says nothing of it."""

    def forget(self) -> None:
        """Have the kernel wipe the key, as far as nothing uses it any more; the unmount wipes the rest."""
        argument = (ctypes.c_ubyte * _REMOVAL.size)()
        _REMOVAL.pack_into(argument, 0, _BY_IDENTIFIER, 0, self.key)
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _ioctl(descriptor, _REMOVE_KEY, argument)
        finally:
            os.close(descriptor)


def encrypt(root: Path) -> Encrypted:
    """Return a new folder of a mounted ext4, all below which is encrypted by a key of its own.

    The key is random, kept out of swap, and wiped here as soon as the kernel has it. Raises ``SandboxError``.
    """
    folder = root / FOLDER
    try:
        folder.mkdir(mode=0o755)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            key = _add_key(descriptor)
            _apply(descriptor, key)
        finally:
            os.close(descriptor)
    except OSError as error:
        message = say("a data volume cannot be encrypted: {why}", why=error.strerror)
        raise SandboxError(message, hint="set `erase: overwrite` in `volumes` of drp.yml") from error
    return Encrypted(folder, key)


def _add_key(descriptor: int) -> bytes:
    """Give the kernel a new key for the file system of a folder, and return what it calls it."""
    size = _ARGUMENT.size + _KEY_BYTES
    argument = (ctypes.c_ubyte * size)()
    _libc.mlock(argument, size)  # where the limit lets us; it is here for less than a millisecond
    try:
        _ARGUMENT.pack_into(argument, 0, _BY_IDENTIFIER, 0, b"", _KEY_BYTES, 0)
        key = ctypes.byref(argument, _ARGUMENT.size)
        if _libc.getrandom(key, _KEY_BYTES, 0) != _KEY_BYTES:
            raise OSError(ctypes.get_errno(), "the kernel gave no random key")
        _ioctl(descriptor, _ADD_KEY, argument)
        identifier = bytes(argument[8:24])
    finally:
        ctypes.memset(argument, 0, size)
        _libc.munlock(argument, size)
    return identifier


def _apply(descriptor: int, identifier: bytes) -> None:
    policy = struct.pack("=BBBBB3x16s", 2, _CONTENTS_AES_256_XTS, _NAMES_AES_256_CTS, _PAD_NAMES_TO_32, 0, identifier)
    _ioctl(descriptor, _SET_POLICY, (ctypes.c_ubyte * len(policy)).from_buffer_copy(policy))


def _ioctl(descriptor: int, request: int, argument: ctypes.Array[ctypes.c_ubyte]) -> None:
    """Call without the copies that Python's own ioctl makes on its stack. Raises OSError."""
    if _libc.ioctl(descriptor, ctypes.c_ulong(request), argument) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def ciphertext(folder: Path) -> list[tuple[int, int]]:
    """Return where the contents of all files below an encrypted folder lie in its image, as begins and ends, sorted.

    What is left out is no harm, it is overwritten: names, what was never written, what was removed. Raises OSError.
    """
    device = folder.stat().st_dev
    found: list[tuple[int, int]] = []
    for place, _, names, at in os.fwalk(folder, onerror=_raise):
        for name in names:
            about = os.stat(name, dir_fd=at, follow_symlinks=False)
            if not stat.S_ISREG(about.st_mode) or not about.st_blocks:
                continue
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
            try:
                if os.fstat(descriptor).st_dev != device:
                    raise OSError(errno.EXDEV, say("another file system is mounted in {place}", place=place))
                found.extend(_extents(descriptor))
            finally:
                os.close(descriptor)
    return joined(found)


def _raise(error: OSError) -> None:
    raise error


def shared(descriptor: int) -> bool:
    """Return whether a file shares blocks with another, as a snapshot or a copy does that was made of it."""
    try:
        return any(flags & _SHARED for _, _, flags in _mapped(descriptor))
    except OSError:  # of a file system that maps none
        return False


def _extents(descriptor: int) -> Iterator[tuple[int, int]]:
    return ((begin, begin + size) for begin, size, flags in _mapped(descriptor) if not flags & _NOT_WRITTEN)


def _mapped(descriptor: int) -> Iterator[tuple[int, int, int]]:
    """Yield begin on its device, size and flags of every extent of a file (FS_IOC_FIEMAP). Raises OSError."""
    position, size = 0, _HEAD.size + _AT_ONCE * _EXTENT.size
    while True:
        buffer = bytearray(size)
        _HEAD.pack_into(buffer, 0, position, (1 << 64) - 1 - position, _FIEMAP_SYNC, 0, _AT_ONCE, 0)
        fcntl.ioctl(descriptor, _FIEMAP, buffer)
        count = _HEAD.unpack_from(buffer)[3]
        for number in range(count):
            logical, physical, length, flags = _EXTENT.unpack_from(buffer, _HEAD.size + number * _EXTENT.size)
            yield physical, length, flags
            if flags & _EXTENT_LAST:
                return
            position = logical + length
        if not count:
            return


def joined(extents: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return extents sorted, with those that touch one another made one."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(extents):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined
