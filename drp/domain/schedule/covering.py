"""Which drill stands for a slot that nobody held. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from drp.domain.level import COVERS
from drp.domain.schedule.slot import Slot

_COVERS: Mapping[str, tuple[str, ...]] = COVERS


class Proving(Protocol):
    """A sealed drill in which an application passed (`drp.domain.schedule.proofs`)."""

    @property
    def level(self) -> str:
        """How deep it went."""
        ...

    @property
    def drill(self) -> str:
        """Its id."""
        ...

    @property
    def declared_at(self) -> datetime:
        """When it began."""
        ...


def covered_by(slot: Slot, proofs: Iterable[Proving]) -> str:
    """Return the newest drill of the slot's application, as deep or deeper, declared at its instant or later.

    Empty: none. What was declared before proves an older backup, and what is still running proves nothing.
    """
    standing = [
        proof
        for proof in proofs
        if proof.declared_at >= slot.at and slot.level in _COVERS.get(proof.level, (proof.level,))
    ]
    return max(standing, key=lambda proof: proof.declared_at).drill if standing else ""
