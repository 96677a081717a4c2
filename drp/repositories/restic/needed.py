"""Which stored objects restic's points need, asked of one repository: what is listed is remembered for a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from drp.domain.phrase import fact
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository_port import Needs
from drp.domain.restore import SecretReference
from drp.redact import remember
from drp.repositories.locations.stored import StoredObjects
from drp.repositories.restic.needs.listing import Listing, listing
from drp.repositories.restic.needs.session import Asked, Told, needs_of
from drp.repositories.restic.settings import ResticSettings

_FRESH_SECONDS = 60.0


class Needed:
    """Answers for one repository; the password is resolved when it is asked."""

    def __init__(
        self,
        settings: ResticSettings,
        resolve: Callable[[SecretReference], str],
        stored: Callable[[], StoredObjects],
        cache: Path,
    ) -> None:
        """Take what the repository is, how its bytes are reached, and a private folder for what never changes."""
        self._settings, self._resolve, self._stored, self._cache = settings, resolve, stored, cache
        self._turn = threading.Lock()
        self._listed: tuple[float, StoredObjects, Listing] | None = None

    def listing(self) -> tuple[StoredObjects, Listing]:
        """Return what is there. Raises as `StoredObjects` does."""
        with self._turn:
            if self._listed is None or time.monotonic() - self._listed[0] > _FRESH_SECONDS:
                stored = self._stored()
                self._listed = (time.monotonic(), stored, listing(stored.versions()))
            return self._listed[1:]

    def of(
        self, points: Sequence[str], *, seconds: float = float("inf"), told: Told = lambda *_: None
    ) -> Iterator[tuple[str, Needs]]:
        """Yield what each point needs, by its id, within a time."""
        stored, listed = self.listing()
        there = [point for point in points if bytes.fromhex(point) in listed.parts["snapshots"]]
        password = self._resolve(self._settings.password)
        remember(password)
        asked = Asked(
            name=self._settings.name,
            stored=stored,
            listing=listed,
            password=password.encode(),
            cache=self._cache,
            seconds=seconds,
        )
        answers = needs_of(asked, there, told)
        for point in points:
            if bytes.fromhex(point) in listed.parts["snapshots"]:
                yield next(answers)
            else:
                yield point, Needs(unknown=fact("needs-absent", "{object} is not there", object=f"snapshots/{point}"))

    def one(self, point: RecoveryPoint) -> Needs:
        """Return what one point needs, within the limit of the backup tool's commands."""
        ((_, needs),) = self.of([point.id], seconds=self._settings.limits.command_seconds)
        return needs

    def several(self, points: Sequence[RecoveryPoint]) -> Iterator[tuple[RecoveryPoint, Needs]]:
        """Yield what each of the points needs; it may take long."""
        for point, (_, needs) in zip(points, self.of([point.id for point in points]), strict=True):
            yield point, needs

    def needing(self, names: Collection[str]) -> Mapping[str, tuple[str, ...]] | None:
        """Return, for each name, the ids of the points that need it; None when one of them is unknown."""
        found: dict[str, list[str]] = {name: [] for name in names}
        points = sorted(identity.hex() for identity in self.listing()[1].parts["snapshots"])
        for point, needs in self.of(points):
            if needs.unknown:
                return None
            for name in found:
                if name in needs.names:
                    found[name].append(point)
        return {name: tuple(needing) for name, needing in found.items()}
