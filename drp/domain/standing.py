"""Where each application stands between its drills, and what of it somebody has to be told now. Pure.

Levels follow the monitoring plugins' convention: ok, warning, critical. What was never shown is never ok: it is none.
Only full drills show that an application comes back; shallower ones can show that its backup is damaged, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import takewhile
from types import MappingProxyType
from typing import Literal

from drp.domain.application import Application
from drp.domain.clock import CLOCKS_AGREE
from drp.domain.coverage import URGENT_TIER, in_order
from drp.domain.findings.time import NEWEST_POINT_OLD
from drp.domain.fold import DrillState, RecoveryState
from drp.domain.level import COVERS
from drp.domain.level import Level as Depth
from drp.domain.measure import Measurement
from drp.domain.newest_point import NewestPoint, judge_newest
from drp.domain.phrase import Phrase, beside, fact, quoted
from drp.domain.plan import PlannedRecovery
from drp.domain.resting import Resting, resting
from drp.domain.schedule.age import judge_due
from drp.domain.schedule.due import Due, dues
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Policy
from drp.domain.verdict import Verdict, conclude

Level = Literal["none", "ok", "warning", "critical"]
LEVELS: tuple[Level, ...] = ("none", "ok", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Own:
    """A passed drill, as `dues` asks for it."""

    level: str
    drill: str
    declared_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDrill:
    """One application's part in a drill that has its verdict."""

    drill: str
    declared_at: datetime
    verdict: Verdict
    """Of this application alone: another one's failure is not its own."""
    depth: Depth = "full"
    """The drill's level."""
    measurement: Measurement | None
    listed: bool = False
    """The drill saw which recovery points there are."""
    fallen: int = 0
    """So many things had vanished before the backup was made, and nobody has accepted it."""
    rests: Resting = field(default_factory=Resting)
    """By whom the statements that passed are said."""
    newest_at: datetime | None = None
    """The newest recovery point that the repository listed then, if it was older than the objective on that day."""
    residue: bool = False
    """Something restored was left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of one application."""

    application: str
    title: str
    tier: int
    drillable: bool
    level: Level
    reasons: tuple[Phrase, ...]
    """Why it is not ok."""
    last: LastDrill | None = None
    """The newest full drill that was not aborted."""
    last_passed_at: datetime | None = None
    """When the newest full drill was declared that passed."""
    compared: LastDrill | None = None
    """The newest drill of a shallower level that was not aborted, and is newer than ``last``."""
    drill_every: timedelta | None = None
    newest: NewestPoint | None = None
    """What its repositories list now; None: nobody looked."""
    doubts: tuple[LastDrill, ...] = ()
    """Of each level the newest that failed, and the newest that is inconclusive: no passed drill refutes them."""


def standings(
    applications: Mapping[str, Application],
    drills: Sequence[DrillState],
    now: datetime,
    newest: Mapping[str, NewestPoint] = MappingProxyType({}),
    asked: Mapping[str, Sequence[Due]] | None = None,
) -> tuple[Standing, ...]:
    """Return where every application stands; ``drills`` oldest first, unfinished ones are passed over.

    ``newest`` is what the repositories list now, by application; ``asked`` how each stands by its policies, None: as
    its own ``drill_every`` says.
    """
    history: dict[str, list[LastDrill]] = {name: [] for name in applications}
    for state in drills:
        for held in _parts(state):
            if held[0] in history:
                history[held[0]].append(held[1])
    return tuple(
        _standing(application, history[application.name], now, newest.get(application.name), asked)
        for application in in_order(applications)
    )


def worst(levels: Iterable[Level]) -> Level:
    """Return the gravest level; none when there is nothing to judge."""
    return max(levels, key=LEVELS.index, default="none")


def own_verdict(state: DrillState, recovery: PlannedRecovery) -> Verdict:
    """Return what a concluded drill says of one of its applications, as if it had been drilled alone."""
    assert state.concluded is not None
    progress, name = state.recoveries[recovery.name], recovery.name
    measured = {item.recovery: item for item in state.concluded.measurements if item.recovery == name}
    # what was compared is in its findings; that nothing was is nobody else's fault
    compared = state.reconciled is not None or not _takes_part(state, name)
    alone = replace(state.plan, recoveries=(recovery,), reconciliation=None if compared else state.plan.reconciliation)
    verdict, _ = conclude(
        alone,
        {name: progress.outputs},
        {name: progress.findings},
        measured,
        aborted=state.concluded.verdict == "aborted",
        approval=state.approval.outcome,
    )
    return verdict


