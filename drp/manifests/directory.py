"""The ManifestSource port on a directory that is kept apart from the backups: ``<made for>/<id>.drpm``."""

from __future__ import annotations

import re
from pathlib import Path

from drp.atomic import make_folder
from drp.domain.manifest import ManifestSummary
from drp.domain.phrase import say
from drp.domain.recovery_point import RecoveryPoint
from drp.errors import ManifestError
from drp.manifests.opening import open_manifest, read_summary
from drp.manifests.reader import Manifest

SUFFIX = ".drpm"
_ID = re.compile(r"[0-9a-f]{64}")


class ManifestDirectory:
    """A directory of manifests, one folder an application, each file named by the SHA-256 of its bytes."""

    def __init__(self, directory: Path) -> None:
        """Keep where they are; the directory need not exist yet."""
        self._directory = directory

    def place(self, application: str, manifest_id: str) -> Path:
        """Return where a manifest belongs."""
        return self._directory / application / f"{manifest_id}{SUFFIX}"

    def keep(self, manifest: Path) -> ManifestSummary:
        """Move a finished manifest to its place, and return its summary. Raises ``ManifestError``, ``OSError``."""
        summary = read_summary(manifest)
        place = self.place(summary.application, summary.id)
        make_folder(place.parent)
        manifest.replace(place)
        return summary

    def expected(self, point: RecoveryPoint, *, made_for: str = "") -> Manifest | None:
        """Return the manifest that the point names, open; None when it names none or it is not kept here.

        ``made_for``: the name under which it is kept, where it serves several applications; empty: the point's.
        Raises ``ManifestError`` when the file is not the one that the point names, or cannot be believed.
        """
        if point.manifest_id is None:
            return None
        if not _ID.fullmatch(point.manifest_id):
            raise ManifestError(
                say(
                    "recovery point {short_id} names {manifest_id}, which is no manifest id",
                    short_id=point.short_id,
                    manifest_id=repr(point.manifest_id),
                )
            )
        path = self.place(made_for or point.application, point.manifest_id)
        try:
            manifest = open_manifest(path)
        except ManifestError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        if manifest.id != point.manifest_id:
            manifest.close()
            raise ManifestError(
                say(
                    "{path} was changed: its SHA-256 is {id}…, not the one it is named by",
                    path=path,
                    id=manifest.id[:16],
                )
            )
        return manifest
