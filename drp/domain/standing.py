"""Where each application stands between its drills, and what of it somebody has to be told now. Pure.

Levels follow the monitoring plugins' convention: ok, warning, critical. What was never shown is never ok: it is none.
Only full drills show that an application comes back; shallower ones can show that its backup is damaged, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from drp.domain.application import Application
from drp.domain.coverage import in_order
from drp.domain.findings.time import NEWEST_POINT_OLD
from drp.domain.fold import DrillState, RecoveryState
from drp.domain.held import LEVELS, LastDrill, Level, doubts_of, of_compared, of_last, of_newest
from drp.domain.newest_point import NewestPoint
from drp.domain.phrase import Phrase, quoted
from drp.domain.plan import PlannedRecovery
from drp.domain.resting import Resting, resting
from drp.domain.schedule.age import judge_due
from drp.domain.schedule.due import Due, dues
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Policy
from drp.domain.verdict import Verdict, conclude


@dataclass(frozen=True, slots=True)
class Own:
    """A passed drill, as `dues` asks for it."""

    level: str
    drill: str
    declared_at: datetime


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
        *of_last(application, full, now),
        *of_compared(history, now),
        *(told for each in due for told in judge_due(each, application.tier, now)),
        *of_newest(application, history, now, newest),
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
        doubts=tuple(doubts_of(history)),
    )


def _by_itself(application: Application, passed: LastDrill | None, now: datetime) -> tuple[Due, ...]:
    """Return what an application's own ``drill_every`` asks for, where nobody gave what its policies do."""
    every = application.drill_every
    if every is None:
        return ()
    policy = Policy(application=application.name, level="full", max_age=every, grace=every)
    proof = (Own("full", passed.drill, passed.declared_at),) if passed is not None else ()
    return dues((policy,), {application.name: proof}, ScheduleState(), now)
