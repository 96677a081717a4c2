"""The matrices of verifiers/README.md, printed by the tests that stand in them: ``pytest --damage-matrix``.

Each line is what was damaged or what hostile content did, and what it got, with how its tests ended in this run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).resolve().parents[2] / "verifiers" / "README.md"
DAMAGES = "## What catches what"
HOSTILITIES = "## What a hostile backup gets"
GOT = ("caught", "cannot reach", "said by the restored system")
"""What hostile behaviour comes to: it is found out, it finds nothing to act on, or what it says is told as its word."""
_ENDINGS = ("failed", "error", "not run", "skipped", "passed")
_TEST = re.compile(r"`(test_\w+)`")


@dataclass(frozen=True)
class Row:
    """One line of the matrix."""

    damage: str
    caught_by: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Hostility:
    """One line of the matrix of hostile behaviours."""

    behaviour: str
    verifiers: str
    got: str
    tests: tuple[str, ...]


def rows() -> tuple[Row, ...]:
    """Return the damage matrix as it is written."""
    return tuple(Row(damage, caught_by, tests) for damage, caught_by, _, tests in _lines(DAMAGES))


def hostilities() -> tuple[Hostility, ...]:
    """Return the matrix of hostile behaviours as it is written."""
    return tuple(Hostility(*line) for line in _lines(HOSTILITIES))


def _lines(heading: str) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    _, _, text = README.read_text(encoding="utf-8").partition(f"{heading}\n")
    for line in text.partition("\n## ")[0].partition("|---")[2].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0] != "---":
            yield cells[0], cells[1], cells[2], tuple(_TEST.findall(cells[3]))


def name_of(node: str) -> str:
    """Return the name of the test in an identifier, without its parameters and the group that xdist adds to it."""
    return re.split(r"[\[@]", re.sub(r"^.*?::", "", node), maxsplit=1)[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--damage-matrix",
        action="store_true",
        help="print what damage and hostile behaviour got in this run of every suite; a line of which none ran fails it",
    )


def told(reporter: Any) -> list[tuple[str, str]]:
    """Return each line of both matrices with how its tests ended: the worst of them, or that none ran."""
    ended: dict[str, set[str]] = defaultdict(set)
    for ending in _ENDINGS:
        for report in reporter.stats.get(ending, ()):
            if getattr(report, "when", "call") == "call" or ending != "passed":
                ended[name_of(report.nodeid)].add(ending)
    lines = [(f"{row.damage}  ×  {row.caught_by}", row.tests) for row in rows()]
    lines += [(f"{row.behaviour}  ×  {row.verifiers}  ×  {row.got}", row.tests) for row in hostilities()]
    seen = [(line, set().union(*(ended.get(test, {"not run"}) for test in tests))) for line, tests in lines]
    return [(line, next(ending for ending in _ENDINGS if ending in found)) for line, found in seen]


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput") or not session.config.getoption("--damage-matrix"):
        return
    if session.exitstatus == pytest.ExitCode.OK and any(ending != "passed" for _, ending in told(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not config.getoption("--damage-matrix"):
        return
    terminalreporter.section("damage × what caught it, hostile behaviour × verifier × what it got")
    for line, ending in told(terminalreporter):
        terminalreporter.write_line(f"{ending:<8} {line.replace('`', '')}")
