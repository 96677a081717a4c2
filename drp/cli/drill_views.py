"""What `drp drill plan|list|show` print, for people and for machines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drp.cli import render
from drp.cli.level_views import plan_line, verdict_in_list
from drp.cli.precheck_views import precheck_document, precheck_lines
from drp.cli.reconciliation_views import plan_lines
from drp.codec import digest, to_data
from drp.domain.duration import words
from drp.domain.fold import DrillState
from drp.domain.measure import Measurement, milliseconds
from drp.domain.names import shown_name
from drp.domain.newest_point import newest_of
from drp.domain.phrase import say
from drp.domain.plan import DrillPlan, PlannedRecovery
from drp.domain.summary import DrillSummary, summarise
from drp.domain.timeline import measure
from drp.drill.phases.select import choose
from drp.errors import DrpError, Tampered
from drp.service.precheck import precheck
from drp.service.wiring import Wiring

_NAMED = 8
"""So many things that nobody judged are named on a terminal."""


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
    for text in (*plan_lines(plan.reconciliation), *precheck_lines(room)):
        render.line(text)


def warnings_of(plan: DrillPlan, waves: list[list[dict[str, Any]]], now: datetime) -> list[str]:
    """Return what makes a drill of the plan say less than it seems to."""
    fixed, found = plan.scenario.disaster_at, []
    if fixed is not None and fixed > now:
        found.append(f"the disaster is in the future ({render.instant(fixed)}): such a drill is not held")
    elif fixed is not None:
        found.append(
            f"the disaster is fixed at {render.instant(fixed)}, {words(now - fixed)} ago: that a backup job died since "
            "does not show in what the drill measures; say `disaster_at: now` in a plan that is held again and again"
        )
    for item in (item for wave in waves for item in wave):
        point = item.get("point")
        if point is not None and not plan.starts and point["manifest_id"] is None:
            found.append(
                f"{item['application']}: point {point['id'][:8]} names no manifest, and level {plan.level} needs one: "
                "such a drill is inconclusive"
            )
        newest, rpo = item.get("newest_at"), item["rpo_ms"]
        if newest is not None and (now - datetime.fromisoformat(newest)).total_seconds() * 1000 > rpo:
            age = words(now - datetime.fromisoformat(newest))
            found.append(f"{item['application']}: newest recovery point is {age} old, RPO {render.duration(rpo)}")
    return found


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
    point = item.get("point")
    lock = item.get("immutability") or {}
    what = (
        f"{point['id'][:8]} of {render.instant(point['consistent_at'])} ({lock.get('mode')}, {lock.get('provenance')})"
        if point
        else "NO POINT"
    )
    if "error" in item:
        what = f"cannot tell: {item['error']}"
    render.line(
        say(
            "  {application} from {repository}: {what}",
            application=f"{item['application']:<14}",
            repository=item["repository"],
            what=what,
        )
    )
    objectives = f"RTO {render.duration(item['rto_ms'])}, RPO {render.duration(item['rpo_ms'])}"
    checks = ", ".join(item["checks"]) or "NONE"
    told = f"{objectives}, last RTA {render.duration(item['last_rta_ms'])}; checks: {checks}"
    told = told if starts else f"RPO {render.duration(item['rpo_ms'])}; not started, no checks"
    render.line(f"  {'':<14} {told}")
    if item["trust"] == "none" and starts:
        render.line(
            say(
                "  {value} trust: none, so only what drp itself reads of the restored files lets it pass",
                value=f"{'':<14}",
            )
        )
    if item["bytes_per_second"]:
        render.line(
            say(
                "  {value} reads at most {bytes_per_second}/s",
                value=f"{'':<14}",
                bytes_per_second=render.size(item["bytes_per_second"]),
            )
        )
    if item["recover_to"]:
        render.line(
            say("  {value} rolled to {recover_to}", value=f"{'':<14}", recover_to=render.instant(item["recover_to"]))
        )
    for refused in item.get("refused", [])[:5]:
        render.line(
            say("  {value} refused {id}: {reason}", value=f"{'':<14}", id=refused["id"][:8], reason=refused["reason"])
        )
    if item["undrilled_dependencies"] and starts:
        render.line(
            say(
                "  {value} not in this drill: {undrilled_dependencies}",
                value=f"{'':<14}",
                undrilled_dependencies=", ".join(item["undrilled_dependencies"]),
            )
        )


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
                    row["declared_at"],
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
        return "waits for approval"
    if host is not None and row["verdict"] == "unfinished":
        return f"running on {render.printable(host)}" if host else "running"
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
