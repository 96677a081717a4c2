"""What `drp check` prints: a line an application, and below it what is not well, with what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from drp.cli import render
from drp.cli.words import NO, NONE, UNKNOWN, YES
from drp.cli.words import lock as protection
from drp.codec import to_data
from drp.domain.phrase import Phrase, own_words, say
from drp.domain.point_check import ApplicationCheck, PlaceCheck, Trouble, exit_status
from drp.domain.recovery_point import Immutability

_SHOWN = {"ok": say("ok"), "wrong": say("WRONG"), "unknown": say("UNKNOWN"), "none": NONE}
_HEADINGS = ("state", "application", "point", "age", "lock", "manifest", "repository")


def show(checks: Sequence[ApplicationCheck], now: datetime, *, machine: bool) -> int:
    """Print what was seen, and return the exit status."""
    status = exit_status(checks)
    if machine:
        states = dict(Counter(check.state for check in checks))
        items = [_document(check) for check in checks]
        body = {"exit": status, "at": now.isoformat(), "states": states, "applications": items, "evidence": False}
        render.document("drp/check/1", body)
        return status
    render.table(_HEADINGS, [_row(check, now) for check in checks])
    for check in checks:
        for trouble in check.troubles:
            render.line(_line(check, trouble))
            if trouble.hint and trouble.state != "away":
                render.line(say("  HINT: {hint}", hint=own_words(trouble.hint)))
        for place in check.places:
            for remark in place.remarks:
                render.line(
                    say(
                        "{application}: {repository}: {words}",
                        application=check.application,
                        repository=place.repository,
                        words=remark,
                    )
                )
    states = Counter(check.state for check in checks)
    render.note(
        say(
            "{ok} well, {wrong} wrong, {unknown} not judged",
            ok=states["ok"],
            wrong=states["wrong"],
            unknown=states["unknown"],
        )
    )
    render.note(say("nothing was restored and nothing is proven: only drills show that a backup restores"))
    return status


def _line(check: ApplicationCheck, trouble: Trouble) -> Phrase:
    if not trouble.repository:
        return say("{application}: {words}", application=check.application, words=trouble.words)
    return say(
        "{application}: {repository}: {words}",
        application=check.application,
        repository=trouble.repository,
        words=trouble.words,
    )


def _row(check: ApplicationCheck, now: datetime) -> tuple[str, ...]:
    """Return what is known of the newest point, or of the one that drills would take."""
    state, best = _SHOWN[check.state], check.best
    point = best.taken if best is not None else None
    if best is None or point is None:
        return (state, check.application, "-", "-", "-", "-", ", ".join(place.repository for place in check.places))
    age = render.duration((now - point.consistent_at) // timedelta(milliseconds=1))
    return state, check.application, point.short_id, age, _lock(best.immutability), _manifest(best), best.repository


def _lock(lock: Immutability | None) -> str:
    if lock is None:
        return UNKNOWN
    return NONE if lock.mode == "none" else protection(lock.mode, lock.provenance, "")


def _manifest(place: PlaceCheck) -> str:
    if place.manifest_bound:
        return YES
    return NO if place.manifest_demanded else say("not asked for")


def _document(check: ApplicationCheck) -> dict[str, Any]:
    return {
        "name": check.application,
        "title": check.title,
        "tier": check.tier,
        "state": check.state,
        "exit": check.exit_status,
        "repositories": [_place(place) for place in check.places],
        "problems": [_problem(trouble) for trouble in check.troubles],
    }


def _problem(trouble: Trouble) -> dict[str, Any]:
    return {
        "repository": trouble.repository,
        "aspect": trouble.aspect,
        "state": trouble.state,
        "message": str(trouble.words),
        "hint": str(trouble.hint),
        "exit": trouble.exit_status,
    }


def _place(place: PlaceCheck) -> dict[str, Any]:
    return {
        "name": place.repository,
        "state": place.state,
        "points": place.listed,
        "newest": to_data(place.newest),
        "taken": to_data(place.taken),
        "looked_into": place.looked_into,
        "immutability": to_data(place.immutability),
        "lock_demanded_by": list(place.lock_demanded_by),
        "manifest": {"demanded": place.manifest_demanded, "bound": place.manifest_bound},
        "passed_over": list(place.passed_over),
        "remarks": list(map(str, place.remarks)),
    }
