"""The damage matrix of verifiers/README.md, printed by the tests that stand in it: ``pytest --damage-matrix``.

Each line is what was damaged and what caught it, with how its tests ended in this run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).resolve().parents[2] / "verifiers" / "README.md"
HEADING = "## What catches what"
_ENDINGS = ("failed", "error", "passed", "skipped")
_TEST = re.compile(r"`(test_\w+)`")


@dataclass(frozen=True)
class Row:
    """One line of the matrix."""

    damage: str
    caught_by: str
    tests: tuple[str, ...]


def rows() -> tuple[Row, ...]:
    """Return the matrix as it is written."""
    _, _, text = README.read_text(encoding="utf-8").partition(HEADING)
    found = []
    for line in text.partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0] not in {"damage", "---"}:
            found.append(Row(cells[0], cells[1], tuple(_TEST.findall(cells[3]))))
    return tuple(found)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--damage-matrix", action="store_true", help="print which damage was caught by what in this run")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not config.getoption("--damage-matrix"):
        return
    ended: dict[str, set[str]] = defaultdict(set)
    for ending in _ENDINGS:
        for report in terminalreporter.stats.get(ending, ()):
            if getattr(report, "when", "call") == "call" or ending != "passed":
                ended[report.nodeid.rpartition("::")[2].partition("[")[0]].add(ending)
    terminalreporter.section("damage × what caught it")
    for row in rows():
        seen = set().union(*(ended.get(test, set()) for test in row.tests))
        word = next((ending for ending in _ENDINGS if ending in seen), "not run")
        terminalreporter.write_line(f"{word:<8} {row.damage}  ×  {row.caught_by.replace('`', '')}")
