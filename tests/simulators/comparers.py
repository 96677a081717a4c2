"""What of a simulated world has manifests and compares with them: the Hasher and ManifestSource ports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from drp.domain.manifest import ManifestDifference, OpenManifest
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.sample import Sample
from drp.errors import NotFound
from tests.simulators.manifest import SimManifest


class Comparers(ABC):
    """As the world's script says."""

    script: Any

    @abstractmethod
    def call(self, name: str) -> None:
        """Count the call, and fail where the script says so."""

    def compare(self, root: Path, manifest: OpenManifest, *, sample: Sample | None = None, **_: object) -> ManifestDifference:  # fmt: skip
        self.call("compare")
        sampled = sample.drawn if sample is not None else None
        part = manifest.summary().part
        seen = sampled if sampled is not None else part.files if part is not None else 10
        return ManifestDifference(
            manifest_id=self.script.compared_id,
            sampled=sampled,
            files_hashed=seen if self.script.compared_of_sample is None else self.script.compared_of_sample,
            bytes_hashed=1000,
            entries_expected=10,
            counts=self.script.difference,
        )

    def drawn(self, manifest: OpenManifest, sample: Sample) -> tuple[bytes, ...]:
        self.call("drawn")
        return tuple(b"file-%d" % number for number in range(sample.drawn))

    def tree_digest(self, root: Path, **_: object) -> str:
        self.call("tree_digest")
        if str(root) not in self.script.images:
            message = f"cannot open the directory {root}"
            raise NotFound(message)
        return self.script.images[str(root)]

    def expected(self, point: RecoveryPoint, *, made_for: str = "") -> SimManifest | None:
        self.call(f"expected of {made_for}" if made_for else "expected")
        return SimManifest(self, point) if self.script.manifest else None
