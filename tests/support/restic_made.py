"""Repositories of restic's that nobody has backed up: index files, trees and snapshots as restic would have sealed them.

For sizes that no test can back up, and for what no restic would write. Formats: restic's `doc/design.rst`.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

from drp.repositories.restic.needs.crypto import Key, opened_by
from tests.support.restic_tools import PASSWORD, Restic


def seal(key: Key, text: bytes) -> bytes:
    """Return what restic would store for a text."""
    nonce = os.urandom(16)
    content = Cipher(algorithms.AES(key.encrypt), modes.CTR(nonce)).encryptor().update(text)
    pad = Cipher(algorithms.AES(key.mac_key), modes.ECB()).encryptor().update(nonce)
    proof = Poly1305(key.mac_factor + pad)
    proof.update(content)
    return nonce + content + proof.finalize()


@dataclass
class MadeRepository:
    """A repository that restic has initialised, and that we go on with."""

    folder: Path
    key: Key

    @classmethod
    def of(cls, restic: Restic) -> MadeRepository:
        """Take one that is there."""
        folder = Path(restic.repository)
        (file,) = (folder / "keys").iterdir()
        key = opened_by(PASSWORD.encode(), file.read_bytes())
        assert key is not None
        return cls(folder, key)

    def put(self, part: str, text: bytes, *, compress: bool = True) -> str:
        """Store a document, and return its id."""
        packed = b"\x02" + zstandard.ZstdCompressor(level=1).compress(text) if compress else text
        return self.put_sealed(part, seal(self.key, packed))

    def put_sealed(self, part: str, content: bytes) -> str:
        """Store bytes under their digest."""
        name = hashlib.sha256(content).hexdigest()
        folder = self.folder / part / name[:2] if part == "data" else self.folder / part
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        return name

    def index(self, packs: Iterable[tuple[str, list[dict[str, object]]]]) -> str:
        """Store an index file."""
        said = {"packs": [{"id": pack, "blobs": blobs} for pack, blobs in packs]}
        return self.put("index", json.dumps(said, separators=(",", ":")).encode())

    def tree_pack(self, texts: Iterable[bytes]) -> tuple[str, list[dict[str, object]]]:
        """Store trees in one pack, and return what an index says of it."""
        content, blobs = bytearray(), []
        for text in texts:
            sealed = seal(self.key, zstandard.ZstdCompressor(level=1).compress(text))
            blobs.append(
                {
                    "id": hashlib.sha256(text).hexdigest(),
                    "type": "tree",
                    "offset": len(content),
                    "length": len(sealed),
                    "uncompressed_length": len(text),
                }
            )
            content += sealed
        return self.put_sealed("data", bytes(content)), blobs

    def snapshot(self, tree: str) -> str:
        """Store a snapshot of a tree."""
        said = {"time": "2026-11-20T02:00:00Z", "tree": tree, "paths": ["/srv"], "hostname": "ehr", "username": "root"}
        return self.put("snapshots", json.dumps(said).encode())


def file_node(name: str, content: list[str]) -> dict[str, object]:
    """Return a file's node."""
    return {
        "name": name,
        "type": "file",
        "mode": 420,
        "mtime": "2026-11-20T01:00:00Z",
        "size": len(content) << 20,
        "content": content,
    }


def tree_text(nodes: list[dict[str, object]]) -> bytes:
    """Return a tree as restic writes it."""
    return json.dumps({"nodes": nodes}, separators=(",", ":")).encode() + b"\n"


def fill(made: MadeRepository, *, packs: int, blobs: int, seed: int = 1) -> tuple[str, list[str]]:
    """Make an index of many packs, that are not there, and a snapshot that uses each of them; return it, and packs."""
    source = random.Random(seed)
    names: list[str] = []
    wanted: list[str] = []

    def some(count: int) -> Iterator[tuple[str, list[dict[str, object]]]]:
        for _ in range(count):
            pack = source.randbytes(32).hex()
            ids = [source.randbytes(32).hex() for _ in range(blobs)]
            names.append(pack)
            wanted.append(ids[0])
            yield (
                pack,
                [
                    {
                        "id": each,
                        "type": "data",
                        "offset": number << 20,
                        "length": 1 << 20,
                        "uncompressed_length": 2 << 20,
                    }
                    for number, each in enumerate(ids)
                ],
            )

    step = 50_000 // blobs
    for start in range(0, packs, step):
        made.index(some(min(step, packs - start)))
    below, trees = [], []
    for start in range(0, packs, 1_000):
        text = tree_text([file_node(f"f{number}", [each]) for number, each in enumerate(wanted[start : start + 1_000])])
        trees.append(text)
        below.append(hashlib.sha256(text).hexdigest())
    root = tree_text([{"name": f"d{number}", "type": "dir", "subtree": each} for number, each in enumerate(below)])
    tree_packs = [made.tree_pack(trees[start : start + 100]) for start in range(0, len(trees), 100)]
    tree_packs.append(made.tree_pack([root]))
    made.index(tree_packs)
    return made.snapshot(hashlib.sha256(root).hexdigest()), names
