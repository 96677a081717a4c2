"""The Merkle tree over the entries of a manifest: entry → group → frame → root, sixteen children a node.

Leaves and nodes are BLAKE2b-256 (RFC 7693) told apart by its personalisation, after RFC 6962 §2.1. Every leaf has a
salt of its own, drawn from the manifest's key by SHAKE128: whoever is shown a proof cannot guess the neighbours'
names. Only the standard library, so that a proof can be checked anywhere.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

from drp.manifests.layout import FIXED, OWNER, Group, encode_extras

FAN_OUT = 16
SALT = 16
_LEAF, _NODE, _ROOT = b"drp-leaf", b"drp-node", b"drp-root"
_COUNT = struct.Struct("<Q")
EMPTY = hashlib.blake2b(b"", digest_size=32, person=_NODE).digest()


def salts(key: bytes, directory: bytes, first: bytes, rows: int) -> bytes:
    """Return the salts of a group's rows, 16 bytes each."""
    return hashlib.shake_128(key + directory + b"\0" + first).digest(SALT * rows)


def leaf(path: bytes, statement: bytes, salt: bytes) -> bytes:
    """Return the leaf of an entry: its path, and all that the manifest states of it."""
    return hashlib.blake2b(path + b"\0" + statement, digest_size=32, salt=salt, person=_LEAF).digest()


def statements(group: Group, digest_size: int) -> list[bytes]:
    """Return what the manifest states of each row: fixed, owner, digest, extras."""
    fixed, owners, digests = group.fixed, group.owners, group.digests
    result, at = [], 0
    for row in range(len(group.names)):
        meta = fixed[row * FIXED.size : (row + 1) * FIXED.size]
        text = meta + owners[row * OWNER.size : (row + 1) * OWNER.size]
        if meta[1] & 0xF0 == 0x80:  # the top four bits of st_mode: a regular file
            text += digests[at : at + digest_size]
            at += digest_size
        if row in group.extras:
            text += encode_extras({0: group.extras[row]})
        result.append(text)
    return result


def leaves(group: Group, key: bytes, digest_size: int) -> list[bytes]:
    """Return the leaves of a group's entries."""
    prefix = group.directory + b"/" if group.directory else b""
    drawn = salts(key, group.directory, group.key()[1], len(group.names))
    return [
        leaf(prefix + name, text, drawn[row * SALT : (row + 1) * SALT])
        for row, (name, text) in enumerate(zip(group.names, statements(group, digest_size), strict=True))
    ]


def fast_leaves(
    prefix: bytes, names: Sequence[bytes], texts: Sequence[bytes], drawn: bytes
) -> list[bytes]:  # the hot path of creation
    """Return the leaves of entries whose statements are at hand."""
    blake2b = hashlib.blake2b
    return [
        blake2b(prefix + name + b"\0" + text, digest_size=32, salt=drawn[at : at + 16], person=_LEAF).digest()
        for name, text, at in zip(names, texts, range(0, len(drawn), 16), strict=True)
    ]


def fast_tree(compiled: Any, prefix: bytes, group: Group, drawn: bytes) -> bytes:
    """Return the node of a group of regular files without extras, by the compiled core."""
    result: bytes = compiled.tree(
        prefix, group.names, group.fixed, group.owners, group.digests, drawn, _LEAF, _NODE
    )  # fmt: skip
    return result


def node(children: Sequence[bytes]) -> bytes:
    """Return the parent of up to sixteen nodes."""
    return hashlib.blake2b(b"".join(children), digest_size=32, person=_NODE).digest()


def tree(nodes: Sequence[bytes]) -> bytes:
    """Return the top of the tree over ``nodes``."""
    if not nodes:
        return EMPTY
    level = list(nodes)
    while len(level) > 1:
        level = [node(level[at : at + FAN_OUT]) for at in range(0, len(level), FAN_OUT)]
    return level[0]


def root(top: bytes, entries: int) -> str:
    """Return the Merkle root of a manifest, hex: the top of the tree bound to the number of entries."""
    return hashlib.blake2b(top + _COUNT.pack(entries), digest_size=32, person=_ROOT).hexdigest()


def branch(nodes: Sequence[bytes], index: int) -> list[tuple[int, list[bytes]]]:
    """Return, level by level, the position of ``nodes[index]`` among its siblings, and those siblings without it."""
    steps: list[tuple[int, list[bytes]]] = []
    level = list(nodes)
    while len(level) > 1:
        start = index - index % FAN_OUT
        siblings = level[start : start + FAN_OUT]
        steps.append((index - start, siblings[: index - start] + siblings[index - start + 1 :]))
        level = [node(level[at : at + FAN_OUT]) for at in range(0, len(level), FAN_OUT)]
        index //= FAN_OUT
    return steps


def climb(start: bytes, steps: Sequence[tuple[int, Sequence[bytes]]]) -> bytes:
    """Return the top that a node and its siblings lead to."""
    current = start
    for position, siblings in steps:
        current = node([*siblings[:position], current, *siblings[position:]])
    return current
