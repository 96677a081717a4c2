"""A location of restic's that never changes: the view of a bucket at an instant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from drp.domain.phrase import NOTHING, Phrase
from drp.domain.restore import CellSecret
from drp.domain.worm.attestation import Attestation
from drp.domain.worm.judging import SeenObject
from drp.domain.worm.objects import ObjectVersion
from drp.domain.worm.pinned import View
from drp.repositories.pinned.process import ViewProcess
from drp.repositories.restic.backend import AttestationAsked, Bucket, CellAccess, Condition, missing_parts

ADDRESS_VARIABLE = "RESTIC_REPOSITORY_FILE"
_INSIDE = ("127.0.0.1", 8000)
"""Where the cell finds the view, on its own loopback."""


class PinnedBackend:
    """A location of restic's that never changes: the view of a bucket."""

    air_gapped = False

    def __init__(self, bucket: Bucket, view: View, process: ViewProcess, *, emptied: Phrase = NOTHING) -> None:
        """Take the bucket, for what only it can tell, the view, and what serves it.

        ``emptied``: what was done to the repository, where no instant shows at which it was whole.
        """
        self._bucket, self._process, self._view = bucket, process, view.objects
        parts = {part: {key for key in view.objects if key.startswith(part)} for part in ("keys/", "snapshots/")}
        self._condition = Condition(
            snapshots=frozenset(key.removeprefix("snapshots/") for key in parts["snapshots/"]),
            marks=frozenset(f"{key} {view.objects[key].version}" for part in parts.values() for key in part),
            emptied=emptied,
            broken=missing_parts(config="config" in view.objects, keys=bool(parts["keys/"])),
        )

    @property
    def object_lock(self) -> bool:
        """Whether the bucket says that it has object lock."""
        return self._bucket.object_lock

    @property
    def clock_ahead_ms(self) -> int | None:
        """By how much this machine's clock was ahead of the service's when it last answered."""
        return self._bucket.clock_ahead_ms

    def look(self) -> Condition:
        """Return what is in the view."""
        return self._condition

    def lock_names(self) -> frozenset[str]:
        """Nobody holds a lock of what nobody can write to."""
        return frozenset()

    def explain_refusal(self) -> Phrase:
        """Return nothing: what was overwritten after the instant is not in the view."""
        return NOTHING

    def attest(self, asked: AttestationAsked) -> Attestation:
        """Return what protects in the bucket those versions of the view that the points need."""
        return self._bucket.attest(replace(asked, view=self._view) if asked.view is None else asked)

    def locks_of(
        self,
        names: Collection[str],
        *,
        enough: datetime | None = None,
        cache: Path | None = None,
        view: Mapping[str, ObjectVersion] | None = None,
    ) -> Mapping[str, SeenObject]:
        """Return what protects the view's versions of these objects in the bucket."""
        return self._bucket.locks_of(names, enough=enough, cache=cache, view=self._view if view is None else view)

    def host_arguments(self) -> tuple[str, ...]:
        """Return none: the address has a password in it."""
        return ()

    def host_secrets(self) -> Mapping[str, str]:
        """Return the view's address."""
        return {ADDRESS_VARIABLE: self._process.address()}

    def cell(self) -> CellAccess:
        """Return that the cell finds the view on its own loopback, and neither the service nor its keys."""
        address = f"rest:http://{_INSIDE[0]}:{_INSIDE[1]}/"
        return CellAccess(repository=address, endpoint=_INSIDE, served_by=self._process.door())

    def secrets(self) -> tuple[CellSecret, ...]:
        """The cell takes none."""
        return ()
