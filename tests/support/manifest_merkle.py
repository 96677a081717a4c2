"""The Merkle tree of manifests and their proofs, by `drp/manifests/FORMAT.md` alone (§8): nothing of drp is imported."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any


class Refused(ValueError):
    """The bytes are no manifest, or no proof."""


def require(holds: bool, what: str) -> None:
    """Refuse what does not hold."""
    if not holds:
        raise Refused(what)


def node(children: list[bytes]) -> bytes:
    """§8."""
    return hashlib.blake2b(b"".join(children), digest_size=32, person=b"drp-node").digest()


def tree(nodes: list[bytes]) -> bytes:
    """§8."""
    if not nodes:
        return node([])
    while len(nodes) > 1:
        nodes = [node(nodes[at : at + 16]) for at in range(0, len(nodes), 16)]
    return nodes[0]


def leaf(path: bytes, statement: bytes, salt: bytes) -> bytes:
    """§8."""
    return hashlib.blake2b(path + b"\0" + statement, digest_size=32, salt=salt, person=b"drp-leaf").digest()


def root(top: bytes, entries: int) -> str:
    """§8."""
    return hashlib.blake2b(top + struct.pack("<Q", entries), digest_size=32, person=b"drp-root").hexdigest()


def proven(proof: dict[str, Any], known_root: str) -> tuple[bytes, bytes]:
    """Return path and statement of what a proof proves (§8.1). Raises ``Refused``."""
    require(proof["schema"] == "drp/manifest-proof/1" and len(proof["steps"]) <= 64, "schema")
    path, statement, salt = (base64.b64decode(proof[f"{name}_b64"]) for name in ("path", "statement", "salt"))
    current = leaf(path, statement, salt)
    for place, siblings in proof["steps"]:
        others = [base64.b64decode(each) for each in siblings]
        current = node([*others[:place], current, *others[place:]])
    require(root(current, proof["entries"]) == known_root, "the proof leads elsewhere")
    return path, statement