def _takes_part(state: DrillState, application: str) -> bool:
    wanted = state.plan.reconciliation
    return wanted is not None and any(source.application == application for source in wanted.records)


def _parts(state: DrillState) -> Iterable[tuple[str, LastDrill]]:
    if state.concluded is None or state.declared_at is None or state.concluded.verdict == "aborted":
        return
    measured = {measurement.recovery: measurement for measurement in state.concluded.measurements}
    for recovery in state.plan.recoveries:
        yield (
            recovery.name,
            LastDrill(
                drill=state.drill,
                declared_at=state.declared_at.wall,
                verdict=own_verdict(state, recovery),
                depth=state.plan.level,
                measurement=measured.get(recovery.name),
                listed=state.recoveries[recovery.name].outputs.select is not None,
                fallen=_fallen(state, recovery.name),
                rests=_rests(state, recovery.name),
                newest_at=_newest_then(state, recovery.name),
                residue=left_behind(state.recoveries[recovery.name]),
            ),
        )


def left_behind(recovery: RecoveryState) -> bool:
    """Return whether something restored is known to have been left when the sandbox was let go."""
    return recovery.residue is not None and not recovery.residue.clean


def _newest_then(state: DrillState, name: str) -> datetime | None:
    """Return the newest point that was listed, where the drill found it too old for its day."""
    progress = state.recoveries[name]
    if all(finding.code != NEWEST_POINT_OLD.code for finding in progress.findings):
        return None
    selected = progress.outputs.select
    return selected.newest_at if selected is not None else None


def _rests(state: DrillState, name: str) -> Resting:
    verified = state.recoveries[name].outputs.verify
    return resting(verified.checks) if verified is not None else Resting()


def _fallen(state: DrillState, name: str) -> int:
    verified = state.recoveries[name].outputs.verify
    return sum(fall.accepted is None for fall in verified.falls) if verified is not None else 0


def _standing(
    application: Application,
    history: Sequence[LastDrill],
    now: datetime,
    newest: NewestPoint | None,
    asked: Mapping[str, Sequence[Due]] | None,
) -> Standing:
    full = [held for held in history if held.depth == "full"]
    passed = next((held for held in reversed(full) if held.verdict == "passed"), None)
    due = asked.get(application.name, ()) if asked is not None else _by_itself(application, passed, now)
    last, newest_held = full[-1] if full else None, history[-1] if history else None
    judged = [
        *_of_last(application, full, now),
        *_of_compared(history, now),
        *(told for each in due for told in judge_due(each, application.tier, now)),
        *_of_newest(application, history, now, newest),
    ]
    levels: list[Level] = [level for level, _ in judged] + (["ok"] if last is not None else [])
    return Standing(
        application=application.name,
        title=application.title,
        tier=application.tier,
        drillable=application.drilled,
        level=worst(levels),
        reasons=tuple(quoted(reason) for _, reason in judged),
        last=last,
        last_passed_at=passed.declared_at if passed is not None else None,
        compared=newest_held if newest_held is not last else None,
        drill_every=application.drill_every,
        newest=newest,
        doubts=tuple(_doubts(history)),
    )


def _of_newest(
    application: Application, history: Sequence[LastDrill], now: datetime, newest: NewestPoint | None
) -> list[tuple[Level, str]]:
    """Judge the newest recovery point as it is now; where nobody can look, as the last drill saw it that could."""
    if newest is not None and newest.looked:
        return list(judge_newest(newest, application.objectives, now))
    seen = next((held for held in reversed(history) if held.listed), None)
    if seen is None or seen.newest_at is None:
        return []
    age, rpo = beside(seen.declared_at - seen.newest_at, application.objectives.rpo)
    return [
        (
            "critical",
            fact(
                "newest-recovery-point-old-when",
                "newest recovery point was {age} old when drill {drill} was held, RPO {rpo}",
                age=age,
                drill=seen.drill,
                rpo=rpo,
            ),
        )
    ]


