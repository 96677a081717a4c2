"""Writes a manifest file from groups that come in order: header, frames, index, trailer, footer.

Frames end where the *names* say so, not after a fixed count: two manifests of nearly the same tree then share most
of their frames byte for byte, and a diff can skip those without unpacking them.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import IO, Any

from drp.domain.manifest import show_path
from drp.domain.phrase import say
from drp.errors import ManifestError
from drp.manifests import codec as packing
from drp.manifests import merkle
from drp.manifests.container import END_MAGIC, FOOTER, FRAME, FRAME_MAGIC, INDEXED, MAGIC, PRELUDE, VERSION
from drp.manifests.layout import GROUP, Key, stored_key, stored_place

_SMALLEST, _LARGEST, _MASK = 96 << 10, 768 << 10, 7


class Writer:
    """Writes one manifest; call ``add`` with stored groups in ascending order, then ``finish``."""

    def __init__(self, stream: IO[bytes], header: Mapping[str, Any]) -> None:
        """Write the header; ``header`` names the codec and the algorithms."""
        self._stream, self._identity = stream, hashlib.sha256()
        self._pack = packing.compressor(str(header["codec"]))
        self._digest_size = 32 * len(header["algorithms"])
        self._header = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        self._offset = 0
        self._groups: list[bytes] = []
        self._roots: list[bytes] = []
        self._frames: list[bytes] = []
        self._tops: list[bytes] = []
        self._raw = self._rows = self._files = self._bytes = 0
        self._last: Key | None = None
        self.entries = self.files = self.total_bytes = self.errors = 0
        self._write(PRELUDE.pack(MAGIC, VERSION, 0, len(self._header)) + self._header)

    def add(self, stored: bytes, root: bytes) -> None:
        """Add one stored group and its Merkle node.

        Raises ``ManifestError`` when it comes out of order, or is larger than any reader takes.
        """
        key = stored_key(stored)
        if len(stored) > packing.RAW_LIMIT:
            where = show_path(stored_place(stored)[0]) or "the root"
            raise ManifestError(
                say("the entries of {where} have more extended attributes than a manifest can hold", where=where),
                hint="leave them out with `--no-attributes`",
            )
        if self._last is not None and key <= self._last:
            raise ManifestError("groups come out of order")
        self._last = key
        cut = self._raw >= _SMALLEST and zlib.crc32(key[1], zlib.crc32(key[0])) & _MASK == 0
        if cut or self._raw >= _LARGEST or self._raw + len(stored) > packing.RAW_LIMIT:
            self._end_frame()
        head = GROUP.unpack_from(stored)
        _, _, rows, flags, _, digests_length, errors, size = head
        self._groups.append(stored)
        self._roots.append(root)
        self._raw += len(stored)
        self._rows += rows
        self._files += digests_length // self._digest_size
        self._bytes += size
        self.errors += errors + (1 if flags >> 16 else 0)

    def finish(self, trailer: Mapping[str, Any]) -> tuple[str, str]:
        """Write index, trailer and footer; return the manifest's id (SHA-256 of the file) and its Merkle root."""
        self._end_frame()
        merkle_root = merkle.root(merkle.tree(self._tops), self.entries)
        totals = {
            "entries": self.entries,
            "files": self.files,
            "total_bytes": self.total_bytes,
            "errors": self.errors,
            "frames": len(self._frames),
            "merkle_root": merkle_root,
        }
        index = b"".join(self._frames)
        if len(index) > packing.RAW_LIMIT:
            raise ManifestError(
                "the tree has more entries than a manifest can hold", hint="make one of each part of it"
            )
        packed = self._pack(index)
        text = json.dumps({**trailer, **totals}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        seal = hashlib.blake2b(self._header + packed + text, digest_size=32).digest()
        offset = self._offset
        self._write(packed + text)
        self._write(FOOTER.pack(offset, len(packed), len(index), len(text), seal, END_MAGIC))
        return self._identity.hexdigest(), merkle_root

    def _end_frame(self) -> None:
        if not self._groups:
            return
        raw = b"".join(self._groups)
        packed = self._pack(raw)
        first = GROUP.unpack_from(self._groups[0])
        directory, name = stored_place(self._groups[0])
        top = merkle.tree(self._roots)
        record = INDEXED.pack(
            self._offset,
            len(packed),
            len(raw),
            self._rows,
            self._files,
            self._bytes,
            first[3],
            len(directory),
            len(name),
            hashlib.blake2b(packed, digest_size=32).digest(),
            top,
        )
        self._frames.append(record + directory + name)
        self._tops.append(top)
        self._write(FRAME.pack(FRAME_MAGIC, len(packed), len(raw), self._rows) + packed)
        self.entries += self._rows
        self.files += self._files
        self.total_bytes += self._bytes
        self._groups, self._roots = [], []
        self._raw = self._rows = self._files = self._bytes = 0

    def _write(self, content: bytes) -> None:
        self._stream.write(content)
        self._identity.update(content)
        self._offset += len(content)
