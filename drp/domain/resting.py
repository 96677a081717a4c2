"""On what a pass rests: what drp read itself, and what has nobody's word but the restored system's. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from drp.domain.check import CheckResult
from drp.domain.phase import Hashed, Verified
from drp.domain.witness import Trust, Witness, counts

Unread = Literal["statement", "newest datum", "manifest"]
"""What drp itself has to have read where the restored system is not trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """Statements that passed, by who says them."""

    read: int = 0
    said: int = 0
    seen: int = 0

    @property
    def passed(self) -> int:
        """Return how many passed in all."""
        return self.read + self.said + self.seen

    def __add__(self, other: Resting) -> Resting:
        """Return both together."""
        return Resting(read=self.read + other.read, said=self.said + other.said, seen=self.seen + other.seen)


def statements(hashed: Hashed | None, verified: Verified | None) -> tuple[CheckResult, ...]:
    """Return what was stated, as far as a recovery got: what was read stands where nothing could be asked any more."""
    return verified.checks if verified is not None else hashed.checks if hashed is not None else ()


def resting(results: Iterable[CheckResult]) -> Resting:
    """Return by whom the statements that passed are said."""
    found: dict[Witness, int] = {"drp": 0, "restored": 0, "outside": 0}
    for result in results:
        found[result.witness] += result.outcome == "passed"
    return Resting(read=found["drp"], said=found["restored"], seen=found["outside"])


def dated_by(verified: Verified | None) -> Witness | None:
    """Return who dated the newest datum that bounds the loss; None: nobody did."""
    if verified is None or verified.watermark is None:
        return None
    told = {
        result.witness
        for result in verified.checks
        if result.outcome == "passed" and result.watermark == verified.watermark
    }
    return "drp" if "drp" in told else "outside" if told == {"outside"} else "restored"


def unread(
    hashed: Hashed | None, verified: Verified | None, trust: Trust, *, starts: bool = True
) -> tuple[Unread, ...]:
    """Return what drp did not read and would have to; nothing where the restored system is trusted.

    ``starts`` False: the drill starts nothing, so that all it has is the comparison.
    """
    if trust == "restored":
        return ()
    read = [
        result
        for result in (verified.checks if verified is not None else ())
        if result.outcome == "passed" and counts(result.witness, trust)
    ]
    missing: list[Unread] = [] if read or not starts else ["statement"]
    missing += [] if any(result.watermark is not None for result in read) or not starts else ["newest datum"]
    missing += (
        [] if hashed is not None and hashed.difference is not None and hashed.manifest is not None else ["manifest"]
    )
    return tuple(missing)
