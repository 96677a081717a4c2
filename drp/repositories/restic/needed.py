"""Which stored objects restic's points need, asked of one repository: what is listed is remembered for a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from drp.domain.phrase import Phrase, fact, own_words
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository_port import Lacking, Needs
from drp.domain.restore import SecretReference
from drp.errors import ObjectsOutOfReach
from drp.redact import remember
from drp.repositories.locations.stored import StoredObjects, stored_objects
from drp.repositories.restic.needs.listing import Listing, listing
from drp.repositories.restic.needs.session import Asked, Told, needs_of
from drp.repositories.restic.settings import ResticSettings
from drp.repositories.restic.snapshots import is_id

_FRESH_SECONDS = 60.0


class KnowsNeeds:
    """The part of a restic repository that knows what points need; the password is resolved when it is asked."""

    name: str

    def __init__(self, settings: ResticSettings, resolve: Callable[[SecretReference], str], cache: Path) -> None:
        """Take what the repository is, how secrets are resolved, and a private folder for what never changes."""
        self._place, self._secret, self._kept = settings, resolve, cache
        self._one_lists = threading.Lock()
        self._there: tuple[float, StoredObjects, Listing] | None = None
        self._newest: tuple[float, str, Needs] = (float("-inf"), "", Needs())  # a drill asks twice about its point

    def objects(self) -> tuple[StoredObjects, Listing]:
        """Return what is read by name now, and what reads it. Raises as `StoredObjects` does."""
        with self._one_lists:
            if self._there is None or time.monotonic() - self._there[0] > _FRESH_SECONDS:
                place = self._place
                stored = stored_objects(place.name, place.location, self._secret, place.limits)
                self._there = (time.monotonic(), stored, listing(stored.versions()))
            return self._there[1:]

    def needs_by_id(
        self, points: Sequence[str], *, seconds: float = float("inf"), told: Told = lambda *_: None
    ) -> Iterator[tuple[str, Needs]]:
        """Yield what each point needs, by its id, within a time."""
        if len(points) == 1 and points[0] == self._newest[1] and time.monotonic() - self._newest[0] < _FRESH_SECONDS:
            yield points[0], self._newest[2]
            return
        try:
            stored, listed = self.objects()
        except ObjectsOutOfReach as error:
            yield from ((point, Needs(unknown=own_words(error.message))) for point in points)
            return
        ids = {point: bytes.fromhex(point) if is_id(point) else b"" for point in points}
        there = [point for point in points if ids[point] in listed.parts["snapshots"]]
        password = self._secret(self._place.password)
        remember(password)
        asked = Asked(
            name=self._place.name,
            stored=stored,
            listing=listed,
            password=password.encode(),
            cache=self._kept,
            seconds=seconds,
        )
        answers = needs_of(asked, there, told)
        for point in points:
            if ids[point] in listed.parts["snapshots"]:
                _, needs = next(answers)
                if not needs.unknown:
                    self._newest = (time.monotonic(), point, needs)
                yield point, needs
            else:
                yield point, Needs(unknown=fact("needs-absent", "{object} is not there", object=f"snapshots/{point}"))

    def needs(self, point: RecoveryPoint) -> Needs:
        """Return what one point needs, within the limit of the backup tool's commands."""
        ((_, needs),) = self.needs_by_id([point.id], seconds=self._place.limits.command_seconds)
        return needs

    def needs_of(
        self, points: Sequence[RecoveryPoint], told: Told = lambda *_: None
    ) -> Iterator[tuple[RecoveryPoint, Needs]]:
        """Yield what each of the points needs; it may take long."""
        answers = self.needs_by_id([point.id for point in points], told=told)
        for point, (_, needs) in zip(points, answers, strict=True):
            yield point, needs

    def points_needing(self, names: Collection[str]) -> Mapping[str, tuple[str, ...]] | None:
        """Return, for each name, the ids of the points that need it; None when one of them is unknown."""
        found: dict[str, list[str]] = {name: [] for name in names}
        try:
            points = sorted(identity.hex() for identity in self.objects()[1].parts["snapshots"])
        except ObjectsOutOfReach:
            return None
        for point, needs in self.needs_by_id(points):
            if needs.unknown:
                return None
            for name, needing in found.items():
                if name in needs.names:
                    needing.append(point)
        return {name: tuple(needing) for name, needing in found.items()}

    def lacking(self) -> Lacking:
        """Return what points need and is not there, in two listings: a backup may end between two parts of one."""
        missing, unknown = self._lacking(None)
        if missing:
            with self._one_lists:
                self._there = None
            self._newest = (float("-inf"), "", Needs())
            there = {identity.hex() for identity in self.objects()[1].parts["snapshots"]}
            concerned = {point for points in missing.values() for point in points}
            missing, doubtful = self._lacking(sorted(concerned & there))
            unknown = {point: why for point, why in unknown.items() if point not in concerned} | doubtful
        return Lacking(missing={key: tuple(points) for key, points in missing.items()}, unknown=unknown)

    def _lacking(self, points: Sequence[str] | None) -> tuple[dict[str, list[str]], dict[str, Phrase]]:
        listed = self.objects()[1]
        if points is None:
            points = sorted(identity.hex() for identity in listed.parts["snapshots"])
        missing: dict[str, list[str]] = {}
        unknown: dict[str, Phrase] = {}
        for point, needs in self.needs_by_id(points):
            for key in needs.missing:
                missing.setdefault(key, []).append(point)
            if needs.unknown:
                unknown[point] = needs.unknown
        return missing, unknown
