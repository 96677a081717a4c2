"""Reads manifests by `drp/manifests/FORMAT.md` alone: nothing of drp is imported, and nothing was looked up in it.

It is slow, reads everything, and refuses whatever the page refuses. Section numbers are the page's.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import zstandard

from tests.support.manifest_merkle import Refused, leaf, require, root, tree

FILE, DIRECTORY, LINK, FIFO, SOCKET, BLOCK, CHARACTER = 8, 4, 0xA, 1, 0xC, 6, 2
KINDS = {FILE, DIRECTORY, LINK, FIFO, SOCKET, BLOCK, CHARACTER}
MOST_RAW = 64 << 20
LENGTHS = {3: 8, 4: 32, 5: 4, 6: 0, 7: 0}


@dataclass(frozen=True)
class Entry:
    """One entry, as §5 and §7 have it."""

    path: bytes
    mode: int
    size: int
    mtime_ns: int
    uid: int
    gid: int
    digests: dict[str, bytes]
    extras: dict[int, bytes]
    statement: bytes
    salt: bytes

    @property
    def kind(self) -> int:
        """Return the four bits that tell the kind."""
        return self.mode >> 12


@dataclass(frozen=True)
class Group:
    """One group and what its head says."""

    directory: bytes
    flags: int
    errors: int
    size: int
    names: list[bytes]
    entries: list[Entry]

    @property
    def key(self) -> tuple[bytes, bytes]:
        """Return what groups are ordered by (§5.1)."""
        return self.directory.replace(b"/", b"\0"), self.names[0] if self.names else b""


@dataclass(frozen=True)
class Manifest:
    """A whole manifest."""

    id: str
    header: dict[str, Any]
    trailer: dict[str, Any]
    frames: list[list[Group]]

    @property
    def entries(self) -> list[Entry]:
        """Return all entries, in order."""
        return [entry for frame in self.frames for group in frame for entry in group.entries]


def read(content: bytes) -> Manifest:
    """Return the manifest that the bytes of a file are. Raises ``Refused``."""
    try:
        return _read(content)
    except (struct.error, zstandard.ZstdError, zlib.error, KeyError, TypeError, UnicodeError) as error:
        raise Refused(str(error)) from error


def _read(content: bytes) -> Manifest:
    """§2."""
    header_text, index_offset, (packed, raw_length), trailer_text = _borders(content)
    header, trailer = _document(header_text), _document(trailer_text)
    _require_header(header)
    index = unpack(header["codec"], packed, raw_length)
    frames, nodes, totals, expected = [], [], [0, 0, 0], 12 + len(header_text)
    for record in _records(index):
        start, packed_length, *_, node = record[:11]
        require(start == expected, "place of a frame")
        expected += 16 + packed_length
        require(expected <= index_offset, "a frame behind the frames")
        groups, counted = _frame(content[start:expected], record, header)
        totals = [one + other for one, other in zip(totals, counted, strict=True)]
        frames.append(groups)
        nodes.append(node)
    require(expected == index_offset and totals[0] > 0, "frames")
    manifest = Manifest(hashlib.sha256(content).hexdigest(), header, trailer, frames)
    whole = [group for frame in frames for group in frame]
    _require_order(whole)
    errors = sum(group.errors + (group.flags >> 16 != 0) for group in whole)
    told = [trailer[name] for name in ("entries", "files", "total_bytes", "frames", "errors")]
    require(told == [*totals, len(frames), errors], "totals")
    require(trailer["merkle_root"] == root(tree(nodes), totals[0]), "Merkle root")
    finished = datetime.fromisoformat(trailer["finished_at"])
    require(finished >= datetime.fromisoformat(header["started_at"]), "instants")
    return manifest


def _borders(content: bytes) -> tuple[bytes, int, tuple[bytes, int], bytes]:
    magic, version, _, header_length = struct.unpack_from("<4sHHI", content)
    require(magic == b"DRPM" and version == 1, "prelude")
    offset, packed_length, raw_length, trailer_length, seal, end = struct.unpack("<QIII32s8s", content[-60:])
    require(end == b"DRPMEND\0" and offset + packed_length + trailer_length + 60 == len(content), "footer")
    header = content[12 : 12 + header_length]
    packed, trailer = content[offset : offset + packed_length], content[offset + packed_length : -60]
    require(hashlib.blake2b(header + packed + trailer, digest_size=32).digest() == seal, "seal")
    return header, offset, (packed, raw_length), trailer


def _records(index: bytes) -> Iterator[tuple[Any, ...]]:
    """§6."""
    at = 0
    while at < len(index):
        record = struct.unpack_from("<QIIIIQIII32s32s", index, at)
        directory_length, name_length = record[7:9]
        name = at + 108 + directory_length
        at = name + name_length
        require(at <= len(index), "index")
        yield *record, index[name - directory_length : name], index[name:at]


def _frame(content: bytes, record: tuple[Any, ...], header: dict[str, Any]) -> tuple[list[Group], list[int]]:
    """Return the groups of a frame that is what its record says, and rows, files and bytes of it."""
    _, packed_length, raw_length, rows, files, size, flags, _, _, digest, node, directory, name = record
    body = content[16:]
    require(content[:16] == struct.pack("<4sIII", b"DRPF", packed_length, raw_length, rows), "head of a frame")
    require(hashlib.blake2b(body, digest_size=32).digest() == digest, "digest of a frame")
    raw = unpack(header["codec"], body, raw_length)
    groups = list(_groups(raw, header["algorithms"], bytes.fromhex(header["key"])))
    first = groups[0]
    require((first.flags, first.directory, first.key[1]) == (flags, directory, name), "first group of a frame")
    counted = [
        sum(len(group.entries) for group in groups),
        sum(entry.kind == FILE for group in groups for entry in group.entries),
        sum(group.size for group in groups),
    ]
    require(counted == [rows, files, size], "counts of a frame")
    tops = [tree([leaf(each.path, each.statement, each.salt) for each in group.entries]) for group in groups]
    require(tree(tops) == node, "node of a frame")
    return groups, counted


def _document(text: bytes) -> dict[str, Any]:
    """§4."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        require(len(dict(pairs)) == len(pairs), "a name comes twice")
        return dict(pairs)

    require(len(text) <= 16 << 20, "too long")
    try:
        document = json.loads(text.decode(), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise Refused("JSON") from error
    require(isinstance(document, dict), "no object")
    return document


def _require_header(header: dict[str, Any]) -> None:
    algorithms = header["algorithms"]
    require(sorted(algorithms) in [["blake3"], ["sha256"], ["blake3", "sha256"]], "algorithms")
    require(header["codec"] in {"zstd", "zlib"}, "codec")
    require(len(header["key"]) == 64 and header["key"] == bytes.fromhex(header["key"]).hex(), "key")
    application = header["application"]
    require(len(application) <= 200 and "/" not in application and application[:1] != ".", "application")


def unpack(codec: str, packed: bytes, length: int) -> bytes:
    """§3."""
    require(length <= MOST_RAW, "too large")
    if codec == "zstd":
        require(zstandard.frame_content_size(packed) == length, "raw length")
        raw: bytes = zstandard.ZstdDecompressor().decompress(packed, max_output_size=length)
        return raw
    stream = zlib.decompressobj()
    raw = stream.decompress(packed, length + 1)
    require(len(raw) == length and stream.eof and not stream.unused_data, "raw length")
    return raw


def _groups(raw: bytes, algorithms: list[str], key: bytes) -> Iterator[Group]:
    """§5."""
    at = 0
    while at < len(raw):
        length, directory_length, rows, flags, names_length, digests_length, errors, size = struct.unpack_from(
            "<IIIIIIIQ", raw, at
        )
        end, here = at + length, at + 36
        require(
            end <= len(raw) and directory_length + names_length + 28 * rows + digests_length + 36 <= length, "group"
        )
        cuts = []
        for width in (directory_length, names_length, 20 * rows, 8 * rows, digests_length, end):
            cuts.append(raw[here : min(here + width, end)])
            here += width
        directory, joined, fixed, owners, digests, extras = cuts
        names = joined.split(b"\0") if rows else []
        require(len(names) == rows and (rows > 0 or joined == b""), "names")
        require(flags & 0xFFFC == 0 and flags >> 16 <= 4095, "flags")
        entries = list(_entries((directory, names), fixed, owners, digests, _extras(extras, rows), algorithms, key))
        known = sum(entry.size for entry in entries if entry.kind == FILE and 5 not in entry.extras)
        unknown = sum(entry.size for entry in entries if entry.kind == FILE and 5 in entry.extras)
        require(known <= size <= known + unknown, "bytes of a group")
        require(errors == sum(5 in entry.extras or 7 in entry.extras for entry in entries), "errors of a group")
        yield Group(directory, flags, errors, size, names, entries)
        at = end


def _entries(
    place: tuple[bytes, list[bytes]],
    fixed: bytes,
    owners: bytes,
    digests: bytes,
    extras: dict[int, dict[int, bytes]],
    algorithms: list[str],
    key: bytes,
) -> Iterator[Entry]:
    directory, names = place
    salts = hashlib.shake_128(key + directory + b"\0" + (names or [b""])[0]).digest(16 * len(names))
    used = 0
    for row, name in enumerate(names):
        mode, size, mtime_ns = struct.unpack_from("<IQq", fixed, 20 * row)
        width = 32 * len(algorithms) if mode >> 12 == FILE else 0
        mine = digests[used : used + width]
        used += width
        require(len(mine) == width, "digests")
        own = extras.get(row, {})
        require(mode < 1 << 16 and (mode >> 12 in KINDS or 5 in own), "kind")
        statement = fixed[20 * row : 20 * row + 20] + owners[8 * row : 8 * row + 8] + mine
        statement += b"".join(struct.pack("<IBI", 0, tag, len(own[tag])) + own[tag] for tag in sorted(own))
        said = {each: mine[32 * at : 32 * at + 32] for at, each in enumerate(algorithms) if width}
        path = directory + b"/" + name if directory else name
        uid, gid = struct.unpack_from("<II", owners, 8 * row)
        yield Entry(path, mode, size, mtime_ns, uid, gid, said, own, statement, salts[16 * row : 16 * row + 16])
    require(used == len(digests), "digests")


def _extras(raw: bytes, rows: int) -> dict[int, dict[int, bytes]]:
    """§7."""
    found: dict[int, dict[int, bytes]] = {}
    at, last = 0, (-1, 0)
    while at < len(raw):
        row, tag, length = struct.unpack_from("<IBI", raw, at)
        value = raw[at + 9 : at + 9 + length]
        require(row < rows and (row, tag) > last and len(value) == length, "extras")
        require(tag in {1, 2, 9} or LENGTHS.get(tag) == length, "tag")
        require(tag not in {1, 2} or (value != b"" and b"\0" not in value), "a path")
        require(tag != 5 or 1 <= int.from_bytes(value, "little") <= 4095, "errno")
        if tag == 9:
            attributes(value)
        found.setdefault(row, {})[tag] = value
        last, at = (row, tag), at + 9 + length
    return found


def attributes(value: bytes) -> dict[bytes, bytes]:
    """Return the digests of extended attributes by name (§7.1)."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(value):
        (length,) = struct.unpack_from("<H", value, at)
        name, digest = value[at + 2 : at + 2 + length], value[at + 2 + length : at + 18 + length]
        require(length > 0 and len(digest) == 16, "attributes")
        found[name] = digest
        at += 18 + length
    return found


def _require_order(groups: list[Group]) -> None:
    """§5.1 and §5.2."""
    require(all(one.key < other.key for one, other in itertools.pairwise(groups)), "order of groups")
    for directory, parts in itertools.groupby(groups, key=lambda group: group.directory):
        several = list(parts)
        names = [name for part in several for name in part.names]
        require(all(one < other for one, other in itertools.pairwise(names)), "order of names")
        inner = directory.split(b"/") if directory else []
        require(all(name not in {b"", b".", b".."} and b"/" not in name for name in [*names, *inner]), "a name")
        require(b"\0" not in directory, "a name")
        marks = [part.flags & 3 for part in several]
        last = len(marks) - 1
        require(marks == [(at == 0) + 2 * (at == last) for at in range(len(marks))], "parts of a directory")
