"""What `drp drill plan|list|show` print, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from drp.cli import render
from drp.cli.level_views import plan_line, verdict_in_list
from drp.cli.precheck_views import precheck_document, precheck_lines
from drp.cli.reconciliation_views import plan_lines
from drp.cli.words import LEVELS, lock, word
from drp.codec import digest, to_data
from drp.domain.fold import DrillState
from drp.domain.measure import Measurement, milliseconds
from drp.domain.names import shown_name
from drp.domain.newest_point import newest_of
from drp.domain.phrase import Duration, Phrase, Rate, say, several
from drp.domain.plan import DrillPlan, PlannedRecovery
from drp.domain.recovery_point import RefusedPoint
from drp.domain.repository_port import SubPaths
from drp.domain.summary import DrillSummary, summarise
from drp.domain.timeline import measure
from drp.drill.phases.select import choose
from drp.errors import DrpError, Tampered
from drp.service.precheck import precheck
from drp.service.wiring import Wiring

_MOST_REFUSED = 5


def show_plan(wiring: Wiring, plan: DrillPlan, *, machine: bool) -> None:
    """Print the plan with the recovery points that it would take now."""
    waves = [[_preview(wiring, plan, recovery) for recovery in wave] for wave in plan.waves()]
    points = {item["application"]: item["point"] for wave in waves for item in wave if item.get("point")}
    sizes = {name: point["size_bytes"] for name, point in points.items() if point["size_bytes"] is not None}
    room = precheck(wiring, plan, sizes=sizes)
    if machine:
        body = {"plan": to_data(plan), "digest": digest(plan), "waves": waves, "room": precheck_document(room)}
        render.document("drp/drill-plan/1", {**body, "warnings": warnings_of(plan, waves, wiring.clock.now().wall)})
        return
    render.line(
        say("{name}: {title}   plan {digest}", name=plan.name, title=plan.scenario.title, digest=digest(plan)[:12])
    )
    for text in warnings_of(plan, waves, wiring.clock.now().wall):
        render.line(say("WARNING: {text}", text=text))
    if said := plan_line(plan):
        render.line(said)
    if plan.pod:
        render.line("one pod: the applications reach one another at their production addresses, and nothing else")
    for number, wave in enumerate(waves, start=1):
        render.line(say("wave {count}", count=number))
        for item in wave:
            _print_preview(item, starts=plan.starts)
    for recovery in plan.recoveries:
        checklist = recovery.asks(plan)
        if checklist is not None and plan.sign_off is not None:
            who, seconds = shown_name(checklist.referent), int(plan.sign_off.deadline.total_seconds())
            render.line(
                say(
                    "{name} waits for the sign-off of {who}, at most {seconds}",
                    name=recovery.name,
                    who=who,
                    seconds=render.duration(seconds * 1000),
                )
            )
    for told in (*plan_lines(plan.reconciliation), *precheck_lines(room)):
        render.line(told)


def warnings_of(plan: DrillPlan, waves: list[list[dict[str, Any]]], now: datetime) -> list[Phrase]:
    """Return what makes a drill of the plan say less than it seems to."""
    fixed, found = plan.scenario.disaster_at, []
    if fixed is not None and fixed > now:
        at = render.instant(fixed)
        found.append(say("the disaster is in the future ({at}): such a drill is not held", at=at))
    elif fixed is not None:
        found.append(
            say(
                "the disaster is fixed at {at}, {age} ago: that a backup job died since does not show in what the "
                "drill measures; say `disaster_at: now` in a plan that is held again and again",
                at=render.instant(fixed),
                age=_time(now - fixed),
            )
        )
    for item in (item for wave in waves for item in wave):
        found += _warnings_of(plan, item, now)
    return found


def _warnings_of(plan: DrillPlan, item: dict[str, Any], now: datetime) -> Iterator[Phrase]:
    point, application = item.get("point"), item["application"]
    if point is not None and not plan.starts and point["manifest_id"] is None:
        yield say(
            "{application}: point {point} names no manifest, and level {level} needs one: such a drill is inconclusive",
            application=application,
            point=point["id"][:8],
            level=word(LEVELS, plan.level),
        )
    newest, rpo = item.get("newest_at"), item["rpo_ms"]
    if newest is not None and (now - datetime.fromisoformat(newest)).total_seconds() * 1000 > rpo:
        yield say(
            "{application}: newest recovery point is {age} old, RPO {rpo}",
            application=application,
            age=_time(now - datetime.fromisoformat(newest)),
            rpo=Duration(rpo),
        )


def _time(time: timedelta) -> Duration:
    return Duration(time // timedelta(milliseconds=1))


def _preview(wiring: Wiring, plan: DrillPlan, recovery: PlannedRecovery) -> dict[str, Any]:
    now = wiring.clock.now().wall
    application = recovery.application
    preview: dict[str, Any] = {
        "application": application.name,
        "repository": recovery.repository,
        "policy": recovery.selection.policy,
        "sandbox": recovery.sandbox.name,
        "rto_ms": milliseconds(application.objectives.rto),
        "rpo_ms": milliseconds(application.objectives.rpo),
        "checks": [check.name for check in application.checks],
        "trust": recovery.trust,
        "bytes_per_second": recovery.bytes_per_second,
        "recover_to": to_data(recovery.selection.recover_to),
        "undrilled_dependencies": sorted(set(application.depends_on) - {other.name for other in plan.recoveries}),
        "last_rta_ms": wiring.journal_to_read().history.rta_ms(recovery.name),
    }
    try:
        repository = wiring.repositories()[recovery.repository]
        listing = repository.points(application)
        point, lock, refused = choose(
            repository, listing, recovery.selection, disaster_at=plan.scenario.disaster_at or now, now=now
        )
        if point is not None and point.sub_path and isinstance(repository, SubPaths):
            held = repository.at_sub_path(point, counted=True)
            if held.lacking:
                lacking = RefusedPoint(id=point.id, consistent_at=point.consistent_at, reason=held.lacking)
                point, lock, refused = None, None, (*refused, lacking)
            else:
                point = replace(point, size_bytes=held.size_bytes)
    except DrpError as error:
        return {**preview, "error": error.message, "hint": error.hint}
    return {
        **preview,
        "point": to_data(point),
        "newest_at": newest.consistent_at.isoformat() if (newest := newest_of(listing.points, now)[0]) else None,
        "immutability": to_data(lock),
        "refused": [to_data(item) for item in refused],
    }


def _print_preview(item: dict[str, Any], *, starts: bool) -> None:
    render.line(
        say(
            "  {application} from {repository}: {what}",
            application=f"{item['application']:<14}",
            repository=item["repository"],
            what=_what(item),
        )
    )
    for told in _preview_lines(item, starts=starts):
        render.labelled("", told, width=14)


def _what(item: dict[str, Any]) -> Phrase:
    """Return which point would be taken, and how it is protected."""
    if "error" in item:
        return say("cannot tell: {error}", error=item["error"])
    point, protection = item.get("point"), item.get("immutability") or {}
    if not point:
        return say("NO POINT")
    return say(
        "{point} of {at} ({lock})",
        point=point["id"][:8],
        at=render.instant(point["consistent_at"]),
        lock=lock(protection.get("mode", "unknown"), protection.get("provenance", "declared"), ""),
    )


def _preview_lines(item: dict[str, Any], *, starts: bool) -> Iterator[Phrase]:
    rpo, last = Duration(item["rpo_ms"]), item["last_rta_ms"]
    if starts:
        yield say(
            "RTO {rto}, RPO {rpo}, last RTA {last}; checks: {checks}",
            rto=Duration(item["rto_ms"]),
            rpo=rpo,
            last=Duration(last) if last is not None else "-",
            checks=several(item["checks"]) if item["checks"] else say("NONE"),
        )
    else:
        yield say("RPO {rpo}; not started, no checks", rpo=rpo)
    if item["trust"] == "none" and starts:
        yield say("trust: none, so only what drp itself reads of the restored files lets it pass")
    if item["bytes_per_second"]:
        yield say("reads at most {rate}", rate=Rate(item["bytes_per_second"], 1000))
    if item["recover_to"]:
        yield say("rolled to {at}", at=render.instant(item["recover_to"]))
    for refused in item.get("refused", [])[:_MOST_REFUSED]:
        yield say("refused {id}: {reason}", id=refused["id"][:8], reason=refused["reason"])
    if item["undrilled_dependencies"] and starts:
        yield say("not in this drill: {applications}", applications=several(item["undrilled_dependencies"]))


def show_drills(wiring: Wiring, *, machine: bool, most: int | None) -> None:
    """Print drills with their verdicts: the newest, or without ``most`` all."""
    history = wiring.journal_to_read().history
    held = history.count()
    drills = history.newest(held if most is None else most)
    rows = [_short(drill) for drill in drills]
    journal = wiring.journal_to_read()
    for row in rows:
        row["running_on"] = journal.holder(row["drill"]) if not row["sealed"] else None
    if machine:
        render.document("drp/drills/1", rows)
    else:
        render.table(
            ("drill", "declared", "verdict", "took", "applications"),
            [
                (
                    row["drill"],
                    render.minute(row["declared_at"]),
                    _standing(row),
                    render.duration(row["duration_ms"]),
                    ", ".join(row["applications"]),
                )
                for row in rows
            ],
        )
    if held > len(rows):
        render.note(say("{held} older drills are not listed: --all lists them too", held=held - len(rows)))


def _standing(row: dict[str, Any]) -> str:
    """Return what a drill came to, or how it is."""
    host = row["running_on"]
    if row["awaits_approval_until"]:
        return say("waits for approval")
    if host is not None and row["verdict"] == "unfinished":
        return say("running on {host}", host=host) if host else say("running")
    return verdict_in_list(row["verdict"], row["level"])


def _short(drill: DrillSummary) -> dict[str, Any]:
    """Return what a list tells of one drill. Raises ``Tampered`` for one that cannot be read."""
    if drill.declared_at is None:
        raise Tampered(drill.trouble)
    return {
        "drill": drill.drill,
        "declared_at": render.instant(drill.declared_at),
        "verdict": drill.verdict if drill.verdict is not None else "unfinished",
        "level": drill.level,
        "awaits_approval_until": to_data(drill.awaits_approval_until),
        "sealed": drill.sealed is not None,
        "duration_ms": drill.duration_ms,
        "applications": [recovery.recovery for recovery in drill.recoveries],
    }


def summary_of(state: DrillState) -> dict[str, Any]:
    """Return what a list of drills tells of one."""
    return _short(summarise(state))


def measurements_of(state: DrillState) -> tuple[Measurement, ...]:
    """Return what was measured, or would be if the drill ended now."""
    if state.concluded is not None:
        return state.concluded.measurements
    return tuple(measure(state, recovery) for recovery in state.plan.recoveries)
