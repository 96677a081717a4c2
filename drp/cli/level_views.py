"""What is said of drills that start nothing, wherever their verdict is shown: so much less than a full drill's."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.fold import RecoveryState
from drp.domain.level import Level
from drp.domain.plan import DrillPlan

_ASIDE: dict[Level, str] = {
    "full": "",
    "hash": "hash only: nothing was started",
    "sample": "a sample of the files: nothing was started",
}


def aside(level: Level) -> str:
    """Return what stands beside a verdict of that level, in brackets after a blank; nothing for a full drill."""
    return f" ({_ASIDE[level]})" if _ASIDE[level] else ""


def verdict_in_list(verdict: str, level: Level) -> str:
    """Return a verdict as lists show it: one of a shallower level never looks like a full one."""
    return verdict if level == "full" else f"{verdict} ({level})"


def plan_line(plan: DrillPlan) -> str:
    """Return what a plan of a shallower level is going to do; empty for a full one."""
    if plan.level == "hash":
        return "level hash: restored whole and compared; nothing is started, so RTA is not measured"
    if plan.level == "sample":
        return f"level sample: at most {plan.sample_files} files each, drawn by chance; nothing is started"
    return ""


def sample_lines(progress: RecoveryState) -> Iterator[str]:
    """Yield what the sample of a recovery proves, exactly, once it was compared."""
    selected, hashed = progress.outputs.select, progress.outputs.hash
    sample = selected.sample if selected is not None else None
    if sample is None:
        return
    if hashed is None or hashed.difference is None:
        yield f"sample       {sample.drawn} of {sample.population} files, seed {sample.seed}: not compared"
        return
    from drp.hashing.sampling import sentence

    bad = min(sample.drawn, sum(hashed.difference.counts.values()))
    yield f"sample       {sentence(sample.population, sample.drawn, bad, sample.seed)}"
    yield f"             drawn again by: drp manifest verify --sample {sample.drawn} --seed {sample.seed}"
