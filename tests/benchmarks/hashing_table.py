"""Writes what was measured as a page of Markdown: every ratio with its aim, then every program's times."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.hashing_aims import COLD, SCALE, WARM
from tests.benchmarks.hashing_programs import versions
from tests.benchmarks.hashing_scale import Step
from tests.benchmarks.hashing_trees import DESCRIPTIONS


@dataclass(frozen=True, slots=True)
class Run:
    """One run: wall and CPU seconds, and the share of the processors that other programs took meanwhile."""

    wall: float
    cpu: float
    foreign: float


Results = dict[str, list[Run]]


@dataclass(frozen=True, slots=True)
class Section:
    """Everything that was measured on one tree."""

    shape: str
    cold: bool
    results: Results
    rounds: int

    @property
    def title(self) -> str:
        return f"{self.shape}, {'cold' if self.cold else 'warm'}"

    def middle(self, name: str) -> tuple[float, float]:
        runs = self.results[name]
        return statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs)


def page(sections: list[Section], steps: dict[str, Step], scale: float, absent: list[str]) -> tuple[str, int]:
    """Return the page, and how many aims were missed."""
    lines = ["# Hashing, measured", "", *_machine(scale, absent), ""]
    rows, missed = _ratios(sections)
    lines += ["| tree, cache | other / ours | wall | CPU | limit | aim | |", "|---|---|---|---|---|---|---|", *rows, ""]
    if steps:
        rows, more = _scale(steps)
        missed += more
        lines += ["| step | entries | wall s | entries/s | aim | peak MiB | aim | |"]
        lines += ["|---|---|---|---|---|---|---|---|", *rows, ""]
    lines += [f"{missed} aims missed.", ""]
    for section in sections:
        lines += _times(section)
    return "\n".join(lines), missed


def _machine(scale: float, absent: list[str]) -> list[str]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown",
    )
    lines = [
        "Written by `make bench`. A ratio is the median wall time of the other program divided by ours, in one",
        "interleaved run: 2.00 means that ours takes half the time. CPU: the same of CPU seconds. Limit: what the machine's",
        "limit (`native`) reaches against that program.",
        "",
        f"Machine: {os.cpu_count()} cores, {model}, Linux {os.uname().release}.",
        f"Load average at the end: {os.getloadavg()[0]:.1f}.",
        f"Programs: {', '.join(versions())}.",
    ]
    if scale != 1.0:
        lines.append(f"Only {scale:g} of each tree's files were made: these figures are no result.")
    return lines + [f"Not measured, since it is not installed: {name}." for name in absent]


def _ratios(sections: list[Section]) -> tuple[list[str], int]:
    rows, missed = [], 0
    for section in sections:
        for (other, ours), aims in (COLD if section.cold else WARM).items():
            if other not in section.results or ours not in section.results:
                continue
            wall, cpu = (a / b if b else 0.0 for a, b in zip(section.middle(other), section.middle(ours), strict=True))
            aim, limit = aims.get(section.shape), _limit(section, other, ours)
            missed += aim is not None and wall < aim
            words = ("", "") if aim is None else (f"≥ {aim:.2f}", "met" if wall >= aim else "**missed**")
            words = (words[0], f"{words[1]}, beyond the limit" if aim and limit and wall < aim > limit else words[1])
            told = f"{cpu:.2f}" if cpu else "", f"{limit:.2f}" if limit else "", *words
            rows.append(f"| {section.title} | {other} / {ours} | {wall:.2f} | {' | '.join(told)} |")
    return rows, missed


def _limit(section: Section, other: str, ours: str) -> float:
    """Return what the machine's limit itself reaches against the other program; 0: that is it, or is not known."""
    native = "native sha256, all cores" if "sha256" in ours else "native, all cores"
    native = "native, 8 threads, read ahead" if section.cold else native
    if other.startswith(("native", "drp-hash", "fio")) or native not in section.results:
        return 0.0
    return section.middle(other)[0] / section.middle(native)[0]


def _scale(steps: dict[str, Step]) -> tuple[list[str], int]:
    rows, missed = [], 0
    for name, step in steps.items():
        rate = step.entries / step.wall
        least, most = SCALE.get(name, (0, 0))
        met = rate >= least and (not most or step.memory <= most)
        missed += not met
        aims = f"≥ {least / 1e6:g} M" if least else "", f"≤ {most:g}" if most else ""
        verdict = ("met" if met else "**missed**") if least or most else ""
        rows.append(
            f"| {name} | {step.entries} | {step.wall:.1f} | {rate / 1e6:.2f} M | {aims[0]} | {step.memory:.0f} | "
            f"{aims[1]} | {verdict} |"
        )
    return rows, missed


def _times(section: Section) -> list[str]:
    foreign = statistics.mean(run.foreign for runs in section.results.values() for run in runs)
    lines = [
        f"## {section.title} cache",
        "",
        f"{DESCRIPTIONS[section.shape]} {section.rounds} rounds. Other programs took",
    ]
    lines += [f"{foreign:.0%} of the processors meanwhile.", ""]
    lines += ["| program | wall s | best | CPU s | best |", "|---|---|---|---|---|"]
    for name, runs in section.results.items():
        wall, cpu = section.middle(name)
        best = min(run.wall for run in runs), min(run.cpu for run in runs)
        lines.append(f"| {name} | {wall:.3f} | {best[0]:.3f} | {cpu:.3f} | {best[1]:.3f} |")
    return [*lines, ""]
