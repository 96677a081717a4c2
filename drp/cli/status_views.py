"""What `drp status` prints: one line with performance data for monitoring, then the details."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drp.cli import render
from drp.cli.approval_views import asked_line
from drp.cli.conclusion_lines import rta, taken
from drp.cli.status_repositories import repository_document, repository_headlines, repository_lines
from drp.cli.status_schedule import schedule_document, schedule_headlines, schedule_lines
from drp.cli.witness_views import rests_in_short
from drp.cli.wording import spoken_line
from drp.cli.words import ATTAINED, LEVELS, UNKNOWN, VERDICTS, first, word
from drp.codec import to_data
from drp.domain.held import LastDrill
from drp.domain.phrase import NOTHING, Phrase, count, joined, say
from drp.domain.standing import Standing
from drp.errors import DrpError
from drp.service.overview import Overview

_EXIT = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
"""The monitoring plugins' own; where nothing was judged, nothing is known."""
_NAMED = 3
"""So many reasons stand in the first line; the details have all."""


def show(found: Overview, *, machine: bool) -> int:
    """Print the overview and return its exit status."""
    # where the file of an application has problems, nobody judged how it stands
    level = "unknown" if found.level == "none" or (found.broken and found.level != "critical") else found.level
    if machine:
        render.document("drp/status/1", _document(found, level))
        return _EXIT[level]
    text = _plain(render.printable(joined(_headlines(found))))
    render.line(f"DRP {level.upper()} - {text} | {' '.join(_performance(found))}")
    for standing in found.standings:
        render.line(_line(standing))
    for text in (*_gaps(found), *repository_lines(found), *schedule_lines(found), *_drills(found), *_records(found)):
        render.line(text)
    return _EXIT[level]


def _gaps(found: Overview) -> Iterator[Phrase]:
    """Yield what nobody looked at, or nobody can drill."""
    for standing in found.standings:
        for why in standing.newest.unknown if standing.newest is not None else ():
            yield say(
                "newest recovery point of {application} not looked at: {why}",
                application=standing.application,
                why=why,
            )
    for point in found.coverage.single_points:
        yield say(
            "single point of failure: {application} is not drilled, needed by {needed_by}",
            application=point.application,
            needed_by=first(point.needed_by, _NAMED),
        )
    for name, problem in found.broken.items():
        yield say("cannot be drilled: {name}: {problem}", name=name, problem=problem)


def _records(found: Overview) -> Iterator[Phrase]:
    """Yield how the journal stands, which records are gone, and which sandboxes are kept."""
    if found.drills:
        told = _verified(found)
        yield count("journal: {n} drill; {verified}", "journal: {n} drills; {verified}", found.drills, verified=told)
    for drill in found.lost:
        yield say("evidence lost: the sealed record of {drill} is gone; bring it back from a copy", drill=drill)
    for kept in found.kept:
        yield say(
            "kept sandbox: {application} of {drill} until {until}{over}",
            application=kept.application,
            drill=kept.drill,
            until=render.instant(kept.until),
            over=say(" (OVERDUE)") if kept.until < found.now else NOTHING,
        )


def _drills(found: Overview) -> list[Phrase]:
    """Return the lines of drills without an end."""
    return [
        *(
            say(
                "{doing}: {drill}{host}", doing=_doing(found, drill), drill=drill, host=_on(found.running_on.get(drill))
            )
            for drill in found.running
        ),
        *(say("unfinished: {drill}; drp drill resume {drill}", drill=drill) for drill in found.unfinished),
    ]


def _doing(found: Overview, drill: str) -> Phrase:
    return asked_line(found.awaiting[drill]) if drill in found.awaiting else say("running")


def _on(host: str | None) -> Phrase:
    return say(" on {host}", host=host) if host else NOTHING


def _verified(found: Overview) -> Phrase:
    """Return until when the journal's chain was verified as a whole."""
    if found.verified is None:
        return say("its chain is not verified as a whole; `drp journal verify` does it")
    at = render.instant(found.verified.at)
    return say("chain and records verified as a whole {at}, entries since whenever a drill began", at=at)


def trouble(level: str, error: DrpError, *, machine: bool) -> int:
    """Print why nothing can be said, and return the exit status."""
    if machine:
        body = {"status": level, "exit": _EXIT[level], "code": error.code, "message": error.message, "hint": error.hint}
        render.document("drp/status/1", body)
    else:
        render.line(f"DRP {level.upper()} - {_plain(render.printable(spoken_line(error.message)))} [{error.code}]")
        render.line(say("HINT: {hint}", hint=spoken_line(error.hint)))
    return _EXIT[level]


