"""What a cause is called in messages: sentences of the catalogues, and names and numbers put into them.

Names are those of the site's files and ids of drills; whatever could act in a message (markup, mentions, links) is
taken out of them all the same, since a journal that was changed may hold anything.
"""

from __future__ import annotations

import re

from drp.domain.alerts import Cause
from drp.domain.phrase import Data, Instant, Phrase, count, say
from drp.domain.visible import one_line

_ACTS = re.compile(r"[^\w.:/+ \u2026-]")
_LONGEST = 120


def harmless(text: str) -> str:
    """Return a name as plain text of letters, digits and ``. : / + _ -``: no mark-up, no mention, no link."""
    plain = _ACTS.sub("?", one_line(text, _LONGEST)).replace("__", "_?")
    return plain.replace("://", ":/?")


def _name(text: str) -> Data:
    return Data(harmless(text))


def phrase_of(cause: Cause) -> Phrase:
    """Return what is the case."""
    return _of_drill(cause) or _of_policy(cause) or _of_repository(cause) or _of_site(cause)


def _of_drill(cause: Cause) -> Phrase | None:
    named = {"application": _name(cause.application), "drill": _name(cause.drill)}
    deep = {**named, "level": _name(cause.level)}
    match cause.kind:
        case "failed":
            return say("{application}, level {level}: drill {drill} failed, and none has passed since", **deep)
        case "inconclusive":
            return say("{application}, level {level}: drill {drill} is inconclusive: it proved nothing", **deep)
        case "aborted":
            return say("{application}: drill {drill} was stopped before its end", **named)
        case "residue":
            return say("{application}: restored data of drill {drill} was left behind", **named)
        case "kept":
            return say(
                "{application}: the sandbox of drill {drill} is kept although its lease ended {at}",
                **named,
                at=_instant(cause),
            )
        case "lost-evidence":
            return say("the sealed evidence of drill {drill} is gone", drill=named["drill"])
        case _:
            return None


def _of_policy(cause: Cause) -> Phrase | None:
    application, level = _name(cause.application), _name(cause.level)
    match cause.kind:
        case "overdue":
            return say(
                "{application}, level {level}: overdue, last proven {at}",
                application=application,
                level=level,
                at=_instant(cause),
            )
        case "never-proven":
            return say("{application}, level {level}: never proven", application=application, level=level)
        case "missed":
            return count(
                "{application}, level {level}: a drill that was due was not held",
                "{application}, level {level}: {n} drills in a row that were due were not held",
                cause.number,
                application=application,
                level=level,
            )
        case _:
            return None


def _of_repository(cause: Cause) -> Phrase | None:
    named = {"repository": _name(cause.repository), "at": _instant(cause)}
    match cause.kind:
        case "points-lost":
            return count(
                "{application}: a recovery point is lost or altered in {repository}, missed since {at}",
                "{application}: {n} recovery points are lost or altered in {repository}, missed since {at}",
                cause.number,
                application=_name(cause.application),
                **named,
            )
        case "scrub-damaged":
            return count(
                "{repository}: a stored object is damaged, as the scrub of {at} found",
                "{repository}: {n} stored objects are damaged, as the scrub of {at} found",
                cause.number,
                **named,
            )
        case "let-through":
            return count(
                "{repository}: an attempt that must be refused succeeded in the probe of {at}",
                "{repository}: {n} attempts that must be refused succeeded in the probe of {at}",
                cause.number,
                **named,
            )
        case _:
            return None


def _of_site(cause: Cause) -> Phrase:
    match cause.kind:
        case "scheduler-dead" if cause.at is None:
            return say("drills are scheduled, and nobody looks at the schedule")
        case "scheduler-dead":
            return say("the scheduler gives no sign of life since {at}", at=_instant(cause))
        case "feed-unreadable":
            return count(
                "a calendar cannot be read, so a policy waits",
                "a calendar cannot be read, so {n} policies wait",
                cause.number,
            )
        case "tampered":
            return say("the evidence does not verify: the journal or a record was changed")
        case _:
            return say("nobody can tell how the site stands: what drp keeps cannot be read")


def _instant(cause: Cause) -> Instant | Data:
    return Instant(cause.at) if cause.at is not None else Data("-")
