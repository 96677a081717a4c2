"""What ``inventory/schedule.yml`` says that cannot come true: names, plans, windows that hold nothing, circles."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from drp.calendars.feeds import read_calendars
from drp.clock import SystemClock
from drp.config.build_schedule import FILE, Resolved, resolved
from drp.config.document import Document, Place
from drp.config.problems import Problem, unknown
from drp.config.references import Inventory
from drp.config.schema_schedule import PolicyFile, ScheduleFile
from drp.config.values import show_duration
from drp.cron import longest_apart, occasions
from drp.domain.phrase import Day, Phrase, joined, say, several
from drp.domain.schedule.policy import Policy, Window
from drp.domain.schedule.site import Schedule
from drp.domain.schedule.windows import longest, next_allowed

_REFERENCE = datetime(2026, 1, 1, tzinfo=UTC)
"""Weekly windows are the same in every year: what is found out of this one holds in all."""
_LOOKED_AT = 60
_TO_START = timedelta(minutes=5)
"""The scheduler looks once a minute: a window must leave so much time to begin."""


def cross_check_schedule(said: ScheduleFile, document: Document, inventory: Inventory) -> Iterator[Problem]:
    """Yield everything that would be scheduled and never happen, and everything that is said twice."""
    yield from _twice(said, document)
    yield from _exempt(said, document, inventory)
    applications = {name: file for name, (file, _) in inventory.applications.items()}
    found = {each.place: each for each in resolved(said, applications)}
    for index, own in enumerate(said.policies):
        place: Place = ("policies", index)
        yield from _policy(own, place, document, inventory)
        if place in found or own.application not in applications:
            continue
        # of two policies of one key only the first is made, and the second is told to be the same
        if not any((own.application, own.level) == (each.application, each.level) for each in said.policies[:index]):
            message = say("nothing says when: give `cron`, `after`, or at least `max_age`")
            yield document.problem(place, message)
    told: set[Place] = set()
    for place, each in found.items():
        if place not in told:
            told.add(place)
            yield from _windows(each, document)
            yield from _too_rare(each, document)
    yield from _circles(said, document)


def _policy(own: PolicyFile, place: Place, document: Document, inventory: Inventory) -> Iterator[Problem]:
    known = inventory.known("application", inventory.applications)
    if own.application not in known:
        yield document.problem((*place, "application"), unknown("application", own.application, known))
    elif own.application in inventory.applications:
        application = inventory.applications[own.application][0]
        lacking = "backup" if application.backup is None else "runbook" if application.runbook is None else ""
        if lacking:
            message = say(
                "`{name}` cannot be drilled: its file has no `{lacking}`",
                name=own.application,
                lacking=lacking,
            )
            yield document.problem((*place, "application"), message)
        every = application.drill_every
        if own.level == "full" and own.max_age is not None and every is not None and own.max_age != every:
            message = say(
                "the file of `{application}` says `drill_every: {every}`: say it once",
                application=own.application,
                every=show_duration(every),
            )
            yield document.problem((*place, "max_age"), message)
    plans = inventory.known("drill", inventory.drills)
    for key, name in (("plan", own.plan), ("after", own.after)):
        if name is not None and name not in plans:
            yield document.problem((*place, key), unknown("drill", name, plans))
    if own.plan is not None and own.plan in inventory.drills:
        drill = inventory.drills[own.plan][0]
        names = [entry if isinstance(entry, str) else entry.application for entry in drill.recoveries]
        if own.application not in names:
            message = say(
                "drill `{plan}` does not recover `{application}`, but {names}",
                plan=own.plan,
                application=own.application,
                names=several(names),
            )
            yield document.problem((*place, "plan"), message)
        if "level" in drill.model_fields_set and drill.level != own.level:
            message = say(
                "drill `{plan}` is of level {level}, and this policy of level {wanted}",
                plan=own.plan,
                level=drill.level,
                wanted=own.level,
            )
            yield document.problem((*place, "plan"), message)


def _exempt(said: ScheduleFile, document: Document, inventory: Inventory) -> Iterator[Problem]:
    known = inventory.known("application", inventory.applications)
    explicit = {(own.application, own.level) for own in said.policies}
    for index, each in enumerate(said.exempt):
        place: Place = ("exempt", index, "application")
        if each.application not in known:
            yield document.problem(place, unknown("application", each.application, known))
        elif each.level is not None and (each.application, each.level) in explicit:
            message = say(
                "`{application}` has a policy of level {level} above: take one of them away",
                application=each.application,
                level=each.level,
            )
            yield document.problem(place, message)


def _twice(said: ScheduleFile, document: Document) -> Iterator[Problem]:
    lists: tuple[tuple[str, Sequence[Hashable]], ...] = (
        ("policies", [(own.application, own.level) for own in said.policies]),
        ("exempt", [(each.application, each.level) for each in said.exempt]),
        ("blackouts", [(each.begins, each.until, each.calendar) for each in said.blackouts]),
        ("freezes", [(each.begins, each.until, each.reason) for each in said.freezes]),
    )
    for key, entries in lists:
        yield from _repeated((key,), entries, document, _same_as)
    windows: list[tuple[Place, Sequence[Window] | None]] = [(("defaults", "windows"), said.defaults.windows)]
    windows += [(("policies", index, "windows"), own.windows) for index, own in enumerate(said.policies)]
    for tier, file in said.tiers.items():
        levels = (("full", file.full), ("hash", file.hash), ("sample", file.sample))
        windows += [(("tiers", tier, level, "windows"), asked.windows) for level, asked in levels if asked is not None]
    for place, listed in windows:
        yield from _repeated(place, listed or (), document, _already)


def _same_as(line: int) -> Phrase:
    return say("is the same as the one in line {line}", line=line)


def _already(line: int) -> Phrase:
    return say("stands in line {line} already", line=line)


def _repeated(
    place: Place, entries: Sequence[Hashable], document: Document, message: Callable[[int], Phrase]
) -> Iterator[Problem]:
    first: dict[Hashable, int] = {}
    for index, entry in enumerate(entries):
        if entry in first:
            line = document.values[*place, first[entry]].line
            yield document.problem((*place, index), message(line))
        first.setdefault(entry, index)


def _windows(each: Resolved, document: Document) -> Iterator[Problem]:
    """Yield windows that hold no drill, and times to start that reach none."""
    policy, place = each.policy, each.place
    if not policy.windows:
        return
    widest = longest(policy.windows, policy.zone, _REFERENCE)
    needed = (policy.expected or timedelta(0)) + _TO_START
    if widest is not None and widest < needed:
        shown = show_duration(widest)
        message = (
            say(
                "{key}: its longest window is {widest}, and takes {expected}: nothing would ever start",
                key=policy.key,
                widest=shown,
                expected=show_duration(policy.expected),
            )
            if policy.expected is not None
            else say(
                "{key}: its longest window is {widest}, and needs more: nothing would ever start",
                key=policy.key,
                widest=shown,
            )
        )
        yield document.problem((*place, "windows"), message)
    elif policy.cron and not any(_held(policy)):
        message = say(
            "{key}: no window opens within {start_within} of any of its slots: give more "
            "`start_within`, or other windows or `cron`",
            key=policy.key,
            start_within=show_duration(policy.start_within),
        )
        yield document.problem((*place, "start_within"), message)


def _held(policy: Policy) -> Iterator[bool]:
    """Yield of the next slots whether a window holds them."""
    for instant in islice(occasions(policy.cron, policy.zone, _REFERENCE), _LOOKED_AT):
        expected = policy.expected or timedelta(minutes=1)
        yield next_allowed(policy, instant, expected, by=instant + policy.start_within) is not None


def _too_rare(each: Resolved, document: Document) -> Iterator[Problem]:
    """Yield a policy that is always overdue, since its slots are further apart than its success may be old."""
    policy = each.policy
    if not each.own or not policy.cron:
        return
    apart = longest_apart(policy.cron, policy.zone)
    if apart > policy.max_age + policy.grace:
        message = say(
            "{key}: as much as {apart} lie between two drills, and a success may be {max_age} "
            "old, or {with_grace} with grace",
            key=policy.key,
            apart=show_duration(apart),
            max_age=show_duration(policy.max_age),
            with_grace=show_duration(policy.max_age + policy.grace),
        )
        yield document.problem((*each.place, "cron"), message)


def _circles(said: ScheduleFile, document: Document) -> Iterator[Problem]:
    """Yield each chain of drills that would start one another without end, once."""
    following: dict[str, dict[str, int]] = {}
    for index, own in enumerate(said.policies):
        if own.after is not None and own.plan is not None:
            following.setdefault(own.after, {}).setdefault(own.plan, index)
    told: set[frozenset[str]] = set()
    for start in sorted(following):
        circle = _circle_from(start, following)
        if circle and frozenset(circle) not in told:
            told.add(frozenset(circle))
            index = following[circle[-2]][start]
            message = say("drills would follow one another in a circle: {circle}", circle=several(circle, " → "))
            yield document.problem(("policies", index, "after"), message)


def _circle_from(start: str, following: dict[str, dict[str, int]]) -> list[str]:
    paths, seen = [[start]], set[str]()
    while paths:
        longer: list[list[str]] = []
        for path in paths:
            for plan in following.get(path[-1], ()):
                if plan == start:
                    return [*path, start]
                if plan not in seen:
                    seen.add(plan)
                    longer.append([*path, plan])
        paths = longer
    return []


def schedule_advice(schedule: Schedule) -> Iterator[Phrase]:
    """Yield what is valid and says less than it seems to: slots that nothing will hold, freezes, calendars."""
    for policy in schedule.policies.values():
        held = list(_held(policy)) if policy.cron and policy.windows else []
        if not all(held):
            message = say(
                "{missed} of {slots} slots are missed, since no window opens within {start_within} (start_within)",
                missed=held.count(False),
                slots=len(held),
                start_within=show_duration(policy.start_within),
            )
            yield joined([FILE, policy.key, message], ": ")
        if policy.cron and longest_apart(policy.cron, policy.zone) > policy.max_age + policy.grace:
            message = say(
                "`drill_every: {max_age}` is less than what its tier's preset keeps to: give it a policy with a `cron` "
                "of its own",
                max_age=show_duration(policy.max_age),
            )
            yield joined([FILE, policy.key, message], ": ")
    for blackout in schedule.blackouts:
        if blackout.ends is None:
            message = say("freezes: no drill runs until further notice: {reason}", reason=blackout.reason)
            yield joined([FILE, message], ": ")
    for calendar in read_calendars(schedule.calendars, SystemClock().now().wall):
        if calendar.problem:
            message = say(
                "blackouts: {calendar}: {problem}: nothing starts as long as it cannot be read",
                calendar=calendar.name,
                problem=calendar.problem,
            )
            yield joined([FILE, message], ": ")
        elif calendar.stale and calendar.written_at is not None:
            message = say(
                "blackouts: {calendar} was last written on {day}: who fetches it?",
                calendar=calendar.name,
                day=Day(calendar.written_at),
            )
            yield joined([FILE, message], ": ")
