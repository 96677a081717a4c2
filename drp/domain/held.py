"""What is to be told of an application's drills so far, and of its newest recovery point: a level, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Literal

from drp.domain.application import Application
from drp.domain.clock import CLOCKS_AGREE
from drp.domain.coverage import URGENT_TIER
from drp.domain.level import COVERS
from drp.domain.level import Level as Depth
from drp.domain.measure import Measurement
from drp.domain.newest_point import NewestPoint, judge_newest
from drp.domain.phrase import Phrase, beside, fact
from drp.domain.resting import Resting
from drp.domain.terms import term
from drp.domain.verdict import Verdict

Level = Literal["none", "ok", "warning", "critical"]
LEVELS: tuple[Level, ...] = ("none", "ok", "warning", "critical")
Judgement = tuple[Level, Phrase]


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


def of_newest(
    application: Application, history: Sequence[LastDrill], now: datetime, newest: NewestPoint | None
) -> list[Judgement]:
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


def of_last(application: Application, history: Sequence[LastDrill], now: datetime) -> list[Judgement]:
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
                _in_future(last),
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
                    "failed-and-none-passed",
                    "drill {drill} failed, and none has passed since: {newest} is {verdict}",
                    drill=failed.drill,
                    newest=last.drill,
                    verdict=term(last.verdict),
                ),
            )
        ]
    if last.verdict != "passed":
        return [("warning", fact("drill", "drill {drill} is {verdict}", drill=last.drill, verdict=term(last.verdict)))]
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


def of_compared(history: Sequence[LastDrill], now: datetime) -> list[Judgement]:
    """Judge drills that started nothing: what one found out stands until one passes that looks as deep, or deeper."""
    judged: list[Judgement] = []
    doubts = [one for one in doubts_of(history) if one.depth != "full"]
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
                        verdict=term(one.verdict),
                        depth=one.depth,
                    ),
                )
            )
    newest = next((held for held in reversed(history) if held.depth != "full"), None)
    if newest is not None and newest.declared_at > now + CLOCKS_AGREE:
        judged.append(
            (
                "critical",
                _in_future(newest),
            )
        )
    return judged


def doubts_of(history: Sequence[LastDrill]) -> Iterator[LastDrill]:
    """Yield the drills whose failure or doubt no later one has refuted."""
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


def _in_future(held: LastDrill) -> Phrase:
    return fact(
        "drill-in-future", "drill {drill} is dated in the future: a clock was wrong, then or now", drill=held.drill
    )
