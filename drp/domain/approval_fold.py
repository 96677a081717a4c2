"""How far the approval of a drill is, as its journal says."""

from __future__ import annotations

from dataclasses import dataclass, field

from drp.domain.approval import ApprovalOutcome
from drp.domain.clock import Stamp
from drp.domain.events import ApprovalAsked, ApprovalEnded, Entry, Resumed


@dataclass(slots=True)
class ApprovalState:
    """Where the approval stands."""

    asked: ApprovalAsked | None = None
    asked_at: Stamp | None = None
    ended: ApprovalEnded | None = None
    ended_at: Stamp | None = None
    waits: list[tuple[Stamp, Stamp]] = field(default_factory=list)
    """Every wait that is over, from when to when."""

    @property
    def awaited(self) -> bool:
        """Return whether the drill waits for somebody now."""
        return self.asked is not None and self.ended is None

    @property
    def outcome(self) -> ApprovalOutcome | None:
        """Return how it ended; None: it has not."""
        return self.ended.outcome if self.ended is not None else None

    @property
    def withheld(self) -> bool:
        """Return whether somebody refused, or nobody came in time: then nothing is touched any more."""
        return self.outcome in {"refused", "missing"}

    def follow(self, entry: Entry, before: Stamp | None) -> None:
        """Note an event, if it is about the approval; ``before`` is the stamp of the one before.

        What was said before the drill was cut off is forgotten, but for a refusal.
        """
        event = entry.event
        match event:
            case ApprovalAsked():
                self.asked, self.asked_at, self.ended, self.ended_at = event, entry.stamp, None, None
            case ApprovalEnded():
                self._wait_over(entry.stamp)
                self.ended, self.ended_at = event, entry.stamp
            case Resumed() if not self.withheld:
                if self.awaited and before is not None:
                    self._wait_over(before)
                self.asked = self.asked_at = self.ended = self.ended_at = None
            case _:
                pass

    def _wait_over(self, stamp: Stamp) -> None:
        if self.asked_at is not None:
            self.waits.append((self.asked_at, stamp))
