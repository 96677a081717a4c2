"""What a site wants to happen by itself: one policy for an application and a level. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

CatchUp = Literal["latest", "skip", "all"]
"""What becomes of occasions that nobody could keep: the newest is held late, none is, or every one is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A weekly span of local wall time in which drills may run; one that ends before it begins crosses midnight."""

    days: tuple[int, ...]
    """Days on which it begins, 0 is Monday."""
    begins: time
    ends: time
    """Exclusive; equal to ``begins``: a whole day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """A span in which no drill may run. Instants are UTC, the end exclusive."""

    begins: datetime
    ends: datetime | None
    """None: until somebody ends it (a clinical freeze), which is said wherever the schedule is shown."""
    reason: str

    def lasts_at(self, instant: datetime) -> bool:
        """Return whether it forbids what runs at an instant."""
        return self.begins <= instant and (self.ends is None or instant < self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One application, one level: when a drill is held, and how old its last success may grow."""

    application: str
    level: str
    """A registered level: those of `drp.domain.level`, and what other parts register."""
    plan: str = ""
    """Drill of the site that is held; empty: the application alone, without any plan."""
    cron: str = ""
    """Five fields; empty: it is held for another reason alone (``after``, ``on_change``)."""
    zone: str = "UTC"
    """IANA name of the time zone of ``cron`` and ``windows``."""
    max_age: timedelta
    """So old may the newest success be; then a drill is due."""
    grace: timedelta
    """So much later it is overdue."""
    windows: tuple[Window, ...] = ()
    """Empty: at any time."""
    blackouts: tuple[Blackout, ...] = ()
    expected: timedelta | None = None
    """How long a drill takes; None: as its history says."""
    jitter: timedelta = timedelta(0)
    """Starts are spread over so much time, each slot always by the same."""
    start_within: timedelta = timedelta(hours=12)
    """A slot that did not start by then, from its own instant on, is missed."""
    catch_up: CatchUp = "latest"
    after: str = ""
    """Plan after whose drills, once they passed, one of this policy is held."""
    approvers: tuple[str, ...] = ()
    """Who may approve; empty: nobody has to. The drill is declared, and waits for one of them."""
    approval_within: timedelta = timedelta(hours=4)
    on_change: bool = False
    """Whether a drill is held when what it proved is not what there is any more."""
    tier: int = 9
    """Of the application: among drills that wait, the lower goes first."""
    place: str = ""
    """Where it is held; empty: wherever the site has no places."""

    @property
    def key(self) -> str:
        """Return the policy's name: ``application/level``."""
        return f"{self.application}/{self.level}"
