"""What `drp schedule list|next|why` print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from drp.cli import render
from drp.cli.tongue import spoken
from drp.cli.words import LEVELS, word
from drp.codec import to_data
from drp.domain.orders import OrderSeen
from drp.domain.phrase import NOTHING, Phrase, joined, say
from drp.domain.schedule.age import days
from drp.domain.schedule.decision import Decision
from drp.domain.schedule.due import Due
from drp.domain.schedule.policy import Policy
from drp.errors import EngineError
from drp.reporting.scheduling import Sentences
from drp.schedule.ahead import Coming, coming, why
from drp.schedule.desk import Desk
from drp.schedule.site_desk import desk_of, with_orders
from drp.service.orders import orders_there
from drp.service.scheduled import schedule_of
from drp.service.wiring import Wiring

_STATES: dict[str, Phrase] = {
    "proven": say("proven"),
    "due": say("due"),
    "overdue": say("overdue"),
    "never": say("never proven"),
    "needs-verification": say("needs verification"),
    "unscheduled": say("not scheduled"),
}


def show_policies(wiring: Wiring, *, machine: bool) -> None:
    """Print what is asked of every application, and how it stands."""
    policies, found = wiring.site.schedule.policies, schedule_of(wiring)
    exempt, waiting = wiring.site.schedule.exempt, _waiting(wiring)
    sentences = Sentences(wiring.site.locale if machine else spoken())
    if machine:
        items = [
            {**to_data(due), "policy": _policy(policies.get(f"{due.application}/{due.level}"))} for due in found.dues
        ]
        document: dict[str, Any] = {
            "items": items,
            "exempt": dict(exempt),
            "pauses": [to_data(pause) for pause in found.pauses],
        }
        document["waiting"] = [_said(each, sentences) for each in waiting]
        render.document("drp/schedule/1", document)
        return
    rows = (_row(due, policies.get(f"{due.application}/{due.level}")) for due in found.dues)
    render.table(("application", "level", "when", "every", "last passed", "next", "state"), rows)
    for pause in found.pauses:
        what = say("everything") if pause.policy == "*" else pause.policy
        render.note(
            say(
                "paused: {what} until {until} by {by}: {reason}",
                what=what,
                until=render.instant(pause.until),
                by=pause.by,
                reason=pause.reason,
            )
        )
    for each in waiting:
        render.note(sentences.of(each))
    for name, reason in exempt.items():
        render.note(say("exempt: {name}: {reason}", name=name, reason=reason))
    if found.unattended:
        render.note("nobody looks at the schedule yet: `drp schedule install`, or `drp worker run`")


def _waiting(wiring: Wiring) -> list[Decision]:
    """Return what becomes of slots that have come and wait."""
    desk = _desk(wiring)
    state, now = desk.register.state(), desk.clock.now().wall
    keys = {each.slot.policy for each in state.open.values()}
    policies = {key: policy for key, policy in desk.policies.items() if key in keys}
    ahead = coming(desk, policies, now) if policies else ()
    return [each.decision for each in ahead if each.decision.slot.id in state.open and each.decision.action == "wait"]


def show_next(wiring: Wiring, days: int, *, machine: bool, tongue: str | None) -> None:
    """Print what waits and what comes in the next days."""
    desk = _desk(wiring)
    ahead = coming(desk, desk.policies, desk.clock.now().wall + timedelta(days=days))
    sentences = Sentences(tongue or (wiring.site.locale if machine else spoken()))
    if machine:
        items = [
            {**_said(each.decision, sentences), "at": to_data(each.at), "plan": each.policy.plan} for each in ahead
        ]
        render.document("drp/schedule-next/1", {"days": days, "items": items})
        return
    for each in ahead:
        plan = f" ({each.policy.plan})" if each.policy.plan else ""
        render.line(f"{render.instant(each.at)}  {each.decision.slot.policy}{plan}  {_short(each, sentences)}")
    render.note(say("{n} slots in {days} days", n=len(ahead), days=days))


def show_why(wiring: Wiring, application: str, *, machine: bool, tongue: str | None) -> None:
    """Print for each level of an application what becomes of it next, and why. Raises NotFound."""
    schedule, sentences = wiring.site.schedule, Sentences(tongue or (wiring.site.locale if machine else spoken()))
    wiring.site.application(application)
    desk = _desk(wiring)
    told = [(each.policy, each.decision) for each in why(desk, application)]
    lines = dict(_lines(told, sentences)) or {"": sentences.of_none(schedule.exempt.get(application, ""))}
    if machine:
        items = [
            {
                "policy": policy.key,
                "sentence": lines[policy.key],
                **(_said(decision, sentences) if decision is not None else {}),
            }
            for policy, decision in told
        ]
        document = {"application": application, "items": items, "sentences": list(lines.values())}
        render.document("drp/schedule-why/1", document)
        return
    for name, text in lines.items():
        render.line(f"{name}: {text}" if name else text)


def _desk(wiring: Wiring) -> Desk:
    """Return the desk of who only looks."""
    return with_orders(desk_of(wiring, None, reads_only=True), wiring, partial(_orders, wiring))


def _orders(wiring: Wiring) -> Sequence[OrderSeen]:
    """Return open orders; where nobody can tell of them, that is said, and what is due is told without."""
    if isinstance(wiring.site.engine, Path) and not wiring.site.engine.exists():
        return ()
    try:
        return [seen for seen in orders_there(wiring.site, wiring.clock) if seen.state in {"waiting", "running"}]
    except EngineError as error:
        render.note(say("what drills at work wait for is not known: {words}", words=render.printable(error.message)))
        return ()


def _lines(told: list[tuple[Policy, Decision | None]], sentences: Sentences) -> Iterator[tuple[str, str]]:
    for policy, decision in told:
        yield policy.key, sentences.of(decision) if decision is not None else sentences.of_nothing(policy)


def _short(each: Coming, sentences: Sentences) -> str:
    decision = each.decision
    return sentences.of(decision) if decision.reason != "before-its-time" else render.printable(decision.slot.id)


def _said(decision: Decision, sentences: Sentences) -> dict[str, Any]:
    return {
        "slot": decision.slot.id,
        "application": decision.slot.application,
        "level": decision.slot.level,
        "slot_at": to_data(decision.slot.at),
        "cause": decision.slot.cause,
        "action": decision.action,
        "ending": decision.ending,
        "reason": decision.reason,
        "values": dict(decision.values),
        "not_before": to_data(decision.not_before) if decision.not_before is not None else None,
        "sentence": sentences.of(decision),
    }


def _row(due: Due, policy: Policy | None) -> tuple[str, ...]:
    if policy is None or due.max_age is None:
        return due.application, "-", "-", "-", "-", "-", say("not scheduled")
    passed = render.instant(due.proven_at) if due.proven_at is not None else say("never")
    missed = say(", {missed} missed", missed=due.missed) if due.missed else NOTHING
    return (
        due.application,
        word(LEVELS, due.level),
        _when(policy),
        days(due.max_age),
        passed,
        render.instant(due.next_at),
        say("{state}{missed}", state=word(_STATES, due.state), missed=missed),
    )


def _when(policy: Policy) -> str:
    said = [say("{cron} {zone}", cron=policy.cron, zone=policy.zone)] if policy.cron else []
    said += [say("after {slot}", slot=policy.after)] if policy.after else []
    said += [say("on change")] if policy.on_change else []
    return joined(said, ", ") or say("by hand")


def _policy(policy: Policy | None) -> Mapping[str, Any] | None:
    return to_data(policy) if policy is not None else None
