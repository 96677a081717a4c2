"""What the register holds of a repository, for the drill that takes its point from it."""

from __future__ import annotations

from drp.domain.schedule.register import Register
from drp.domain.worm.folded import FoldedRepository
from drp.domain.worm.known import RepositoryKnown


def known_of(register: Register, repository: str) -> RepositoryKnown:
    """Return the newest probe and scrub of a repository, and how far the register went. Raises as the register does."""
    state, head = register.state_at()
    folded = state.repositories.get(repository, FoldedRepository())
    return RepositoryKnown(head=head, probe=folded.probe, scrub=folded.scrub)
