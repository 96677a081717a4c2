"""What `drp status` prints of the schedule: what is due, what is paused, and whether anybody looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drp.cli import render
from drp.codec import to_data
from drp.domain.schedule.age import days
from drp.service.overview import Overview

_WORDS = {
    "proven": "proven",
    "due": "DUE",
    "overdue": "OVERDUE",
    "never": "NEVER PROVEN",
    "needs-verification": "NEEDS VERIFICATION",
}


def schedule_headlines(found: Overview) -> list[str]:
    """Return what of the schedule belongs into the first line."""
    lines = []
    if found.silent_since is not None:
        lines.append(f"nobody has looked at the schedule since {render.instant(found.silent_since)}")
    if found.unattended:
        lines.append("nobody looks at the schedule: `drp schedule install`")
    if found.deaf:
        lines.append(f"{', '.join(found.deaf)} cannot be told")
    if found.late:
        lines.append(f"{len(found.late)} scheduled drills were not begun in time")
    unreadable = [calendar.name for calendar in found.calendars if calendar.problem]
    if unreadable:
        lines.append(f"calendar {unreadable[0]} cannot be read, so drills wait")
    return lines


def schedule_lines(found: Overview) -> Iterator[str]:
    """Yield a line for each application and level that a policy asks for, and what else there is to say."""
    for due in found.dues:
        if due.state == "unscheduled":
            continue
        age = f"{days(found.now - due.proven_at)} ago by {due.proven_by}" if due.proven_at is not None else "never"
        every = days(due.max_age) if due.max_age is not None else "-"
        following = f", next {render.instant(due.next_at)}" if due.next_at is not None else ""
        changed = f"; changed since: {', '.join(due.changed)}" if due.changed else ""
        missed = f"; {due.missed} not held in a row" if due.missed else ""
        head = f"level {due.level:<6} {due.application:<14} {_WORDS[due.state]:<18}"
        yield f"{head} last {age}, due every {every}{following}{missed}{changed}"
    if any(due.next_at is not None for due in found.dues):
        names = [due.application for due in found.dues if due.state == "unscheduled"]
        if names:
            yield f"not scheduled: {', '.join(names)}"
    for pause in found.pauses:
        what = "everything" if pause.policy == "*" else pause.policy
        yield f"paused: {what} until {render.instant(pause.until)} by {pause.by}: {pause.reason}"
    for blackout in found.closed:
        until = f"until {render.instant(blackout.ends)}" if blackout.ends is not None else "until further notice"
        yield f"no drill starts {until}: {render.printable(blackout.reason)}"
    for calendar in found.calendars:
        what = f"cannot be read ({calendar.problem}): drills wait" if calendar.problem else "is stale: nobody writes it"
        yield f"calendar: {render.printable(calendar.name)} {what}"
    for slot in found.late:
        yield f"not begun in time: {slot.id}; nobody has accounted for it yet"
    for name in found.deaf:
        yield f"cannot be told: {name}; see `drp notify list`, and try `drp notify test {name}`"
    if found.silent_since is not None:
        yield (
            f"schedule: nobody has looked at it since {render.instant(found.silent_since)}; "
            "is `drp worker run`, or the timer of `drp schedule run`, still there?"
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
