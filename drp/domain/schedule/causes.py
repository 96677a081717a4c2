"""Slots that no cron asks for: after another plan's drill, and since something changed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from drp.domain.schedule.events import SlotEnded
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.judging import pause_of
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.proofs import Proof
from drp.domain.schedule.slot import Slot

LOOKED_AT = 20
"""So many of a plan's newest passed drills are looked at: nobody may have for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedDrill:
    """A drill that was sealed, and passed."""

    drill: str
    sealed_at: datetime


Passed = Callable[[str], Sequence[PassedDrill]]
"""Plan → its newest passed drills."""
Since = Callable[[str, str], tuple[str, ...]]
"""Application, drill → what changed since that drill was declared."""


def after_slots(policies: Mapping[str, Policy], state: ScheduleState, passed: Passed) -> Iterator[Slot]:
    """Yield a slot for every passed drill of the plan that a policy comes after: at its sealing, and once.

    Drills that were sealed before the policy was in force cause nothing, nor do those before its newest caused slot:
    that one was expected when they were known, or stands for them.
    """
    for key, policy in policies.items():
        since = state.since.get(key)
        if not policy.after or since is None:
            continue
        newest = state.caused.get(key)
        for drill in sorted(passed(policy.after), key=lambda each: each.sealed_at):
            at = drill.sealed_at.replace(microsecond=0)
            if drill.sealed_at > since.stamp.wall and (newest is None or at > newest.at):
                yield Slot(application=policy.application, level=policy.level, at=at, cause="after")


def change_slots(
    policies: Mapping[str, Policy], state: ScheduleState, proven: Mapping[str, Proof], since: Since, now: datetime
) -> Iterator[Slot]:
    """Yield a slot for every policy that wants a drill when what one proved is not what there is any more: now, once.

    ``proven``: policy → the newest proof of it. While a slot of the policy is open, that one will try what changed; and
    what a drill has tried since, whatever came of it, is tried again only when it changes again.
    """
    open_policies = {each.slot.policy for each in state.open.values()}
    at = now.replace(microsecond=0)
    for key, policy in policies.items():
        proof = proven.get(key)
        if not policy.on_change or proof is None or key in open_policies or key not in state.since:
            continue
        if pause_of(policy, state, now) is not None or not since(policy.application, proof.drill):
            continue
        tried = _tried(state, key, proof)
        if tried is None or (tried.drill and since(policy.application, tried.drill)):
            yield Slot(application=policy.application, level=policy.level, at=at, cause="change")


def _tried(state: ScheduleState, policy: str, proof: Proof) -> SlotEnded | None:
    """Return the newest slot since a proof that tried what there is, or was to, if there was one.

    One that ended since its policy was paused was not: it comes when the pause is over.
    """
    later = [each for each in state.ended.get(policy, ()) if each.slot.at > proof.declared_at]
    tried = [each for each in later if each.drill or (each.slot.cause == "change" and each.reason != "paused")]
    return tried[-1] if tried else None
