"""Merged patients in a drill: told by a list and by an application, for one field; what cannot be known is not judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.reconciliation.preparation import DeclaredList, Merges
from tests.simulators.world import Script, World
from tests.support.findings import by_recovery
from tests.unit.test_drill_control_flow import events_of, run
from tests.unit.test_drill_reconciliation import AT, declared

LISTED = DeclaredList(path="/site/temporary.csv", sha256="0" * 64)
PLACE = "results.patient"


def hospital(*names: str, lines: tuple[str, ...] = ("TMP-1,7",), merged: object = (("7", "8"),)) -> World:
    """A result of whoever was TMP-1, then patient 7, and was merged into patient 8 afterwards."""
    known = {
        "temporary": Merges(name="temporary", fields=(PLACE,), listed=LISTED),
        "merged": Merges(name="merged", fields=(PLACE,), records="merges", old="old", new="new"),
    }
    base = declared()
    reference = replace(base.references[0], same={"patient": "patient"})
    merges = tuple(known[name] for name in names)
    sets = {
        "orders": [(AT, ("13", "8"))],
        "results": [(AT + 5, ("13", "TMP-1"))],
        "sequence": [(None, ("14",))],
        "merges": merged if isinstance(merged, str) else [(None, (new, old)) for old, new in merged],
    }
    records = (*base.records, replace(base.records[0], name="merges"))
    world = World(Script(records=sets, lists={LISTED.path: lines}), names=("ehr", "lis"))
    reconciliation = replace(base, records=records, references=(reference,), merges=merges)
    world.plan = replace(world.plan, reconciliation=reconciliation)
    return world


def said(world: World) -> set[str]:
    return {finding.code for _, finding in by_recovery(events_of(world))}


@pytest.mark.parametrize("names", [("temporary", "merged"), ("merged", "temporary")])
def test_both_are_known_whichever_is_declared_first(names):
    world = hospital(*names)
    assert run(world).verdict == "passed"
    assert not said(world)


@pytest.mark.parametrize("names", [(), ("temporary",), ("merged",)])
def test_one_of_them_alone_leaves_a_result_under_another_patient(names):
    world = hospital(*names)
    assert run(world).verdict == "failed"
    assert "DRP-A003" in said(world)


@pytest.mark.parametrize(
    "unknown",
    [
        {"lines": ("TMP-1,7", "7,7,7")},
        {"lines": ("TMP-1,7", "TMP-1,9")},
        {"lines": ("TMP-1,7", "8,TMP-1")},
        {"merged": "the query gave no column old"},
    ],
)
def test_what_is_not_wholly_known_is_not_judged(unknown):
    """A line of three, one person who became two, a circle through both, a set that could not be read."""
    world = hospital("temporary", "merged", **unknown)
    assert run(world).verdict == "inconclusive"
    assert said(world) == {"DRP-A005"}


def test_nobody_is_named_by_what_is_said_of_merges():
    world = hospital("temporary", "merged", lines=("TMP-1,7", "TMP-1,9"))
    run(world)
    observed = [finding.observed for _, finding in by_recovery(events_of(world))]
    assert any("temporary" in text and "sha256:" in text for text in observed)
    assert not any("TMP-1" in text for text in observed)
