"""What `drp repo horizon NAME` shows: per point until when it can be restored, what decides that, what more costs."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from drp.cli import render
from drp.cli.words import NONE
from drp.codec import to_data
from drp.config.values import parse_instant
from drp.domain.phrase import Duration, Instant, Phrase, Size, count, joined, own_words, say
from drp.domain.terms import LOCKS
from drp.domain.worm.horizon import Horizon
from drp.errors import UsageError
from drp.service.wiring import Wiring
from drp.service.worm.extending import Extension, Outcome, carry_out, offered, plan_extension
from drp.service.worm.horizons import SeenHorizons, see_horizons, settings_of

_SHORT = 8
_TICK_SECONDS = 1.0
_SHOWN = 5
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FIRM = ("compliance", "legal-hold")
_MODES: dict[str, Phrase] = {**LOCKS, "expired": say("lock that has ended")}
_STAGES: dict[str, Phrase] = {
    "index": say("reading index files"),
    "trees": say("following trees"),
    "cache": say("keeping what was read"),
}


def show_horizons(wiring: Wiring, name: str, application: str | None, *, machine: bool) -> int:
    """Look, print, and return 1 for what can be deleted or ends too early, 3 for what nobody could tell, else 0."""
    found = see_horizons(wiring, name, application, told=_progress())
    if machine:
        render.document("drp/repository-horizon/1", _document(found))
    else:
        _print(found)
    return exit_of(found)


def exit_of(found: SeenHorizons) -> int:
    """Return 1 for what can be deleted or ends earlier than is asked, 3 for what nobody could tell, else 0."""
    wrong = any(each.is_enough is False or (each.open and not each.unknown) for each in found.horizons)
    if wrong or any(each.severity == "critical" for each in found.findings):
        return 1
    return 3 if found.not_judged or found.not_seen or any(each.unknown for each in found.horizons) else 0


def director(found: SeenHorizons) -> Phrase:
    """Return the one sentence."""
    best = found.safest
    if best is None:
        return say("there is no point that nobody can delete, as far as drp could see")
    if best.until is None:
        return say("the newest point that nobody can delete is from {made}", made=Instant(best.consistent_at))
    return say(
        "the newest point that nobody can delete before {until} is from {made}",
        until=Instant(best.until),
        made=Instant(best.consistent_at),
    )


def _document(found: SeenHorizons) -> dict[str, Any]:
    best = found.safest
    horizons = [
        {
            **to_data(each),
            "margin_seconds": int(each.margin.total_seconds()) if each.margin is not None else None,
            "enough": each.is_enough,
            "extending": {"objects": each.below, "bytes": each.below_bytes, "requests": each.requests},
        }
        for each in found.horizons
    ]
    return {
        "repository": found.repository,
        "at": to_data(found.at),
        "safest": best.point if best is not None else None,
        "sentence": director(found),
        "horizons": horizons,
        "findings": to_data(found.findings),
        "not_judged": found.not_judged or None,
        "left_out": found.left_out,
        "not_seen": list(found.not_seen),
        "not_noted": found.not_noted or None,
    }


def _print(found: SeenHorizons) -> None:
    if found.not_noted:
        render.note(say("not written into the register: {why}", why=found.not_noted))
    for each in found.not_seen:
        render.note(say("not seen: {what}", what=each))
    if found.not_judged:
        render.line(say("not judged: {why}", why=found.not_judged))
        return
    headings = ("point", "consistent at", "application", "until", "objects", "size", "margin")
    rows = [
        (
            each.point[:_SHORT],
            render.minute(each.consistent_at),
            each.application,
            _until(each),
            str(each.objects),
            render.size(each.size) if each.objects else "-",
            _margin(each),
        )
        for each in found.horizons
    ]
    if rows:
        render.table(headings, rows)
    told: set[str] = set()
    for horizon in found.horizons:  # of each application the newest that is wrong: the document has them all
        if horizon.application not in told and (horizon.unknown or horizon.open or horizon.is_enough is False):
            told.add(horizon.application)
            _print_details(horizon)
    if found.left_out:
        render.note(count("{n} older point was not looked at", "{n} older points were not looked at", found.left_out))
    for finding in found.findings:
        if finding.severity != "note":
            render.line(joined((finding.code, finding.subject, finding.observed), " "))
    render.line(director(found))


def _until(each: Horizon) -> str:
    if each.unknown:
        return say("unknown")
    if each.forever:
        return say("legal hold")
    return render.minute(each.until) if each.until is not None else say("can be deleted")


def _margin(each: Horizon) -> str:
    if each.required_until is None:
        return "-"
    if each.margin is None:
        return NONE if each.open or each.unknown else "-"
    apart = Duration(round(abs(each.margin.total_seconds()) * 1000))
    return say("{time} more", time=apart) if each.margin.total_seconds() >= 0 else say("{time} too short", time=apart)


def _print_details(each: Horizon) -> None:
    point = each.point[:_SHORT]
    if each.unknown:
        render.note(say("{point}: unknown: {why}", point=point, why=each.unknown))
        return
    least = each.required_until
    short = [one for one in each.weakest if one.mode not in _FIRM or (least and one.until and one.until < least)]
    for weak in short[:_SHOWN]:
        render.note(
            say(
                "{point}: needs {object}: {mode}, until {until}",
                point=point,
                object=weak.key,
                mode=_MODES.get(weak.mode, weak.mode),
                until=render.instant(weak.until),
            )
        )
    if each.below:
        render.note(
            say(
                "{point}: to last until {until}: {objects}, {size}, {requests} at most",
                point=point,
                until=Instant(each.required_until) if each.required_until is not None else NONE,
                objects=count("{n} object", "{n} objects", each.below),
                size=Size(each.below_bytes),
                requests=count("{n} request", "{n} requests", each.requests),
            )
        )


def extend_horizon(
    wiring: Wiring,
    name: str,
    said: str,
    application: str | None,
    point: str | None,
    *,
    agreed: bool,
    machine: bool,
) -> int:
    """Say what would be done, ask unless it was agreed to, do it, and say what the store says; 1: not all was done."""
    offered(settings_of(wiring, name))
    plan = plan_extension(wiring, name, instant_of(said), application, point, told=_progress())
    if not machine:
        _print_plan(plan)
    outcomes = _carried_out(wiring, plan, agreed=agreed, machine=machine) if plan.objects else []
    failed = [each for each in outcomes if each.came == "failed"]
    if machine:
        content = {**to_data(plan), "size": plan.size, "requests": plan.requests, "outcomes": to_data(outcomes)}
        render.document("drp/retention-extension/1", content)
    else:
        _print_outcomes(outcomes, failed)
    return 1 if failed or plan.bare else 0


def instant_of(text: str) -> datetime:
    """Return the instant that an option names; a plain date is the end of that day, UTC. Raises ``UsageError``."""
    try:
        if _DATE.fullmatch(text):
            return parse_instant(f"{text}T23:59:59Z")
        return parse_instant(text)
    except ValueError as error:
        raise UsageError(say("--extend {problem}", problem=own_words(error.args[0] if error.args else text))) from None


def _intended(plan: Extension) -> Phrase:
    return say(
        "retention of {objects} ({size}) is set to {until}: {requests} at most",
        objects=count("{n} object", "{n} objects", len(plan.objects)),
        size=Size(plan.size),
        until=Instant(plan.until),
        requests=count("{n} request", "{n} requests", plan.requests),
    )


def _print_plan(plan: Extension) -> None:
    points = ", ".join(each[:_SHORT] for each in plan.points)
    render.line(say("for {points} in {repository}:", points=points, repository=plan.repository))
    if plan.objects:
        render.line(_intended(plan))
    if plan.earliest is not None and plan.latest is not None:
        render.line(
            say("now it ends between {first} and {last}", first=Instant(plan.earliest), last=Instant(plan.latest))
        )
    if plan.lasting:
        render.line(count("{n} object lasts as long already", "{n} objects last as long already", plan.lasting))
    if plan.bare:
        render.line(
            say(
                "{objects} without retention cannot be lengthened: {names}",
                objects=count("{n} object", "{n} objects", len(plan.bare)),
                names=", ".join(plan.bare[:_SHOWN]),
            )
        )


def _carried_out(wiring: Wiring, plan: Extension, *, agreed: bool, machine: bool) -> list[Outcome]:
    if not agreed:
        if machine or not sys.stdin.isatty():
            raise UsageError(
                say("nothing was done: lengthening retention has to be agreed to"),
                hint="retention in compliance mode cannot be taken back by anybody; add --yes",
            )
        render.note(say("in compliance mode nobody can take that back before then: type yes to do it"))
        if sys.stdin.readline().strip() != "yes":
            return []
    return list(carry_out(wiring, plan))


def _print_outcomes(outcomes: list[Outcome], failed: list[Outcome]) -> None:
    if not outcomes:
        render.line(say("nothing was changed"))
        return
    done = sum(each.came == "extended" for each in outcomes)
    render.line(count("{n} object was extended", "{n} objects were extended", done))
    for each in failed[:_SHOWN]:
        render.note(say("{object}: {why}", object=each.key, why=each.why))
    if failed:
        render.line(count("{n} object was not: run it again", "{n} objects were not: run it again", len(failed)))


def _progress() -> Callable[[str, int, int], None]:
    """Return what tells on a terminal how far long work is, now and then."""
    began = last = time.monotonic()

    def told(stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if not sys.stderr.isatty() or now - began < _TICK_SECONDS or now - last < _TICK_SECONDS or stage not in _STAGES:
            return
        last = now
        if total:
            render.note(say("{stage}: {done} of {total}", stage=_STAGES[stage], done=str(done), total=str(total)))
        else:
            render.note(say("{stage}: {done}", stage=_STAGES[stage], done=str(done)))

    return told
