"""The entries of a manifest one by one, for whatever reads them for people or other tools."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from drp.domain.manifest import encode_path, show_path
from drp.manifests.attributes import parse
from drp.manifests.layout import Tag
from drp.manifests.reader import Manifest
from drp.manifests.row import Row, group_rows, kind_of, say_errno


class Entry(NamedTuple):
    """An entry with its path."""

    path: bytes
    row: Row

    @property
    def is_file(self) -> bool:
        """Return whether it is a regular file."""
        return stat.S_ISREG(self.row.mode)

    @property
    def errno(self) -> int:
        """Return why it could not be read when the manifest was made, 0 when it could."""
        return int.from_bytes(self.row.extras.get(Tag.ERROR, b""), "little")

    def digest(self, algorithms: Sequence[str], algorithm: str) -> bytes:
        """Return one of its digests, which stand in the order of the manifest's algorithms."""
        at = 32 * algorithms.index(algorithm)
        return self.row.digest[at : at + 32]

    def document(self, algorithms: Sequence[str]) -> dict[str, Any]:
        """Return it as plain JSON data."""
        row = self.row
        data: dict[str, Any] = {
            "path": show_path(self.path),
            "path_b64": encode_path(self.path),
            "kind": kind_of(row.mode),
            "mode": f"{stat.S_IMODE(row.mode):04o}",
            "uid": row.uid,
            "gid": row.gid,
            "size": row.size,
            "mtime_ns": row.mtime_ns,
        }
        if self.is_file:
            data.update({name: self.digest(algorithms, name).hex() for name in algorithms})
        for tag, name in ((Tag.TARGET, "target"), (Tag.LINK_TO, "link_to")):
            if tag in row.extras:
                data[name] = show_path(row.extras[tag])
        if Tag.XATTRS in row.extras:
            data["xattrs"] = row.extras[Tag.XATTRS].hex()
        if Tag.ATTRIBUTES in row.extras:
            kept = parse(row.extras[Tag.ATTRIBUTES])
            data["attributes"] = {show_path(name): digest.hex() for name, digest in kept.items()}
        if Tag.SPARSE in row.extras:
            data["sparse"] = True
        if Tag.UNSTABLE in row.extras:
            data["unstable"] = True
        if self.errno:
            data["error"] = say_errno(self.errno)
        return data


def entries(manifest: Manifest) -> Iterator[Entry]:
    """Yield every entry in order. Raises ``ManifestError`` at the first frame that is damaged or out of order."""
    for group in manifest.all_groups():
        for name, row in zip(group.names, group_rows(group, manifest.digest_size), strict=True):
            yield Entry(group.path(name), row)