def _headlines(found: Overview) -> list[Phrase]:
    coverage = found.coverage
    bad = sorted(
        (standing for standing in found.standings if standing.reasons),
        key=lambda standing: (standing.level != "critical", standing.last is None, standing.tier),
    )
    told = [say("{name}: {reason}", name=each.application, reason=each.reasons[0]) for each in bad[:_NAMED]]
    if len(bad) > _NAMED:
        told.append(say("and {n} more", n=len(bad) - _NAMED))
    drilled = say("{n} of {total} applications drilled", n=len(coverage.drilled), total=_total(found))
    lines = [drilled, *told]
    if found.broken:
        names = first(list(found.broken), _NAMED)
        lines.append(say("{names} cannot be drilled: see `drp config check`", names=names))
    if coverage.single_points:
        names = first([point.application for point in coverage.single_points], _NAMED)
        lines.append(say("nobody drills {names}, which others need", names=names))
    lines += repository_headlines(found)
    lines += schedule_headlines(found)
    lines += [count("{n} drill cut off", "{n} drills cut off", len(found.unfinished))] if found.unfinished else []
    lines += [count("{n} sandbox kept", "{n} sandboxes kept", len(found.kept))] if found.kept else []
    lines += [count("{n} sealed record is gone", "{n} sealed records are gone", len(found.lost))] if found.lost else []
    return lines


def _performance(found: Overview) -> list[str]:
    """Return label=value;warn;crit;min;max, as the plugin guidelines write it."""
    coverage = found.coverage
    data = [f"drilled={len(coverage.drilled)};;;0;{_total(found)}", f"unfinished={len(found.unfinished)};;;0"]
    for standing in found.standings:
        measurement = standing.last.measurement if standing.last is not None else None
        if measurement is not None and measurement.rta_ms is not None:
            data.append(f"{standing.application}_rta={measurement.rta_ms / 1000:g}s;;{measurement.rto_ms / 1000:g};0")
        if measurement is not None and measurement.rpa_upper_ms is not None:
            data.append(
                f"{standing.application}_rpa={measurement.rpa_upper_ms / 1000:g}s;;{measurement.rpo_ms / 1000:g};0"
            )
        if standing.last_passed_at is not None:
            age = int((found.now - standing.last_passed_at).total_seconds())
            limit = int(standing.drill_every.total_seconds()) if standing.drill_every is not None else ""
            data.append(f"{standing.application}_age={age}s;{limit};;0")
    return data


def _line(standing: Standing) -> Phrase:
    last = standing.last
    never, not_drilled = say("never drilled"), say("not drilled")
    told = never if standing.drillable else not_drilled
    others = [reason for reason in standing.reasons if last is not None or reason not in {str(never), str(not_drilled)}]
    level = "-" if standing.level == "none" else standing.level.upper()
    return say(
        "{level} {application} tier {tier}  {held}{compared}{reasons}",
        level=f"{level:<9}",
        application=f"{standing.application:<14}",
        tier=standing.tier,
        held=told if last is None else _held(last),
        compared=_compared(standing),
        reasons=say("  ({reasons})", reasons=joined(others)) if others else NOTHING,
    )


def _held(last: LastDrill) -> Phrase:
    """Return how the last full drill ended, with its times."""
    text = say(
        "{verdict} {at} in {drill}",
        verdict=word(VERDICTS, last.verdict),
        at=render.instant(last.declared_at),
        drill=last.drill,
    )
    measured = last.measurement
    if measured is not None:
        most = taken(measured.rpa_upper_ms) if measured.rpa_upper_ms is not None else UNKNOWN
        lost = say(
            "RPA up to {most} of {rpo} ({attained})",
            most=most,
            rpo=taken(measured.rpo_ms),
            attained=word(ATTAINED, measured.rpo_attainment),
        )
        text = say("{held}  {rta}  {rpa}", held=text, rta=rta(measured), rpa=lost)
    if last.rests.passed:
        rests = rests_in_short(last.rests)
        text = say("{held}  of {n} statements {rests}", held=text, n=last.rests.passed, rests=rests)
    return text


def _compared(standing: Standing) -> Phrase:
    """Return how the newest drill ended that started nothing, if it is newer than the last full one."""
    held = standing.compared
    if held is None:
        return NOTHING
    return say(
        "; only compared ({level}): {verdict} {at} in {drill}",
        level=word(LEVELS, held.depth),
        verdict=word(VERDICTS, held.verdict),
        at=render.instant(held.declared_at),
        drill=held.drill,
    )


def _document(found: Overview, level: str) -> dict[str, Any]:
    return {
        "site": found.site,
        "status": level,
        "exit": _EXIT[level],
        "at": to_data(found.now),
        "applications": [to_data(standing) for standing in found.standings],
        "coverage": to_data(found.coverage),
        "running": list(found.running),
        "running_on": dict(found.running_on),
        "awaiting_approval": {
            drill: {"approvers": list(asked.approvers), "until": to_data(asked.until)}
            for drill, asked in found.awaiting.items()
        },
        "unfinished": list(found.unfinished),
        "kept_sandboxes": [to_data(kept) for kept in found.kept],
        "lost_records": list(found.lost),
        "broken": dict(found.broken),
        "repositories": repository_document(found),
        **schedule_document(found),
        "drills": found.drills,
        "verified": to_data(found.verified) if found.verified is not None else None,
    }


def _total(found: Overview) -> int:
    """Return the number of applications, those whose files have problems included."""
    return found.coverage.total + len(found.broken)


def _plain(text: str) -> str:
    """Return a text for the first line: one line, and no bar, which begins the performance data."""
    return " ".join(text.split()).replace("|", "/")
