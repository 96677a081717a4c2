"""How a repository stands between drills, as far as the register knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from drp.domain.held import Level
from drp.domain.worm.folded import FoldedRepository
from drp.domain.worm.points import KnownPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryStanding:
    """What was last found out about a repository; what was never looked at is None."""

    repository: str
    points: int = 0
    """Recovery points that are expected, and there."""
    missing: tuple[KnownPoint, ...] = ()
    """Those that are lost or altered, and that nobody accepted; newest first."""
    scrubbed_at: datetime | None = None
    damaged: int = 0
    """Objects that the last scrub found damaged, or missing."""
    covered: float | None = None
    """Share of its bytes that were ever read and found whole."""
    oldest_read_at: datetime | None = None
    """When the object was read whose last reading is the oldest; None: one was never read, or nobody counted."""
    newest_at: datetime | None = None
    """Instant of the newest point whose horizon is known."""
    newest_until: datetime | None = None
    """Until when that one can be restored if everybody deletes what can be deleted; None: not at all, or unknown."""
    newest_forever: bool = False
    probed_at: datetime | None = None
    let_through: int = 0
    """Attempts that the store should have refused, and did not."""

    @property
    def level(self) -> Level:
        """Return the gravest of it."""
        return "critical" if self.missing or self.damaged or self.let_through else "ok"

    @property
    def missing_by_application(self) -> Mapping[str, tuple[KnownPoint, ...]]:
        """Return the points that are missed, by application."""
        names = dict.fromkeys(known.application for known in self.missing)
        return {name: tuple(known for known in self.missing if known.application == name) for name in names}


def standing_of(name: str, folded: FoldedRepository) -> RepositoryStanding:
    """Return how a repository stands."""
    scrub, probe = folded.scrub, folded.probe
    coverage = scrub.coverage if scrub is not None else None
    newest = folded.horizons[0] if folded.horizons else None
    return RepositoryStanding(
        repository=name,
        points=sum(1 for known in folded.expected.values() if not known.missing),
        missing=folded.missing,
        scrubbed_at=scrub.ended_at if scrub is not None else None,
        damaged=scrub.damaged_total + len(scrub.missing) if scrub is not None else 0,
        covered=coverage.size_ever / coverage.size if coverage is not None and coverage.size else None,
        oldest_read_at=coverage.oldest_at if coverage is not None else None,
        newest_at=newest.consistent_at if newest is not None else None,
        newest_until=newest.until if newest is not None else None,
        newest_forever=newest.forever if newest is not None else False,
        probed_at=probe.at if probe is not None else None,
        let_through=sum(1 for each in probe.tried if each.came == "succeeded") if probe is not None else 0,
    )
