"""What a real hospital's records taught the judge: merges told in two places, clocks that differ, one patient for all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.reconciliation.collected import Collected
from drp.domain.reconciliation.declaration import FieldOf, Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.merges import MergeMap, maps_of
from drp.domain.reconciliation.preparation import Merges
from drp.domain.reconciliation.result import ReconciliationResult
from tests.support.circumstances import rolling

MINUTE = 60 * 1_000_000
TEMPORARY = Merges(name="temporary", fields=("studies.patient",))
MERGED = Merges(name="merged", fields=("studies.patient", "orders.patient"))
PAIRS = {"temporary": [("TMP-1", "7")], "merged": [("7", "8"), ("8", "9")]}


@pytest.mark.parametrize("declared", [(TEMPORARY, MERGED), (MERGED, TEMPORARY)])
def test_merges_of_one_field_are_taken_together_whichever_comes_first(declared):
    maps, wrong = maps_of(declared, PAIRS)
    assert not wrong
    assert [maps["studies.patient"].resolve(value) for value in ("TMP-1", "7", "8", "9")] == ["9"] * 4
    assert maps["orders.patient"].resolve("TMP-1") == "TMP-1"


def test_a_circle_through_two_merges_leaves_only_their_common_field_without_a_map():
    maps, wrong = maps_of((TEMPORARY, MERGED), {**PAIRS, "temporary": [("9", "7")]})
    assert list(maps) == ["orders.patient"]
    assert list(wrong) == ["studies.patient"]
    assert "temporary, merged: merges go in a circle" in wrong["studies.patient"]


def test_merges_that_could_not_be_read_are_passed_over():
    maps, wrong = maps_of((TEMPORARY, MERGED), {"merged": PAIRS["merged"]})
    assert (sorted(maps), wrong) == (["orders.patient", "studies.patient"], {})


def judged(
    studies: list, orders: list, *, maps: dict[str, MergeMap] | None = None, **changes: int
) -> ReconciliationResult:
    reference = Reference(
        name="images", source=FieldOf(records="studies", field="key"), target=FieldOf(records="orders", field="key"),
        same={"patient": "patient"}, tolerate=5,
    )  # fmt: skip
    records = (
        RecordSource(name="studies", application="pacs", reader="sim"),
        RecordSource(name="orders", application="ehr", reader="sim"),
    )
    declaration = Reconciliation(records=records, references=(reference,))
    collected = {name: Collected(declaration, name, maps) for name in ("studies", "orders")}
    for name, rows in (("studies", studies), ("orders", orders)):
        for row in rows:
            collected[name].receive(row)
    return judge(declaration, collected, replace(rolling(), **changes))


ORDERS = [(number * MINUTE, (f"{100 + number}", f"{number}")) for number in range(30)]


@pytest.mark.parametrize(
    ("since", "kind"), [(27 * MINUTE, "older"), (27 * MINUTE + 1, "recent"), (30 * MINUTE, "recent")]
)
def test_what_clocks_cannot_tell_from_newer_is_not_tolerated(since, kind):
    """The newest order is of minute 29, and clocks may differ by two."""
    found = judged([*ORDERS, (since, ("500", "1"))], ORDERS)
    assert [part.kind for part in found.references[0].ways[0].kinds] == [kind]


def test_clocks_that_are_known_to_agree_leave_no_doubt():
    found = judged([*ORDERS, (28 * MINUTE, ("500", "1"))], ORDERS, clocks=0)
    assert [part.kind for part in found.references[0].ways[0].kinds] == ["older"]


def merged_into_one(count: int) -> dict[str, MergeMap]:
    everybody = MergeMap.of((str(number), "1000") for number in range(count))
    return {"studies.patient": everybody, "orders.patient": everybody}


def test_merges_that_make_one_patient_of_all_leave_nothing_to_compare():
    found = judged(ORDERS, ORDERS, maps=merged_into_one(30)).references[0]
    assert not found.judged
    assert "patient is the same for all 30 keys" in found.reason


def test_merges_of_all_but_one_and_a_single_patient_of_few_orders_are_judged():
    assert judged(ORDERS, ORDERS, maps=merged_into_one(29)).references[0].holds
    assert judged(ORDERS[:5], ORDERS[:5], maps=merged_into_one(30)).references[0].holds
    assert judged([(0, (f"{n}", "1")) for n in range(30)], [(0, (f"{n}", "1")) for n in range(30)]).references[0].holds
