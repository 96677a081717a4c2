"""What a look at a site costs does not grow with its years, nor by a statement for each policy: counted, never timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from drp.domain.events import Entry
from drp.journal import chain
from tests.benchmarks.standing import HELD, STEPS, fresh, make_site, note_state

TOLD = 3
"""Drills of one application that tell how it stands: one of each level."""
SITES = {"few": (2, 1), "old": (2, 3), "large": (20, 1)}
"""Name → applications and years."""


@contextmanager
def statements() -> Iterator[list[str]]:
    found: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", count)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made = {name: make_site(tmp_path_factory.mktemp(name) / "site", *size) for name, size in SITES.items()}
    for site in made.values():
        note_state(site)
    return made


@pytest.mark.parametrize("name", STEPS)
def test_neither_years_nor_policies_make_more_statements_or_more_entries(
    sites: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, int] = {}
    entries: dict[str, int] = {}
    read = chain.read
    for kind, site in sites.items():
        seen: list[Entry] = []
        monkeypatch.setattr(chain, "read", lambda row, seen=seen: seen.append(read(row)) or seen[-1])
        wiring = fresh(site)
        with statements() as found:
            STEPS[name](wiring)
        wiring.close()
        asked[kind], entries[kind] = len(found), len(seen)
    assert asked["old"] == asked["few"] > 0
    assert entries["old"] == entries["few"]
    policies = (SITES["large"][0] - SITES["few"][0]) * len(HELD)
    assert asked["large"] - asked["few"] < policies / 4


def test_a_status_reads_the_entries_of_every_drill_that_it_judges_by(
    sites: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen = chain.read, set[str]()
    monkeypatch.setattr(chain, "read", lambda row: seen.add(row.drill) or read(row))
    wiring = fresh(sites["few"])
    found = STEPS["status"](wiring)
    wiring.close()
    judged = {standing.last.drill for standing in found.standings}  # type: ignore[attr-defined]
    assert len(judged) == SITES["few"][0]
    assert judged < seen
    assert len(seen) == TOLD * SITES["few"][0]
