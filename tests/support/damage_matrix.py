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
_ENDINGS = ("failed", "error", "not run", "skipped", "passed")
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


def name_of(node: str) -> str:
    """Return the name of the test in an identifier, without its parameters and the group that xdist adds to it."""
    return re.split(r"[\[@]", re.sub(r"^.*?::", "", node), maxsplit=1)[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--damage-matrix",
        action="store_true",
        help="print which damage was caught by what in this run of every suite; a line of which nothing ran fails it",
    )


def told(reporter: Any) -> list[tuple[Row, str]]:
    """Return each line with how its tests ended: the worst of them, or that none ran."""
    ended: dict[str, set[str]] = defaultdict(set)
    for ending in _ENDINGS:
        for report in reporter.stats.get(ending, ()):
            if getattr(report, "when", "call") == "call" or ending != "passed":
                ended[name_of(report.nodeid)].add(ending)
    lines = []
    for row in rows():
        seen = set().union(*(ended.get(test, {"not run"}) for test in row.tests))
        lines.append((row, next(ending for ending in _ENDINGS if ending in seen)))
    return lines


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput") or not session.config.getoption("--damage-matrix"):
        return
    if session.exitstatus == pytest.ExitCode.OK and any(ending != "passed" for _, ending in told(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not config.getoption("--damage-matrix"):
        return
    terminalreporter.section("damage × what caught it")
    for row, ending in told(terminalreporter):
        terminalreporter.write_line(f"{ending:<8} {row.damage}  ×  {row.caught_by.replace('`', '')}")
