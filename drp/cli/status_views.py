"""What `drp status` prints: one line with performance data for monitoring, then the details."""

from __future__ import annotations

from typing import Any

from drp.cli import render
from drp.cli.approval_views import asked_line
from drp.cli.status_schedule import schedule_document, schedule_headlines, schedule_lines
from drp.cli.witness_views import rests_in_short
from drp.codec import to_data
from drp.domain.phrase import say
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
    text = "; ".join(_headlines(found))
    render.line(
        say(
            "DRP {level} - {text} | {found}",
            level=level.upper(),
            text=_plain(text),
            found=" ".join(_performance(found)),
        )
    )
    for standing in found.standings:
        render.line(_line(standing))
    for standing in found.standings:
        for why in standing.newest.unknown if standing.newest is not None else ():
            render.line(
                say(
                    "newest recovery point of {application} not looked at: {why}",
                    application=standing.application,
                    why=_plain(why),
                )
            )
    for point in found.coverage.single_points:
        render.line(
            say(
                "single point of failure: {application} is not drilled, needed by {needed_by}",
                application=point.application,
                needed_by=_list(point.needed_by),
            )
        )
    for name, problem in found.broken.items():
        render.line(say("cannot be drilled: {name}: {problem}", name=name, problem=_plain(problem)))
    for text in schedule_lines(found):
        render.line(text)
    for text in _drills(found):
        render.line(text)
    if found.drills:
        render.line(say("journal: {drills} drills; {found}", drills=found.drills, found=_verified(found)))
    for drill in found.lost:
        render.line(say("evidence lost: the sealed record of {drill} is gone; bring it back from a copy", drill=drill))
    for kept in found.kept:
        over = " (OVERDUE)" if kept.until < found.now else ""
        render.line(
            say(
                "kept sandbox: {application} of {drill} until {until}{over}",
                application=kept.application,
                drill=kept.drill,
                until=render.instant(kept.until),
                over=over,
            )
        )
    return _EXIT[level]


def _drills(found: Overview) -> list[str]:
    """Return the lines of drills without an end."""
    return [
        *(f"{_doing(found, drill)}: {drill}{_on(found.running_on.get(drill))}" for drill in found.running),
        *(f"unfinished: {drill}; drp drill resume {drill}" for drill in found.unfinished),
    ]


def _doing(found: Overview, drill: str) -> str:
    return asked_line(found.awaiting[drill]) if drill in found.awaiting else "running"


def _on(host: str | None) -> str:
    return f" on {render.printable(host)}" if host else ""


def _verified(found: Overview) -> str:
    """Return until when the journal's chain was verified as a whole."""
    if found.verified is None:
        return "its chain is not verified as a whole; `drp journal verify` does it"
    told = render.instant(found.verified.at)
    return f"chain and records verified as a whole {told}, entries since whenever a drill began"


def trouble(level: str, error: DrpError, *, machine: bool) -> int:
    """Print why nothing can be said, and return the exit status."""
    if machine:
        body = {"status": level, "exit": _EXIT[level], "code": error.code, "message": error.message, "hint": error.hint}
        render.document("drp/status/1", body)
    else:
        render.line(
            say(
                "DRP {level} - {words} [{its_code}]",
                level=level.upper(),
                words=_plain(error.message),
                its_code=error.code,
            )
        )
        render.line(say("HINT: {hint}", hint=error.hint))
    return _EXIT[level]


def _headlines(found: Overview) -> list[str]:
    coverage = found.coverage
    bad = sorted(
        (standing for standing in found.standings if standing.reasons),
        key=lambda standing: (standing.level != "critical", standing.last is None, standing.tier),
    )
    told = [f"{standing.application}: {standing.reasons[0]}" for standing in bad[:_NAMED]]
    if len(bad) > _NAMED:
        told.append(f"and {len(bad) - _NAMED} more")
    lines = [f"{len(coverage.drilled)} of {_total(found)} applications drilled", *told]
    lines += [f"{_list(found.broken)} cannot be drilled: see `drp config check`"] if found.broken else []
    if coverage.single_points:
        names = [point.application for point in coverage.single_points]
        lines.append(f"nobody drills {_list(names)}, which others need")
    lines += schedule_headlines(found)
    lines += [f"{len(found.unfinished)} drills cut off"] if found.unfinished else []
    lines += [f"{len(found.kept)} sandboxes kept"] if found.kept else []
    lines += [f"{len(found.lost)} sealed records are gone"] if found.lost else []
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


def _line(standing: Standing) -> str:
    last = standing.last
    told = "never drilled" if standing.drillable else "not drilled"
    others = [reason for reason in standing.reasons if last is not None or reason != told]
    reasons = f"  ({'; '.join(others)})" if others else ""
    level = "-" if standing.level == "none" else standing.level.upper()
    head = f"{level:<9} {standing.application:<14} tier {standing.tier}  "
    if last is None:
        return head + told + _compared(standing) + reasons
    text = f"{last.verdict} {render.instant(last.declared_at)} in {last.drill}"
    measurement = last.measurement
    if measurement is not None:
        upper = render.duration(measurement.rpa_upper_ms) if measurement.rpa_upper_ms is not None else "unknown"
        text += (
            f"  RTA {render.duration(measurement.rta_ms)} of {render.duration(measurement.rto_ms)} "
            f"({measurement.rto_attainment})  RPA up to {upper} of {render.duration(measurement.rpo_ms)} "
            f"({measurement.rpo_attainment})"
        )
    if last.rests.passed:
        text += f"  of {last.rests.passed} statements {rests_in_short(last.rests)}"
    return head + text + _compared(standing) + reasons


def _compared(standing: Standing) -> str:
    """Return how the newest drill ended that started nothing, if it is newer than the last full one."""
    held = standing.compared
    if held is None:
        return ""
    return f"; only compared ({held.depth}): {held.verdict} {render.instant(held.declared_at)} in {held.drill}"


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
        **schedule_document(found),
        "drills": found.drills,
        "verified": to_data(found.verified) if found.verified is not None else None,
    }


def _total(found: Overview) -> int:
    """Return the number of applications, those whose files have problems included."""
    return found.coverage.total + len(found.broken)


def _list(names: Any) -> str:
    names = list(names)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _plain(text: str) -> str:
    """Return a text for the first line: one line, and no bar, which begins the performance data."""
    return render.printable(" ".join(text.split())).replace("|", "/")
