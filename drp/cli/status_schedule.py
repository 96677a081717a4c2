"""What `drp status` prints of the schedule: what is due, what is paused, and whether anybody looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from drp.cli.render import instant, printable
from drp.cli.words import LEVELS, word
from drp.codec import to_data
from drp.domain.phrase import NOTHING, Phrase, count, say, several
from drp.domain.schedule.age import days
from drp.domain.schedule.due import Due
from drp.service.overview import Overview

_WORDS: dict[str, Phrase] = {
    "proven": say("proven"),
    "due": say("DUE"),
    "overdue": say("OVERDUE"),
    "never": say("NEVER PROVEN"),
    "needs-verification": say("NEEDS VERIFICATION"),
}


def schedule_headlines(found: Overview) -> list[Phrase]:
    """Return what of the schedule belongs into the first line."""
    lines = []
    if found.silent_since is not None:
        lines.append(say("nobody has looked at the schedule since {at}", at=instant(found.silent_since)))
    if found.unattended:
        lines.append(say("nobody looks at the schedule: `drp schedule install`"))
    if found.deaf:
        lines.append(say("{targets} cannot be told", targets=several(found.deaf)))
    if found.late:
        lines.append(
            count(
                "{n} scheduled drill was not begun in time",
                "{n} scheduled drills were not begun in time",
                len(found.late),
            )
        )
    unreadable = [calendar.name for calendar in found.calendars if calendar.problem]
    if unreadable:
        lines.append(say("calendar {name} cannot be read, so drills wait", name=unreadable[0]))
    return lines


def schedule_lines(found: Overview) -> Iterator[str]:
    """Yield a line for each application and level that a policy asks for, and what else there is to say."""
    for due in found.dues:
        if due.state != "unscheduled":
            yield _due_line(due, found.now)
    if any(due.next_at is not None for due in found.dues):
        names = [due.application for due in found.dues if due.state == "unscheduled"]
        if names:
            yield say("not scheduled: {names}", names=several(names))
    for pause in found.pauses:
        what = say("everything") if pause.policy == "*" else pause.policy
        until = instant(pause.until)
        yield say(
            "paused: {what} until {until} by {by}: {reason}", what=what, until=until, by=pause.by, reason=pause.reason
        )
    for blackout in found.closed:
        if blackout.ends is None:
            yield say("no drill starts until further notice: {reason}", reason=blackout.reason)
        else:
            yield say("no drill starts until {until}: {reason}", until=instant(blackout.ends), reason=blackout.reason)
    yield from _troubles(found)


def _troubles(found: Overview) -> Iterator[Phrase]:
    """Yield what is wrong with calendars, slots, targets and whoever looks at the schedule."""
    for calendar in found.calendars:
        if calendar.problem:
            trouble = calendar.problem
            yield say("calendar: {name} cannot be read ({trouble}): drills wait", name=calendar.name, trouble=trouble)
        else:
            yield say("calendar: {name} is stale: nobody writes it", name=calendar.name)
    for slot in found.late:
        yield say("not begun in time: {slot}; nobody has accounted for it yet", slot=slot.id)
    for name in found.deaf:
        yield say("cannot be told: {name}; see `drp notify list`, and try `drp notify test {name}`", name=name)
    if found.silent_since is not None:
        yield say(
            "schedule: nobody has looked at it since {at}; "
            "is `drp worker run`, or the timer of `drp schedule run`, still there?",
            at=instant(found.silent_since),
        )


def _due_line(due: Due, now: datetime) -> Phrase:
    """Return how old the proof of one level is, how old it may be, and what comes."""
    head = f"{due.application:<14} {printable(_WORDS[due.state]):<18}"
    proven = due.proven_at
    last = (
        say("{age} ago by {drill}", age=days(now - proven), drill=due.proven_by) if proven is not None else say("never")
    )
    return say(
        "level {level} {head} last {last}, due every {every}{next}{missed}{changed}",
        level=f"{printable(word(LEVELS, due.level)):<6}",
        head=head,
        last=last,
        every=days(due.max_age) if due.max_age is not None else "-",
        next=say(", next {at}", at=instant(due.next_at)) if due.next_at is not None else NOTHING,
        missed=say("; {missed} not held in a row", missed=due.missed) if due.missed else NOTHING,
        changed=say("; changed since: {what}", what=several(due.changed)) if due.changed else NOTHING,
    )


def schedule_document(found: Overview) -> dict[str, Any]:
    """Return what JSON says of the schedule."""
    return {
        "dues": [to_data(due) for due in found.dues],
        "silent_since": to_data(found.silent_since) if found.silent_since is not None else None,
        "unattended": found.unattended,
        "pauses": [to_data(pause) for pause in found.pauses],
        "deaf_targets": list(found.deaf),
        "closed": [to_data(blackout) for blackout in found.closed],
        "calendars": [
            {"name": each.name, "problem": each.problem, "stale": each.stale, "written_at": to_data(each.written_at)}
            for each in found.calendars
        ],
        "late_slots": [slot.id for slot in found.late],
    }
