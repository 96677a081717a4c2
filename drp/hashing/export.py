"""A manifest in the formats of other tools, so that a tree can be checked without drp.

b3sum and sha256sum escape a name with a backslash or a newline and mark the line with a leading backslash (coreutils;
sha256sum escapes carriage returns too); BagIt (RFC 8493 §2.1.3) percent-encodes CR, LF and % (bagit.py 1.9 does not
decode the last); mtree(5) encodes all but printable ASCII as three octal digits (NetBSD's takes ``*``, ``?`` and ``[``
for patterns all the same). Only regular files that were read are exported, except by mtree.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator

from drp.errors import UsageError
from drp.hashing.entries import Entry, entries
from drp.hashing.judge import kind_of
from drp.hashing.layout import Tag
from drp.hashing.reader import Manifest

_MTREE_KINDS = {
    "file": b"file",
    "directory": b"dir",
    "symlink": b"link",
    "fifo": b"fifo",
    "socket": b"socket",
    "block": b"block",
    "character": b"char",
}
_MTREE_PLAIN = frozenset(range(0x21, 0x7F)) - set(b"\\#*?[")


def export(manifest: Manifest, form: str) -> Iterator[bytes]:
    """Yield the lines of a manifest in another tool's form: b3sum, sha256sum, bagit or mtree.

    Raises ``UsageError`` when there is no such form or the manifest lacks its digests, ``ManifestError``.
    """
    if form not in _FORMS:
        raise UsageError(f"no such form: {form}", hint=f"choose one of {', '.join(_FORMS)}")
    algorithm, line = _FORMS[form]
    if algorithm and algorithm not in manifest.algorithms:
        raise UsageError(
            f"the manifest has no {algorithm} digests",
            hint=f"make it with `--algorithm {algorithm}` or `--algorithm both`",
        )
    if form == "mtree":
        yield b"#mtree\n. type=dir\n"
    for entry in entries(manifest):
        if form == "mtree" or (entry.is_file and not entry.errno):
            yield line(manifest, entry)


def _checksum(algorithm: str, carriage_return: bytes) -> Callable[[Manifest, Entry], bytes]:
    def line(manifest: Manifest, entry: Entry) -> bytes:
        name = entry.path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", carriage_return)
        mark = b"\\" if name != entry.path else b""
        return mark + entry.digest(manifest.algorithms, algorithm).hex().encode() + b"  " + name + b"\n"

    return line


def _bagit(manifest: Manifest, entry: Entry) -> bytes:
    name = entry.path.replace(b"%", b"%25").replace(b"\n", b"%0A").replace(b"\r", b"%0D")
    return entry.digest(manifest.algorithms, "sha256").hex().encode() + b"  data/" + name + b"\n"


def _mtree(manifest: Manifest, entry: Entry) -> bytes:
    row = entry.row
    kind = kind_of(row.mode)
    words = [
        b"./" + b"/".join(_vis(part) for part in entry.path.split(b"/")),
        b"type=" + _MTREE_KINDS.get(kind, b"file"),
        b"mode=%04o uid=%d gid=%d" % (stat.S_IMODE(row.mode), row.uid, row.gid),
    ]
    if entry.is_file:  # times of others are not judged by drp either: restoring changes them
        words.append(b"time=%d.%09d" % divmod(row.mtime_ns, 1_000_000_000))
        words.append(b"size=%d" % row.size)
        if "sha256" in manifest.algorithms and not entry.errno:
            words.append(b"sha256digest=" + entry.digest(manifest.algorithms, "sha256").hex().encode())
    if Tag.TARGET in row.extras:
        words.append(b"link=" + _vis(row.extras[Tag.TARGET]))
    return b" ".join(words) + b"\n"


def _vis(name: bytes) -> bytes:
    return b"".join(bytes((byte,)) if byte in _MTREE_PLAIN else b"\\%03o" % byte for byte in name)


_FORMS: dict[str, tuple[str, Callable[[Manifest, Entry], bytes]]] = {
    "b3sum": ("blake3", _checksum("blake3", b"\r")),
    "sha256sum": ("sha256", _checksum("sha256", b"\\r")),
    "bagit": ("sha256", _bagit),
    "mtree": ("", _mtree),
}
