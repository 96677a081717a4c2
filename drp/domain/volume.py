"""The volumes that restored data lives on: what each is, how what was on it is made unreadable, what came of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drp.domain.phrase import NOTHING, Phrase

Erase = Literal["auto", "encrypt", "overwrite"]
"""How what was on a volume on disk is made unreadable: auto measures at open, and takes the faster way."""
ErasedBy = Literal["memory", "key", "overwrite"]
"""memory: it never was on a disk · key: it was encrypted, and only the worker's memory held the key · overwrite."""
MEMORY_SHARE = 0.75
"""Of what memory is free, the most that one volume is given."""
_SMALLEST_IMAGE = 16 << 20
_SMALL = 480 << 20
"""Below it ext4 gives a volume four times as many inodes (mke2fs.conf(5), ``small``)."""
_BLOCK = 4096
_LEAST_ROOM = 32 << 20


def image_bytes(quota: int) -> int:
    """Return the size of an image whose file system has room for a quota: what ext4 takes for itself is added.

    Measured: at most 12 in 100 of what is left where it is small, else 1.6 in 100 and what it keeps back (20 MiB).
    """
    own = quota // 8 if quota < _SMALL else quota // 50 + (32 << 20)
    return max(_SMALLEST_IMAGE, -(-(quota + own) // _BLOCK) * _BLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataVolume:
    """A volume of its own for a part of the restored tree: where one disk does not hold all of it."""

    at: str
    """Path of the folder below the restored tree, as in the backup (absolute, or relative to the manifest's root)."""
    directory: str
    """Host folder that its image is made in."""
    size_bytes: int
    """Its quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMade:
    """One volume of a sandbox, as it was made: journalled with the sandbox's handle."""

    at: str = ""
    """As in `DataVolume`; empty: the sandbox's first volume."""
    backing: Literal["memory", "disk"]
    size_bytes: int
    """The quota in force, which was reserved."""
    directory: str = ""
    """Host folder of its image; empty: in memory."""
    erased_by: ErasedBy
    """How what is on it is going to be made unreadable."""
    why: str = ""
    """A code for why it is erased so: ``asked``, ``faster``, ``no-encryption``, ``copy-on-write``, ``not-on-disk``."""
    encrypted_bytes_per_second: int | None = None
    """What the kernel's cipher was measured at when the volume was opened; None: it was not measured."""
    swap: Literal["none", "off", "limited", "possible", "unknown"] = "unknown"
    """Whether what is inside can be swapped: the host has none · off for it · limited · it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What became of one volume's bytes."""

    at: str = ""
    erased_by: ErasedBy
    done: bool
    """Whether nothing of it can be read any more; false is residue."""
    overwritten_bytes: int = 0
    """That had been written to the image, and were overwritten."""
    left: Phrase = NOTHING
    """Why it is not done, or what nobody could look at; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRoom:
    """How full a volume is, at the moment."""

    at: str = ""
    size_bytes: int
    free_bytes: int

    @property
    def full(self) -> bool:
        """Return whether what runs on it may have failed for want of room: a log of PostgreSQL is 16 MiB at once."""
        return self.free_bytes < min(_LEAST_ROOM, self.size_bytes // 8)
