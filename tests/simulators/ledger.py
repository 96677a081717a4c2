"""The PointsLedger port in memory, folded as the register folds it."""

from __future__ import annotations

from dataclasses import dataclass, field

from drp.clock import SystemClock
from drp.domain.ports import Clock
from drp.domain.worm.facts import PointsAccepted, PointsNoted
from drp.domain.worm.folded import FoldedRepository, fold_fact
from drp.domain.worm.points import Expected, LostPoint, NotedPoint
from drp.errors import DrpError


@dataclass
class SimLedger:
    """A ledger; ``faults``: method → what its next call raises."""

    clock: Clock = field(default_factory=SystemClock)
    repositories: dict[str, FoldedRepository] = field(default_factory=dict)
    faults: dict[str, DrpError] = field(default_factory=dict)

    def known(self, repository: str) -> Expected:
        """Return what is known."""
        self._enter("known")
        return self.repositories.get(repository, FoldedRepository()).expected

    def note(self, repository: str, new: tuple[NotedPoint, ...], lost: tuple[LostPoint, ...]) -> None:
        """Fold what came and went."""
        self._enter("note")
        self._fold(PointsNoted(repository=repository, host="sim", new=new, lost=lost))

    def accept(self, repository: str, application: str, *points: str) -> None:
        """Fold that somebody accepts points."""
        self._fold(
            PointsAccepted(repository=repository, application=application, points=points, by="ada", reason="told so")
        )

    def _fold(self, event: PointsNoted | PointsAccepted) -> None:
        before = self.repositories.get(event.repository)
        self.repositories[event.repository] = fold_fact(before, event, self.clock.now().wall)

    def _enter(self, method: str) -> None:
        if method in self.faults:
            raise self.faults.pop(method)
