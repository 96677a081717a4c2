"""Reads restic's own documents, once they are opened: index files, snapshots, trees. They are bounded and strict.

Formats: restic, ``doc/design.rst``, "Indexing", "Snapshots", "Trees and Data".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from drp.domain.strict_json import Limits, Malformed, parse_object

LARGEST = 192 << 20
"""Bytes of an index file's or a tree's text: a directory of a million files has one of about so many."""
_DOCUMENT = Limits(size=LARGEST, largest=0)
_ID_TEXT = 64
_FARTHEST = 1 << 32
_TYPES = {"data": False, "tree": True}


@dataclass(frozen=True, slots=True)
class Blob:
    """Where one blob lies in a pack."""

    id: bytes
    tree: bool
    offset: int
    length: int
    """Bytes in the pack."""
    raw: int
    """Bytes once decompressed; 0: it is not compressed."""


def read_index(text: bytes) -> Iterator[tuple[bytes, list[Blob]]]:
    """Yield each pack of an index file, by id, and its blobs. Raises ``Malformed``."""
    for pack in _list(parse_object(text, _DOCUMENT), "packs"):
        yield _id(pack.get("id")), [_blob(blob) for blob in _list(pack, "blobs")]


def _blob(said: dict[str, Any]) -> Blob:
    kind = said.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise Malformed("a blob of no kind")
    offset, length, raw = (_size(said.get(name, 0)) for name in ("offset", "length", "uncompressed_length"))
    return Blob(_id(said.get("id")), _TYPES[kind], offset, length, raw)


def read_snapshot(text: bytes) -> bytes:
    """Return the id of a snapshot's tree. Raises ``Malformed``."""
    return _id(parse_object(text, _DOCUMENT).get("tree"))


def read_tree(text: bytes) -> tuple[bytes, bytes]:
    """Return the ids of a tree's subtrees, and the first eight bytes of each of its data's. Raises ``Malformed``.

    Whatever a node is called, all that it names is needed.
    """
    subtrees, contents = bytearray(), bytearray()
    for node in _list(parse_object(text, _DOCUMENT), "nodes"):
        subtree = node.get("subtree")
        if subtree is not None:
            subtrees += _id(subtree)
        elif node.get("type") == "dir":
            raise Malformed("a directory without a tree")
        content = node.get("content")
        if content is None:
            continue
        if not isinstance(content, list):
            raise Malformed("no list of contents")
        for each in content:
            contents += _id(each)[:8]
    return bytes(subtrees), bytes(contents)


def _list(said: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    found = said.get(name)
    if found is None:
        return
    if not isinstance(found, list):
        raise Malformed("no list")
    for each in found:
        if not isinstance(each, dict):
            raise Malformed("no object")
        yield each


def _id(text: object) -> bytes:
    if not isinstance(text, str) or len(text) != _ID_TEXT:
        raise Malformed("no id")
    try:
        found = bytes.fromhex(text)
    except ValueError:
        raise Malformed("no id") from None
    if len(found) != _ID_TEXT // 2:  # fromhex passes over spaces
        raise Malformed("no id")
    return found


def _size(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _FARTHEST:
        raise Malformed("no size")
    return value
