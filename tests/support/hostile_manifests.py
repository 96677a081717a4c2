"""Manifests whose digests are right and whose content is an enemy's: each part of a real one, replaced by another."""

from __future__ import annotations

import copy
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import zstandard

from drp.manifests import merkle
from drp.manifests.container import END_MAGIC, FOOTER, FRAME, FRAME_MAGIC, INDEXED, MAGIC, PRELUDE, VERSION
from drp.manifests.layout import FIRST, FIXED, GROUP, LAST, OWNER

EXTRA = struct.Struct("<IBI")
_PACK = zstandard.ZstdCompressor(level=3, write_content_size=True).compress
ODD: Mapping[str, object] = {
    "null": None, "list": [], "object": {"a": 1}, "number": 7, "negative": -1, "true": True, "huge": 10**30, "half": 0.5,
    "escape": "\x1b[31mX\u202e\n", "long": "x" * 200_000, "surrogate": "\ud800", "nested": [["blake3"]],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file of a forged manifest, unless its mode or extras say otherwise."""

    name: bytes
    mode: int = 0o100644
    size: int = 5
    extras: tuple[tuple[int, bytes], ...] = ()


def group(
    entries: Sequence[Entry],
    directory: bytes = b"",
    *,
    flags: int = FIRST | LAST,
    lies: Mapping[str, int] | None = None,
) -> bytes:
    """Return a stored group; ``lies`` replace what its head says: length, directory, rows, flags, names, digests …"""
    names = b"\0".join(entry.name for entry in entries)
    regular = [entry for entry in entries if entry.mode & 0o170000 == 0o100000]
    extras = b"".join(
        EXTRA.pack(row, tag, len(value)) + value for row, entry in enumerate(entries) for tag, value in entry.extras
    )
    body = b"".join(
        (
            directory,
            names,
            b"".join(FIXED.pack(entry.mode, entry.size, 0) for entry in entries),
            OWNER.pack(0, 0) * len(entries),
            bytes(32) * len(regular),
            extras,
        )
    )
    bad = sum(tag in {5, 7} for entry in entries for tag, _ in entry.extras)
    head = {
        "length": GROUP.size + len(body), "directory": len(directory), "rows": len(entries), "flags": flags,
        "names": len(names), "digests": 32 * len(regular), "errors": bad, "size": sum(each.size for each in regular),
    }  # fmt: skip
    return GROUP.pack(*{**head, **(lies or {})}.values()) + body


SOUND = (group([Entry(b"a", 0o40755, 0), Entry(b"b")]), group([Entry(b"f")], b"a"))
HEADER: Mapping[str, Any] = {
    "algorithms": ["blake3"], "application": "app", "codec": "zstd", "facts": {}, "host": "vm", "key": "bf" * 32,
    "options": {"attributes": ["user"], "xattrs": False}, "recovery_point": "", "root": "/srv",
    "started_at": "2026-11-29T09:25:35.649301+00:00", "tool": "drp, pure core",
}  # fmt: skip


def forged(
    frames: Sequence[Sequence[bytes]] = (SOUND,),
    *,
    header: Mapping[str, Any] | bytes = HEADER,
    trailer: Mapping[str, Any] | bytes | None = None,
    rows: int | None = None,
    files: int | None = None,
    raw_length: int | None = None,
) -> bytes:
    """Return a manifest; what is not given is right."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    out, index, tops, totals = PRELUDE.pack(MAGIC, VERSION, 0, len(text)) + text, b"", [], [0, 0, 0]
    for groups in frames:
        raw = b"".join(groups)
        heads = [GROUP.unpack_from(each) for each in groups if len(each) >= GROUP.size]
        counts = [sum(head[2] for head in heads), sum(head[5] for head in heads) // 32, sum(head[7] for head in heads)]
        counts[0] = counts[0] if rows is None else rows
        counts[1] = counts[1] if files is None else files
        packed, first = _PACK(raw), groups[0]
        directory = first[GROUP.size : GROUP.size + heads[0][1]] if heads else b""
        name = first[GROUP.size + heads[0][1] :][: heads[0][4]].split(b"\0")[0] if heads else b""
        top = hashlib.blake2b(raw).digest()[:32]
        length = len(raw) if raw_length is None else raw_length
        index += INDEXED.pack(
            len(out), len(packed), length, *(count & 0xFFFFFFFF for count in counts[:2]), counts[2] & (1 << 64) - 1,
            heads[0][3] if heads else 3, len(directory), len(name),
            hashlib.blake2b(packed, digest_size=32).digest(), top,
        ) + directory + name  # fmt: skip
        out += FRAME.pack(FRAME_MAGIC, len(packed), length, counts[0] & 0xFFFFFFFF) + packed
        tops.append(top)
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
    said = {
        "entries": totals[0], "files": totals[1], "total_bytes": totals[2], "errors": 0, "frames": len(frames),
        "finished_at": "2026-11-29T09:25:36+00:00", "merkle_root": merkle.root(merkle.tree(tops), totals[0]),
    }  # fmt: skip
    end = trailer if isinstance(trailer, bytes) else json.dumps({**said, **(trailer or {})}).encode()
    packed_index = _PACK(index)
    seal = hashlib.blake2b(text + packed_index + end, digest_size=32).digest()
    return out + packed_index + end + FOOTER.pack(len(out), len(packed_index), len(index), len(end), seal, END_MAGIC)


def with_header(**changed: object) -> bytes:
    """Return a manifest with another header."""
    return forged(header={**copy.deepcopy(dict(HEADER)), **changed})


def malformed() -> Iterator[tuple[str, bytes]]:
    """Yield manifests none of which may be used, by name."""
    for name in HEADER:
        for kind, value in ODD.items():
            fits = {"facts": {"object"}, "options": {"object"}}.get(name, set())
            if kind not in fits:
                yield f"header {name} {kind}", with_header(**{name: value})
    for name in (".", "../x", "a/b"):
        yield f"application {name!r}", with_header(application=name)
    for name in sorted(set(HEADER) - {"facts", "options", "recovery_point"}):
        yield f"header without {name}", forged(header={key: each for key, each in HEADER.items() if key != name})
    for name in ("entries", "files", "total_bytes", "errors", "frames", "merkle_root", "finished_at"):
        for kind, value in ODD.items():
            yield f"trailer {name} {kind}", forged(trailer={name: value})
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield "deep header", forged(header=deep)
    yield "deep trailer", forged(trailer=deep)
    sound = json.dumps(HEADER).encode()
    yield "deep facts", forged(header=sound.replace(b'"facts": {}', b'"facts": ' + b'{"a":' * 900 + b"1" + b"}" * 900))
    yield "facts NaN", forged(header=sound.replace(b'"facts": {}', b'"facts": {"rows": NaN}'))
    yield "facts endless", forged(header=sound.replace(b'"facts": {}', b'"facts": {"rows": 1e999}'))
    yield "facts digits", forged(header=sound.replace(b'"facts": {}', b'"facts": {"rows": ' + b"9" * 5000 + b"}"))
    yield "root twice", forged(header=sound[:-1] + b', "root": "/etc"}')
    yield "header UTF-16", forged(header=json.dumps(HEADER).encode("utf-16"))
    yield "algorithms twice", with_header(algorithms=["blake3", "blake3"])
    yield "application elsewhere", with_header(application="../../../../tmp/x")
    yield "finished before begun", with_header(started_at="2027-01-01T00:00:00+00:00")
    yield "no zone", with_header(started_at="2026-11-29T09:25:35")
    yield "year 1", with_header(started_at="0001-01-01T00:00:00+23:59")
    yield from _groups()


def _groups() -> Iterator[tuple[str, bytes]]:
    for name in ("length", "directory", "rows", "flags", "names", "digests", "errors", "size"):
        for value in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            one = group([Entry(b"b"), Entry(b"c")], b"" if name != "directory" else b"dd", lies={name: value})
            if not (name == "errors" and value == 0):
                yield f"group {name} {value}", forged([[one]], rows=2)
    yield "rows without room", forged(rows=0xFFFFFFFF)
    yield "more rows than there are", forged(rows=8)
    yield "fewer rows than there are", forged(rows=2)
    yield "raw length", forged(raw_length=1)
    yield "more raw than is read", forged(raw_length=(64 << 20) + 1)
    yield "zeros", forged([[bytes(64 << 10)]], rows=3)
    later = group([Entry(b"x")], b"a", flags=LAST)
    yield "a later part alone", forged([[SOUND[0], later]])
    yield "a first part alone", forged([[SOUND[0], group([Entry(b"x")], b"a", flags=FIRST)]])
    yield "a later part in another frame alone", forged([SOUND, [group([Entry(b"x")], b"z", flags=LAST)]])
    yield "the last part twice", forged([[SOUND[0], SOUND[1], later]])
    first, second = group([Entry(b"f"), Entry(b"h")], flags=FIRST), group([Entry(b"g"), Entry(b"h")], flags=LAST)
    yield "a name twice over parts", forged([[first, second]])
    yield "a name twice over parts in two frames", forged([[first], [second]])
    for bad in (b"..", b".", b"", b"a/b"):
        yield f"name {bad!r}", forged([[group([Entry(bad)])]])
    yield "directory upwards", forged([[group([Entry(b"passwd")], b"../../etc")]])
    yield "names out of order", forged([[group([Entry(b"b"), Entry(b"a")])]])
    yield "mode", forged([[group([Entry(b"b", 0xFFFFFFFF, 0)])]])
    for tag in range(12):
        for value in (b"", b"\xff" * 3, b"\xff" * 4000):
            sound = (tag in {6, 7} and not value) or (tag in {1, 2} and value) or (tag == 9 and not value)
            if not sound:
                yield f"extra {tag} {len(value)}", forged([[group([Entry(b"b", 0o120777, 0, ((tag, value),))])]])
