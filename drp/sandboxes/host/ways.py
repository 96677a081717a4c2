"""Chooses how a new volume on disk is going to be erased, by measuring it on the volume itself."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from drp.domain.phrase import say
from drp.domain.volume import Erase, ErasedBy, VolumeMade
from drp.errors import SandboxError
from drp.sandboxes.host import encryption, erasure
from drp.sandboxes.host.encryption import Encrypted
from drp.sandboxes.host.identity import standing

_PROBE_BYTES = 16 << 20
"""Of a volume that has eight times as much room; of a smaller one less."""
_ROUNDS = 2
_PROBE = "probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a volume is erased, and why; see `drp.domain.volume.VolumeMade`."""

    by: ErasedBy
    why: str
    encrypted: Encrypted | None = None
    encrypted_bytes_per_second: int | None = None

    def told(self, made: VolumeMade) -> VolumeMade:
        """Return what was made with how it is erased."""
        rate = self.encrypted_bytes_per_second
        return replace(made, erased_by=self.by, why=self.why, encrypted_bytes_per_second=rate)


UNDECIDED = Way(by="overwrite", why="")


def features(asked: Erase) -> tuple[str, ...]:
    """Return what a volume's ext4 must be made with. Raises ``SandboxError``: what is asked for cannot be had."""
    can = standing() == "root" and encryption.available()  # fuse2fs encrypts nothing
    if asked == "encrypt" and not can:
        message = say("`erase: encrypt` is asked for, and this kernel's ext4 cannot encrypt, or not for this user")
        raise SandboxError(
            message, hint="set `erase: overwrite`, or run drp as root on a kernel with CONFIG_FS_ENCRYPTION"
        )
    return ("encrypt",) if asked != "overwrite" and can else ()


def choose(asked: Erase, root: Path, image: Path) -> Way:
    """Return how the volume that is mounted at ``root`` is erased; an encrypted one has its folder then.

    Raises ``SandboxError``.
    """
    if not features(asked):
        return Way(by="overwrite", why="asked" if asked == "overwrite" else "no-encryption")
    encrypted = encryption.encrypt(root)
    if asked == "encrypt":
        return Way(by="key", why="asked", encrypted=encrypted)
    if erasure.elsewhere(image):  # where overwriting proves nothing
        return Way(by="key", why="copy-on-write", encrypted=encrypted)
    try:
        by_key, plain = _measure(encrypted.path), _measure(root)
        rate = int(2 / by_key.both)
        if by_key.both < plain.both + plain.writing:  # what is plain is written once more, in the end
            return Way(by="key", why="faster", encrypted=encrypted, encrypted_bytes_per_second=rate)
        encrypted.path.rmdir()
        encrypted.forget()
    except OSError as error:
        raise SandboxError(say("a data volume on disk cannot be written: {why}", why=error.strerror)) from error
    return Way(by="overwrite", why="faster", encrypted_bytes_per_second=rate)


@dataclass(frozen=True, slots=True)
class _Seconds:
    """What one byte more takes."""

    writing: float
    reading: float

    @property
    def both(self) -> float:
        return self.writing + self.reading


def _measure(folder: Path) -> _Seconds:
    """Return what a byte takes to write, and to read back, at best. Raises OSError.

    Of two probes the difference counts: what every exchange with the disk takes would hide what a cipher takes.
    """
    found = os.statvfs(folder)
    large = max(1 << 20, min(_PROBE_BYTES, found.f_bavail * found.f_frsize // 8))
    small, file = large // 8, folder / _PROBE
    content = os.urandom(large)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        rounds = [(_round(descriptor, content), _round(descriptor, content[:small])) for _ in range(_ROUNDS)]
    finally:
        os.close(descriptor)
        file.unlink()
    whole, part = ([pair[at] for pair in rounds] for at in (0, 1))
    more = large - small
    return _Seconds(
        _difference([each.writing for each in whole], [each.writing for each in part]) / more,
        _difference([each.reading for each in whole], [each.reading for each in part]) / more,
    )


def _difference(whole: list[float], part: list[float]) -> float:
    """Return what the rest took; where the clock saw none, what all of it took."""
    best = min(whole)
    return best - min(part) if best > min(part) else best


def _round(descriptor: int, content: bytes) -> _Seconds:
    began = time.monotonic()
    os.pwrite(descriptor, content, 0)
    os.fdatasync(descriptor)
    wrote = time.monotonic()
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.pread(descriptor, len(content), 0)
    return _Seconds(wrote - began, time.monotonic() - wrote)
