"""Proofs that one entry is in a manifest, which show nothing of the others.

A proof holds the entry, its salt, and the nodes beside its way up (entry → group → frame → root, sixteen children a
node). Whoever knows the Merkle root, from an evidence record or a printed report, can check it with BLAKE2b alone.
"""

from __future__ import annotations

import base64
import binascii
import stat
import struct
from typing import Any

from drp.domain.manifest import decode_path, encode_path, show_path
from drp.domain.phrase import say
from drp.domain.strict_json import EXACT
from drp.errors import EvidenceError, ManifestError, NotFound
from drp.manifests import merkle
from drp.manifests.entries import Entry
from drp.manifests.layout import FIXED, OWNER, Group, decode_extras, sort_key
from drp.manifests.reader import Manifest
from drp.manifests.row import Row, group_rows

SCHEMA = "drp/manifest-proof/1"
_STEPS_LIMIT = 64


def prove(manifest: Manifest, path: bytes) -> dict[str, Any]:
    """Return the proof that ``path`` is in the manifest, as plain JSON data.

    Raises ``NotFound`` when it is not, ``ManifestError`` when the manifest is damaged.
    """
    directory, _, name = path.rpartition(b"/")
    number = _frame_of(manifest, (sort_key(directory), name))
    groups = list(manifest.groups(manifest.frames[number]))
    position = next((at for at, one in enumerate(groups) if one.directory == directory and name in one.names), None)
    if position is None:
        hint = "list its entries with `drp manifest show --tree`"
        raise NotFound(say("the manifest has no entry {show_path}", show_path=show_path(path)), hint=hint)
    group = groups[position]
    row = group.names.index(name)
    key, size = manifest.key, manifest.digest_size
    nodes = [merkle.tree(merkle.leaves(other, key, size)) for other in groups]
    steps = merkle.branch(merkle.leaves(group, key, size), row)
    steps += merkle.branch(nodes, position)
    steps += merkle.branch([frame.top for frame in manifest.frames], number)
    return {
        "schema": SCHEMA,
        "manifest": manifest.id,
        "merkle_root": manifest.trailer["merkle_root"],
        "algorithms": list(manifest.algorithms),
        "entries": manifest.trailer["entries"],
        "entry": Entry(path, group_rows(group, size)[row]).document(manifest.algorithms),
        "path_b64": encode_path(path),
        "statement_b64": _text(merkle.statements(group, size)[row]),
        "salt_b64": _text(_salt(group, key, row)),
        "steps": [[index, [_text(sibling) for sibling in siblings]] for index, siblings in steps],
    }


def check_proof(proof: dict[str, Any], merkle_root: str | None = None) -> dict[str, Any]:
    """Return the entry that a proof proves. ``merkle_root`` is what the checker knows; None: what the proof says.

    Raises ``EvidenceError`` when it does not lead to the root, or the readable entry is not the proven one.
    """
    try:
        path = decode_path(proof["path_b64"])
        statement = _bytes(proof["statement_b64"])
        node = merkle.leaf(path, statement, _bytes(proof["salt_b64"]))
        steps = [(int(index), [_bytes(sibling) for sibling in siblings]) for index, siblings in proof["steps"]]
        entries, entry = int(proof["entries"]), dict(proof["entry"])
        algorithms = [str(name) for name in proof["algorithms"]]
        expected = merkle_root or str(proof["merkle_root"])
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise EvidenceError(
            "this is not a proof of a manifest's entry", hint="make it with `drp manifest prove`"
        ) from error
    if proof.get("schema") != SCHEMA or len(steps) > _STEPS_LIMIT or not 0 <= entries <= EXACT:
        raise EvidenceError("this is not a proof that this drp knows", hint="use the drp that made it, or a newer one")
    if merkle.root(merkle.climb(node, steps), entries) != expected:
        raise EvidenceError(say("the proof does not lead to the Merkle root {expected}…", expected=expected[:16]))
    if _proven(path, statement, algorithms) != entry:
        raise EvidenceError("the readable entry of the proof is not the one that is proven")
    return entry


def _proven(path: bytes, statement: bytes, algorithms: list[str]) -> dict[str, Any]:
    """Return the entry that a statement states, in words."""
    try:
        mode, size, mtime_ns = FIXED.unpack_from(statement)
        uid, gid = OWNER.unpack_from(statement, FIXED.size)
        start = FIXED.size + OWNER.size
        end = start + (32 * len(algorithms) if stat.S_ISREG(mode) else 0)
        extras = decode_extras(statement, end, len(statement), 1).get(0, {})
    except (struct.error, ManifestError) as error:
        raise EvidenceError("the proof states nothing that a manifest could") from error
    return Entry(path, Row(mode, size, mtime_ns, uid, gid, statement[start:end], extras)).document(algorithms)


def _frame_of(manifest: Manifest, key: tuple[bytes, bytes]) -> int:
    low, high = 0, len(manifest.frames)
    while low < high:
        middle = (low + high) // 2
        if manifest.frames[middle].key <= key:
            low = middle + 1
        else:
            high = middle
    return max(0, low - 1)


def _salt(group: Group, key: bytes, row: int) -> bytes:
    drawn = merkle.salts(key, group.directory, group.key()[1], len(group.names))
    return drawn[row * merkle.SALT : (row + 1) * merkle.SALT]


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
