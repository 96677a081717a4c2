"""What is written down of the schedule: every slot and how it ended, and what people decided. Append-only, chained.

It lies in the journal's database, in a chain of its own (`drp/journal/register.py`). A drill that is held for a slot
names the head of the register in its declaration, so that what was cut off afterwards is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drp.domain.clock import Stamp
from drp.domain.schedule.slot import Ending, Slot
from drp.domain.verdict import Verdict
from drp.domain.worm.facts import RepositoryFact


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySeen:
    """A policy is in force from here on, as it is; written again whenever it changes."""

    type: Literal["policy-seen"] = "policy-seen"
    policy: str
    digest: str
    """SHA-256 of the policy's canonical JSON; empty: it is not in force any more."""
    since: datetime | None = None
    """Its slots count from here on: when the schedule was last looked at before it was as it is; None: from now on.
    So what came while nobody looked is not lost because somebody edited the policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotExpected:
    """A slot that has come, or was caused: from now on it must end."""

    type: Literal["slot-expected"] = "slot-expected"
    slot: Slot
    start_by: datetime | None = None
    """When it is missed if it did not start, for one that is held late; None: as its policy says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotEnded:
    """How a slot ended. There is exactly one for each slot."""

    type: Literal["slot-ended"] = "slot-ended"
    slot: Slot
    ending: Ending
    reason: str
    """A code of `drp.domain.schedule.reasons`."""
    values: dict[str, str]
    """What the reason's sentence needs: names, instants (ISO 8601, UTC), numbers."""
    drill: str = ""
    """The drill that was held, or that stands for it."""
    verdict: Verdict | None = None
    """Of the application in it; None: it has none."""
    record_digest: str = ""
    host: str = ""
    """Where it was held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Somebody stops a policy, or all of an application, until an instant."""

    type: Literal["paused"] = "paused"
    policy: str
    """Key of a policy, or an application's name for all of it, or ``*``."""
    until: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseEnded:
    """Somebody ends a pause before its time."""

    type: Literal["pause-ended"] = "pause-ended"
    policy: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSkipped:
    """Somebody takes one slot out, before it has come."""

    type: Literal["slot-skipped"] = "slot-skipped"
    slot: Slot
    by: str
    reason: str


RegisterEvent = PolicySeen | SlotExpected | SlotEnded | Paused | PauseEnded | SlotSkipped | RepositoryFact


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEntry:
    """An event in its place."""

    position: int
    """From 0."""
    stamp: Stamp
    event: RegisterEvent
    link: str
    """Hash that chains it to all before it, hex."""
