"""What is said of drills that start nothing, wherever their verdict is shown: so much less than a full drill's."""

from __future__ import annotations

from collections.abc import Iterator

from drp.cli.words import LEVELS, VERDICTS, word
from drp.domain.fold import RecoveryState
from drp.domain.level import Level
from drp.domain.phrase import NOTHING, Phrase, count, say
from drp.domain.plan import DrillPlan

_ASIDE: dict[Level, Phrase] = {
    "full": NOTHING,
    "hash": say(" (hash only: nothing was started)"),
    "sample": say(" (a sample of the files: nothing was started)"),
}


def aside(level: Level) -> Phrase:
    """Return what stands beside a verdict of that level, in brackets after a blank; nothing for a full drill."""
    return _ASIDE[level]


def verdict_in_list(verdict: str, level: Level) -> str:
    """Return a verdict as lists show it: one of a shallower level never looks like a full one."""
    told = word(VERDICTS, verdict)
    return told if level == "full" else say("{verdict} ({level})", verdict=told, level=word(LEVELS, level))


def plan_line(plan: DrillPlan) -> Phrase:
    """Return what a plan of a shallower level is going to do; empty for a full one."""
    if plan.level == "hash":
        return say("level hash: restored whole and compared; nothing is started, so RTA is not measured")
    if plan.level == "sample":
        return count(
            "level sample: at most {n} file each, drawn by chance; nothing is started",
            "level sample: at most {n} files each, drawn by chance; nothing is started",
            plan.sample_files or 0,
        )
    return NOTHING


def sample_lines(progress: RecoveryState) -> Iterator[Phrase]:
    """Yield what the sample of a recovery proves, exactly, once it was compared."""
    selected, hashed = progress.outputs.select, progress.outputs.hash
    sample = selected.sample if selected is not None else None
    if sample is None:
        return
    if hashed is None or hashed.difference is None:
        yield say(
            "sample       {drawn} of {population} files, seed {seed}: not compared",
            drawn=sample.drawn,
            population=sample.population,
            seed=str(sample.seed),
        )
        return
    from drp.hashing.sampling import sentence

    bad = min(sample.drawn, sum(hashed.difference.counts.values()))
    yield say("sample       {proves}", proves=sentence(sample.population, sample.drawn, bad, sample.seed))
    yield say(
        "             drawn again by: drp manifest verify --sample {drawn} --seed {seed}",
        drawn=str(sample.drawn),
        seed=str(sample.seed),
    )
