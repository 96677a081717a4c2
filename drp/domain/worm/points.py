"""The ledger of expected recovery points: which ones existed, kept outside the repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from drp.domain.phrase import NOTHING, Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedPoint:
    """A recovery point that was there."""

    application: str
    point: str
    consistent_at: datetime
    mark: str = ""
    """What tells its content from another one under the same name, such as the digest in its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostPoint:
    """A recovery point that was there and is not any more, or is another one."""

    application: str
    point: str
    altered: bool = False
    allowed: Phrase = NOTHING
    """What accounts for it, such as the application's retention; nothing: nobody said that it might go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPoint:
    """What the ledger says of one recovery point."""

    application: str
    point: str
    consistent_at: datetime
    mark: str = ""
    noted_at: datetime
    """When it was first seen."""
    lost_at: datetime | None = None
    """When it was first missed, or found altered; None: it was there whenever somebody looked. It stays until somebody
    accepts it."""
    altered: bool = False
    back: bool = False
    """It was missed, and is there again as it was."""

    @property
    def key(self) -> tuple[str, str]:
        """Return what names it within its repository."""
        return self.application, self.point

    @property
    def missing(self) -> bool:
        """Return whether it cannot be restored any more, as far as the ledger says, and nobody accepted it."""
        return self.lost_at is not None and not self.back


Expected = Mapping[tuple[str, str], KnownPoint]
"""Application and id → the point, of one repository."""


class PointsLedger(Protocol):
    """Where it is written down which points existed. Raises what the journal's database raises."""

    def known(self, repository: str) -> Expected:
        """Return what is known of a repository.

        Asked *before* its points are listed: what was noted by then was there, so what a later listing lacks is gone,
        whoever else looks at the same time.
        """
        ...

    def note(self, repository: str, new: tuple[NotedPoint, ...], lost: tuple[LostPoint, ...]) -> None:
        """Write down what has come and gone; nothing is written for neither."""
        ...