def _of_last(application: Application, history: Sequence[LastDrill], now: datetime) -> list[tuple[Level, str]]:
    """Judge the newest drill; a failure stands until a drill passes, since one that decides nothing refutes nothing."""
    last = history[-1] if history else None
    urgent = application.tier <= URGENT_TIER
    if last is None:
        if application.drilled:
            return [("warning", fact("never-drilled", "never drilled"))]
        return [("warning", fact("not-drilled", "not drilled"))] if urgent else []
    if last.declared_at > now + CLOCKS_AGREE:
        return [
            (
                "critical",
                fact(
                    "drill-dated-future-clock",
                    "drill {drill} is dated in the future: a clock was wrong, then or now",
                    drill=last.drill,
                ),
            )
        ]
    since = takewhile(lambda held: held.verdict != "passed", reversed(history))
    failed = next((held for held in since if held.verdict == "failed"), None)
    if failed is last:
        return [("critical", fact("drill-failed", "drill {drill} failed", drill=last.drill))]
    if failed is not None:
        return [
            (
                "critical",
                fact(
                    "drill-failed-none-has",
                    "drill {drill} failed, and none has passed since: {drill2} is {verdict}",
                    drill=failed.drill,
                    drill2=last.drill,
                    verdict=last.verdict,
                ),
            )
        ]
    if last.verdict != "passed":
        return [("warning", fact("drill", "drill {drill} is {verdict}", drill=last.drill, verdict=last.verdict))]
    if last.fallen:
        return [
            (
                "warning",
                fact(
                    "what-earlier-backups-held",
                    "{fallen} of what earlier backups held had vanished before that of {drill}",
                    fallen=last.fallen,
                    drill=last.drill,
                ),
            )
        ]
    return []


def _of_compared(history: Sequence[LastDrill], now: datetime) -> list[tuple[Level, str]]:
    """Judge drills that started nothing: what one found out stands until one passes that looks as deep, or deeper."""
    judged: list[tuple[Level, str]] = []
    doubts = [one for one in _doubts(history) if one.depth != "full"]
    failed = {one.depth for one in doubts if one.verdict == "failed"}
    for one in doubts:
        if one.verdict == "failed":
            judged.append(
                (
                    "critical",
                    fact(
                        "drill-failed-level", "drill {drill} failed (level {depth})", drill=one.drill, depth=one.depth
                    ),
                )
            )
        elif one.depth not in failed:
            judged.append(
                (
                    "warning",
                    fact(
                        "drill-level",
                        "drill {drill} is {verdict} (level {depth})",
                        drill=one.drill,
                        verdict=one.verdict,
                        depth=one.depth,
                    ),
                )
            )
    newest = next((held for held in reversed(history) if held.depth != "full"), None)
    if newest is not None and newest.declared_at > now + CLOCKS_AGREE:
        judged.append(
            (
                "critical",
                fact(
                    "drill-dated-future-clock",
                    "drill {drill} is dated in the future: a clock was wrong, then or now",
                    drill=newest.drill,
                ),
            )
        )
    return judged


def _doubts(history: Sequence[LastDrill]) -> Iterator[LastDrill]:
    found: dict[tuple[Depth, Verdict], LastDrill] = {}
    for held in history:
        found = {key: one for key, one in found.items() if not _refutes(held, one)}
        if held.verdict != "passed":
            found[held.depth, held.verdict] = held
    yield from found.values()


def _refutes(held: LastDrill, one: LastDrill) -> bool:
    """Return whether a drill shows that what another one met is over; a sample that draws other files does not."""
    lucky = held.depth == "sample" and one.verdict == "failed"
    return held.verdict == "passed" and one.depth in COVERS[held.depth] and not lucky


def _by_itself(application: Application, passed: LastDrill | None, now: datetime) -> tuple[Due, ...]:
    """Return what an application's own ``drill_every`` asks for, where nobody gave what its policies do."""
    every = application.drill_every
    if every is None:
        return ()
    policy = Policy(application=application.name, level="full", max_age=every, grace=every)
    proof = (Own("full", passed.drill, passed.declared_at),) if passed is not None else ()
    return dues((policy,), {application.name: proof}, ScheduleState(), now)
