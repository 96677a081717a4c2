"""The two cores that look at simple files: one in Python, and a compiled one where `drproof-hash-native` is installed.

A file is simple when one fstat *after* the read tells all at once: what it is, whether the read was whole, and, by a
ctime older than the start of the batch, that it did not change meanwhile. A core goes through a directory until it
meets an entry that is not simple, and hands that one back. Both keep to the same rules and give the same bytes.
"""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Container
from contextlib import suppress
from typing import Any, Protocol

from drp.domain.phrase import say
from drp.errors import UsageError
from drp.hashing.reading.digest import BUFFER, FileDigester
from drp.hashing.reading.rows import Options, Rows
from drp.manifests.attributes import any_kept
from drp.manifests.layout import FIXED, OWNER

_REGULAR = stat.S_IFREG
_INTERFACE = 3
"""The version of the functions that the compiled core must have."""
_CODES = {"blake3": 0, "sha256": 1}
_STREAMED = 8 << 20
"""Files below this size are read to their end by the compiled core without asking whether to pause."""
_REACH_LEAST, _REACH_MOST = 8, 4096
"""Files open ahead: where one is not simple all are opened again, so where many are not it must be few."""
_BUDGET = 64 << 20
"""Bytes after which the compiled core comes back."""
Stop = tuple[int, int, OSError | None]
"""The row of the entry that is not simple (the end of the span: none), its descriptor or -1, what opening it raised."""


class Core(Protocol):
    """Looks at consecutive simple files."""

    def run(
        self,
        directory: int,
        rows: Rows,
        span: range,
        others: Container[bytes],
        *,
        horizon: int,
        flags: int,
        attributes: bool = False,
    ) -> Stop:
        """Add simple files of ``span`` to the rows, up to the first entry that is not simple.

        ``others`` are certainly no regular files; ``horizon``: files whose ctime (ns) is not older are not simple;
        ``flags`` go to openat; ``attributes``: a file that has extended attributes is not simple. Descriptors are
        closed, but for the one that is returned.
        """
        ...


class PureCore:
    """The core in Python: open, readv, digest, fstat, and nothing else for each file."""

    def __init__(self, digester: FileDigester) -> None:
        """Use a worker's buffer."""
        self._digester = digester
        self._owners: dict[tuple[int, int], bytes] = {}
        first, *rest = digester.makers
        self._first, self._second = first, rest[0] if rest else None
        self._reused: Any = first() if hasattr(first(), "reset") else None
        """BLAKE3's state is large: resetting it costs a sixth less than making one for each file of 4 KiB."""
        self.opened: dict[int, int] = {}
        """Row → descriptor of files that were opened ahead."""
        self.unclosed: list[int] = []
        """Descriptors that are closed together when the caller likes: one system call instead of one each."""

    def run(
        self,
        directory: int,
        rows: Rows,
        span: range,
        others: Container[bytes],
        *,
        horizon: int,
        flags: int,
        attributes: bool = False,
    ) -> Stop:
        """Do as `Core.run` says, but leave descriptors of simple files in ``unclosed``."""
        opened, owners, owner_of = self.opened, self._owners, self._owner
        open_, readv, fstat, pack, close_later = os.open, os.readv, os.fstat, FIXED.pack, self.unclosed.append
        listxattr = os.listxattr
        add_fixed, add_owner, add_digest = rows.fixed.append, rows.owners.append, rows.digests.append
        first, second, reused, buffer = self._first, self._second, self._reused, self._digester.buffer
        update, finish = (reused.update, reused.digest) if reused else (first, first)
        buffers, last, piece = [buffer], -1, buffer
        total = files = descriptor = 0
        stop: Stop = (span.stop, -1, None)
        for row, name in zip(span, rows.names[span.start : span.stop], strict=True):
            if name in others:
                stop = (row, -1, None)
                break
            descriptor = -1
            try:
                descriptor = opened.pop(row) if row in opened else open_(name, flags, dir_fd=directory)
                if attributes and any_kept(listxattr(descriptor)):
                    stop = (row, descriptor, None)
                    break
                got = readv(descriptor, buffers)
                if got < BUFFER:
                    if got != last:
                        piece, last = buffer[:got], got
                    if reused:
                        reused.reset()
                        update(piece)
                        digest = finish()
                    else:
                        digest = first(piece).digest()
                    if second is not None:
                        digest += second(piece).digest()
                    seen = fstat(descriptor)
                    mode, _, _, links, uid, gid, size, _, _, _ = seen
                    if size == got and seen.st_ctime_ns < horizon and links == 1 and mode & 0xF000 == _REGULAR:
                        close_later(descriptor)
                        add_digest(digest)
                        add_fixed(pack(mode, got, seen.st_mtime_ns))
                        add_owner(owners.get((uid, gid)) or owner_of(uid, gid))
                        total += got
                        files += 1
                        continue
                stop = (row, descriptor, None)
            except OSError as error:
                stop = (row, descriptor, error)
            break
        rows.size += total
        rows.files += files
        return stop

    def _owner(self, uid: int, gid: int) -> bytes:
        packed = self._owners[uid, gid] = OWNER.pack(uid, gid)
        return packed


