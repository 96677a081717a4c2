"""An open manifest of the simulated world."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from drp.domain.manifest import ManifestPart, ManifestSummary, show_path
from drp.domain.recovery_point import RecoveryPoint


class SimManifest:
    """An open manifest of the world, made as it should be unless the script says otherwise."""

    def __init__(self, world: Any, point: RecoveryPoint) -> None:
        self._world, self._point = world, point
        self._part: ManifestPart | None = None

    def summary(self) -> ManifestSummary:
        made = ManifestSummary(
            id="m" * 64, application=self._point.application, root="/srv/app", host="prod", tool="drp", algorithms=("blake3",),
            started_at=self._point.consistent_at - timedelta(minutes=2), finished_at=self._point.consistent_at - timedelta(minutes=1),
            entries=10, files=10, total_bytes=1000, merkle_root="0", part=self._part,
        )  # fmt: skip
        return replace(made, **self._world.script.manifest_made)

    def narrow(self, below: bytes) -> None:
        self._world.call("manifest.narrow")
        if below:
            files = self._world.script.own_files
            self._part = ManifestPart(path=show_path(below), entries=files, files=files, total_bytes=files)

    def close(self) -> None:
        self._world.call("manifest.close")
