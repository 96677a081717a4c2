"""Merged patients: one stands for the other through whole chains, and what cannot be true is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.reconciliation.collected import Collected
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.merges import MergeMap
from drp.domain.reconciliation.preparation import Merges
from tests.unit.test_reconcile import circumstances, order, result, results_have_orders


def test_a_chain_is_followed_to_its_end_in_whatever_order_it_was_read():
    merged = MergeMap.of([("C", "D"), ("A", "B"), ("B", "C"), ("X", "D")])
    assert [merged.resolve(each) for each in "ABCDXY"] == ["D", "D", "D", "D", "D", "Y"]
    assert len(merged) == 4


def test_what_is_said_twice_is_said_once():
    assert len(MergeMap.of([("A", "B"), ("A", "B")])) == 1


@pytest.mark.parametrize(
    "pairs", [[("Ada", "Ada")], [("Ada", "Bob"), ("Bob", "Ada")], [("X", "Ada"), ("Ada", "Bob"), ("Bob", "Ada")]]
)
def test_a_circle_is_refused_and_nobody_is_named(pairs):
    with pytest.raises(ValueError, match="circle") as caught:
        MergeMap.of(pairs)
    assert "Ada" not in str(caught.value)
    assert "Bob" not in str(caught.value)


@pytest.mark.parametrize(
    ("pairs", "said"), [([("A", "B"), ("A", "C")], "into two"), ([("", "B")], "lacks"), ([("A", "")], "lacks")]
)
def test_what_cannot_be_true_is_refused(pairs, said):
    with pytest.raises(ValueError, match=said):
        MergeMap.of(pairs)


def test_a_long_chain_is_followed_without_recursion():
    assert MergeMap.of((str(n), str(n + 1)) for n in range(20_000)).resolve("0") == "20000"


MERGES = (Merges(name="merged patients", fields=("results.patient", "orders.patient"), records="merged"),)


def judged(maps, **rows):
    declaration = replace(results_have_orders(), merges=MERGES)
    collected = {item.name: Collected(declaration, item.name, maps) for item in declaration.records}
    for name, given in rows.items():
        for fields in given:
            collected[name].receive((0, tuple(fields[field] for field in declaration.fields_of(name))))
    return judge(declaration, collected, circumstances())


def test_a_patient_who_was_merged_is_the_same_and_is_counted():
    found = judged(
        {"merged patients": MergeMap.of([("old", "new")])},
        results=[result("7", "old"), result("8", "new")], orders=[order("7", "new"), order("8", "new")],
    )  # fmt: skip
    assert found.references[0].holds
    assert found.references[0].merged == 1


def test_one_who_was_not_merged_is_another():
    found = judged(
        {"merged patients": MergeMap.of([("old", "new")])},
        results=[result("7", "other")], orders=[order("7", "new")],
    )  # fmt: skip
    assert found.references[0].mismatched == 1


def test_merges_that_nobody_read_leave_it_not_judged():
    found = judged({}, results=[result("7", "old")], orders=[order("7", "new")])
    assert not found.references[0].judged
    assert found.references[0].reason.startswith("results: merges are not known: merged patients")
