"""The ledger of acknowledged writes: what users were told is safe, as JSON Lines with UTC instants.

It is the ground truth of what a recovery lost: kept outside of the applications, flushed at every line, in the format
that drp's verifier `ledger` reads.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True)
class Write:
    """One write that an application acknowledged."""

    at: datetime
    """When the acknowledgement arrived, UTC; the write was committed at this instant or just before."""
    application: str
    entity: str
    key: str
    """What names the record in the application for its users: a PUID, an order number, a UID."""


class Ledger:
    """Appends acknowledged writes to a file; safe from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")

    def acknowledge(self, application: str, entity: str, key: object) -> Write:
        """Note a write, now."""
        write = Write(datetime.now(UTC), application, entity, str(key))
        said = {"at": write.at.isoformat(), "application": application, "kind": entity, "id": write.key}
        line = json.dumps(said)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()
        return write

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path) -> list[Write]:
    """Return every acknowledged write in order."""
    writes = []
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        at = datetime.fromisoformat(fields["at"])
        writes.append(Write(at, fields["application"], fields["kind"], fields["id"]))
    return writes


@dataclass(frozen=True)
class Loss:
    """What a recovery lost of one kind of record."""

    application: str
    entity: str
    acknowledged: int
    lost: tuple[Write, ...]
    newest_survivor: datetime | None
    """Instant of the newest acknowledged write that came back."""

    def measured(self, disaster_at: datetime) -> timedelta:
        """Return how far back the loss reaches: from the first lost write to the disaster; zero without a loss."""
        return disaster_at - self.lost[0].at if self.lost else timedelta(0)


def losses(writes: Iterable[Write], application: str, present: dict[str, Collection[str]]) -> list[Loss]:
    """Compare acknowledged writes of an application with the keys present after a recovery, kind by kind."""
    found = []
    mine = [write for write in writes if write.application == application]
    for entity, keys in present.items():
        wanted = [write for write in mine if write.entity == entity]
        lost = tuple(write for write in wanted if write.key not in keys)
        survivors = [write.at for write in wanted if write.key in keys]
        found.append(Loss(application, entity, len(wanted), lost, max(survivors, default=None)))
    return found
