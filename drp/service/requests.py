"""What may be asked of a drill worker, as values that pass from process to process."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.occasion import Occasion
from drp.domain.plan import DrillPlan, InterruptPolicy
from drp.domain.precheck import Precheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Hold a drill of a plan, whose materials are named as they were when it was asked for."""

    plan: DrillPlan
    requested_by: str
    """Who wants it: a person's account, or what part of drp by whose order."""
    ad_hoc: bool = False
    """Whether the plan was made for this drill alone."""
    occasion: Occasion | None = None
    """The slot for which it is held; a second drill of one slot is refused."""
    despite: str = ""
    """Why it is begun although this machine has no room for it, or backups run; empty: then it is not."""
    admitted: Precheck | None = None
    """How there was room for it; whoever starts it finds out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Go on with a drill that was cut off."""

    drill: str
    policy: InterruptPolicy | None = None
    """What becomes of it; None: as its plan says."""


Request = Begin | Resume