class NativeCore:
    """The compiled core, which works without the interpreter's lock."""

    def __init__(self, module: Any, digester: FileDigester, options: Options) -> None:
        """``module``: what `load` returned; the gate of the digester hears of what was read."""
        self._run, self._digester = module.look, digester
        self._codes = bytes(_CODES[name] for name in options.algorithms)
        self._most = min(options.large, _STREAMED)
        self.ahead = 0
        """So many files are open at once and asked of the device; 0: their content is in memory already."""
        self._reach = _REACH_MOST
        self.forget = False
        """Drop from memory what was read."""

    def run(
        self,
        directory: int,
        rows: Rows,
        span: range,
        others: Container[bytes],
        *,
        horizon: int,
        flags: int,
        attributes: bool = False,
    ) -> Stop:
        """Do as `Core.run` says."""
        gate, at, names = self._digester.gate, span.start, rows.names
        while at < span.stop:
            done, descriptor, number, fixed, owners, digests, size, slow = self._run(
                directory, names, at, span.stop, others, flags, self._digester.buffer, horizon,
                self._codes, self._most, _BUDGET, min(self.ahead, self._reach), self.forget, attributes,
            )  # fmt: skip
            rows.add_packed(done, fixed, owners, digests)
            rows.size += size
            rows.files += done
            at += done
            if slow is not None:
                gate.slow(names[slow[0]], slow[1] / 1e9, slow[2])
            stopped = descriptor >= 0 or number
            self._reach = max(_REACH_LEAST, 4 * done) if stopped else _REACH_MOST
            if stopped:
                return at, descriptor, OSError(number, os.strerror(number)) if number else None
            if at < span.stop and names[at] in others:
                return at, -1, None
            if size >= BUFFER:
                gate(size)
        return span.stop, -1, None


def load(core: str) -> Any:
    """Return the compiled core's module, or None where it is not wanted, not there, of another version, or unsound.

    ``core``: auto, pure or native. Raises ``UsageError`` when native is asked for and cannot be had.
    """
    if core not in {"auto", "pure", "native"}:
        raise UsageError(say("unknown core {core}", core=repr(core)), hint="use auto, pure or native")
    if core == "pure":
        return None
    module = None
    with suppress(ImportError):
        module = importlib.import_module("drp_hash_native")
    if module is not None and module.INTERFACE == _INTERFACE and module.sound():
        return module
    if core == "native":
        raise UsageError(
            "the compiled core is not installed here, or is of another version",
            hint="install drproof-hash-native of the same version, or use `--core pure`",
        )
    return None


def core_name(core: str) -> str:
    """Return what computes under ``core``: pure, or native and its version. Raises as `load` does."""
    module = load(core)
    return "pure" if module is None else f"native {module.VERSION}"
