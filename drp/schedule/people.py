"""What people decide about the schedule: pauses, and slots that are taken out, each written down with its author."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from drp.config.problems import suggestion
from drp.domain.phrase import say, several
from drp.domain.schedule.events import Paused, PauseEnded, SlotSkipped
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.reasons import shown_instant
from drp.domain.schedule.slot import Slot
from drp.domain.visible import is_visible
from drp.errors import NotFound, UsageError
from drp.schedule.ahead import Coming, coming
from drp.schedule.desk import Desk
from drp.schedule.waiting import BEGUN

EVERYTHING = "*"
LONGEST_PAUSE = timedelta(days=366)
MOST_LETTERS = 500
_YEAR = timedelta(days=366)


def pause(desk: Desk, target: str, *, until: datetime, by: str, reason: str) -> Paused:
    """Write down that drills of a policy, an application or all of them stop until an instant.

    Raises ``NotFound`` for a target that nothing is scheduled for, ``UsageError`` for an end that is over or more than
    a year away, and for a reason that says nothing.
    """
    must_be_known(desk.policies, target)
    now = desk.clock.now().wall
    if until <= now:
        raise UsageError(
            say("a pause until {instant} is over", instant=shown_instant(until)),
            hint="name an instant that is to come",
        )
    if until > now + LONGEST_PAUSE:
        raise UsageError(
            say("a pause until {instant} is longer than a year", instant=shown_instant(until)),
            hint="take the policy out of inventory/schedule.yml, where everybody sees that nothing is drilled",
        )
    event = Paused(policy=target, until=until.replace(microsecond=0), by=by, reason=sound_reason(reason))
    desk.register.append(event)
    return event


def resume(desk: Desk, target: str, *, by: str) -> PauseEnded:
    """Write down that a pause ends before its time. Raises ``NotFound`` where there is none."""
    pauses = {name: each for name, each in desk.register.state().pauses.items() if each.until > desk.clock.now().wall}
    if target not in pauses:
        what = say("everything") if target == EVERYTHING else target
        paused = several("--all" if name == EVERYTHING else name for name in pauses) if pauses else say("nothing")
        raise NotFound(say("{what} is not paused", what=what), hint=say("paused: {policies}", policies=paused))
    event = PauseEnded(policy=target, by=by)
    desk.register.append(event)
    return event


def skip(desk: Desk, target: str, *, by: str, reason: str) -> SlotSkipped:
    """Write down that one slot is taken out: named itself, or the next of a policy or an application.

    Raises ``NotFound`` where no such slot waits or is to come within a year, ``UsageError`` for one that has begun.
    """
    said = sound_reason(reason)
    name, separator, _ = target.partition("@")
    must_be_known(desk.policies, name, everything=False)
    now = desk.clock.now().wall
    wanted = {key: policy for key, policy in desk.policies.items() if name in {key, policy.application}}
    slots = [each for each in coming(desk, wanted, now + _YEAR) if not separator or each.decision.slot.id == target]
    slot = _skippable(slots, target)
    event = SlotSkipped(slot=slot, by=by, reason=said)
    desk.register.append(event)
    return event


def _skippable(slots: Sequence[Coming], target: str) -> Slot:
    for each in slots:
        if each.decision.action == "end":
            continue
        if each.decision.reason in BEGUN:
            message = say(
                "slot {slot} has begun: drill {drill} is running",
                slot=each.decision.slot.id,
                drill=each.decision.values["drill"],
            )
            raise UsageError(message, hint="stop it with `drp drill abort`")
        return each.decision.slot
    raise NotFound(
        say("no slot {target} waits or is to come within a year", target=target),
        hint="see `drp schedule next --days 365`",
    )


def must_be_known(policies: Mapping[str, Policy], target: str, *, everything: bool = True) -> None:
    """Raise ``NotFound`` unless something is scheduled for a policy's key, an application, or ``*``."""
    names = sorted({*policies, *(policy.application for policy in policies.values())})
    if target in names or (everything and target == EVERYTHING):
        return
    raise NotFound(
        say("nothing is scheduled for `{target}`; {guess}", target=target, guess=suggestion(target, names)),
        hint="see `drp schedule list`",
    )


def sound_reason(reason: str) -> str:
    """Return a reason as it is kept: one line of readable text. Raises ``UsageError``."""
    said = " ".join(reason.split())
    if not said or not any(letter.isalnum() for letter in said):
        raise UsageError(say("why?"), hint="say it with --reason: it stands in the evidence")
    if len(said) > MOST_LETTERS or not all(is_visible(letter) or letter == " " for letter in said):
        raise UsageError(
            say("a reason is one line of at most {most} readable characters", most=MOST_LETTERS),
            hint="shorten it",
        )
    return said
