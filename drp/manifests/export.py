"""A manifest in the formats of other tools, so that a tree can be checked without drp.

b3sum and sha256sum escape a name with a backslash or a newline and mark the line with a leading backslash (coreutils;
sha256sum escapes carriage returns too), and read standard input for the name ``-``. BagIt (RFC 8493 §2.1.3)
percent-encodes CR, LF and %; bagit.py 1.9 does not decode the last, and reports names that end in a blank or hold a
Unicode line break as missing. mtree(5) encodes all but printable ASCII as three octal digits, and NetBSD's takes names
with ``*``, ``?`` or ``[`` for patterns. A name that a tool would read as another one is never handed to it: nothing is
exported then. Only regular files that were read are exported, except by mtree.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from drp.domain.phrase import say
from drp.errors import UsageError
from drp.manifests.entries import Entry, entries
from drp.manifests.layout import Tag
from drp.manifests.reader import Manifest
from drp.manifests.row import kind_of

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
_MTREE_MAGIC = re.compile(rb"[*?\[]")
_MTREE_ESCAPED = re.compile(rb"\\[*?\[]")


@dataclass(frozen=True, slots=True)
class _Form:
    """How one tool is told of a file."""

    algorithm: str
    line: Callable[[Manifest, Entry], bytes]
    misread: Callable[[bytes], bool] = lambda _: False
    """Whether the tool would look for another file than the one of this path, or give up."""


def export(manifest: Manifest, form: str) -> Iterator[bytes]:
    """Yield the lines of a manifest in another tool's form: b3sum, sha256sum, bagit or mtree.

    Raises ``UsageError`` before the first line when there is no such form, the manifest lacks its digests or the tool
    cannot be told of every name; ``ManifestError``.
    """
    if form not in _FORMS:
        raise UsageError(
            say("no such form: {form}", form=form), hint=say("choose one of {FORMS}", FORMS=", ".join(_FORMS))
        )
    chosen = _FORMS[form]
    if chosen.algorithm and chosen.algorithm not in manifest.algorithms:
        raise UsageError(
            say("the manifest has no {algorithm} digests", algorithm=chosen.algorithm),
            hint=say("make it with `--algorithm {algorithm}` or `--algorithm both`", algorithm=chosen.algorithm),
        )
    _refuse_misread_names(manifest, form)
    if form == "mtree":
        yield b"#mtree\n. type=dir\n"
    for entry in _told(manifest, form):
        yield chosen.line(manifest, entry)


def _told(manifest: Manifest, form: str) -> Iterator[Entry]:
    return (entry for entry in entries(manifest) if form == "mtree" or (entry.is_file and not entry.errno))


def _refuse_misread_names(manifest: Manifest, form: str) -> None:
    count, first = 0, b""
    for entry in _told(manifest, form):
        if _FORMS[form].misread(entry.path):
            count, first = count + 1, first or entry.path
    if count:
        raise UsageError(
            say(
                "{form} would take {count} names for others, the first {decode}",
                form=form,
                count=count,
                decode=f"{first.decode('utf-8', 'backslashreplace')!a}",
            ),
            hint="choose another form: sha256sum can be told of every name",
        )


def _checksum(algorithm: str, carriage_return: bytes) -> Callable[[Manifest, Entry], bytes]:
    def line(manifest: Manifest, entry: Entry) -> bytes:
        name = entry.path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", carriage_return)
        mark = b"\\" if name != entry.path else b""
        name = b"./-" if name == b"-" else name  # standard input otherwise
        return mark + entry.digest(manifest.algorithms, algorithm).hex().encode() + b"  " + name + b"\n"

    return line


def _misread_by_b3sum(path: bytes) -> bool:
    """It refuses what is no UTF-8 and U+FFFD; from 1.8 on it drops a carriage return at the end of a line."""
    return not _is_text(path) or "\ufffd" in path.decode() or path.endswith(b"\r")


def _is_text(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bagit(manifest: Manifest, entry: Entry) -> bytes:
    name = entry.path.replace(b"%", b"%25").replace(b"\n", b"%0A").replace(b"\r", b"%0D")
    return entry.digest(manifest.algorithms, "sha256").hex().encode() + b"  data/" + name + b"\n"


def _mtree(manifest: Manifest, entry: Entry) -> bytes:
    row = entry.row
    kind = kind_of(row.mode)
    words = [
        b"./" + b"/".join(_vis(_literally(part)) for part in entry.path.split(b"/")),
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


def _vis(text: bytes) -> bytes:
    return b"".join(bytes((byte,)) if byte in _MTREE_PLAIN else b"\\%03o" % byte for byte in text)


def _literally(name: bytes) -> bytes:
    """Return a pattern that one name alone matches, or the name where it is none."""
    return re.sub(rb"([*?\[\\])", rb"\\\1", name) if _MTREE_MAGIC.search(name) else name


def _misread_by_mtree(path: bytes) -> bool:
    """A pattern that stands for a name, with its backslash, is taken for the file of just that name too."""
    return _MTREE_ESCAPED.search(path) is not None


_FORMS = {
    "b3sum": _Form("blake3", _checksum("blake3", b"\r"), _misread_by_b3sum),
    "sha256sum": _Form("sha256", _checksum("sha256", b"\\r")),
    "bagit": _Form("sha256", _bagit, lambda path: not _is_text(path)),
    "mtree": _Form("", _mtree, _misread_by_mtree),
}
