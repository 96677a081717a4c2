"""The file around the groups: prelude, heads of frames, records of the index, footer (FORMAT.md §§2 and 6)."""

from __future__ import annotations

import struct

MAGIC, VERSION = b"DRPM", 1
PRELUDE = struct.Struct("<4sHHI")
"""magic, version, reserved, length of the header that follows (canonical JSON)."""
FRAME = struct.Struct("<4sIII")
"""magic, packed length, raw length, rows; then the packed frame."""
INDEXED = struct.Struct("<QIIIIQIII32s32s")
"""offset, packed length, raw length, rows, files, bytes, flags and directory length of the first group, length of its
first name, BLAKE2b-256 of the packed frame, Merkle node; then that directory and that name."""
FOOTER = struct.Struct("<QIII32s8s")
"""offset of the index, its packed and raw length, length of the trailer after it, BLAKE2b-256 of header + index +
trailer, magic."""
FRAME_MAGIC, END_MAGIC = b"DRPF", b"DRPMEND\0"
