"""Merged patients: one stands for the other through whole chains, and what cannot be true is refused."""

from __future__ import annotations

import pytest

from drp.domain.reconciliation.collected import Collected
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.merges import MergeMap
from tests.support.circumstances import rolling
from tests.unit.test_reconcile import order, result, results_have_orders


def test_a_chain_is_followed_to_its_end_in_whatever_order_it_was_read():
    merged = MergeMap.of([("C", "D"), ("A", "B"), ("B", "C"), ("X", "D")])
    assert [merged.resolve(each) for each in "ABCDXY"] == ["D", "D", "D", "D", "D", "Y"]
    assert len(merged) == 4


def test_who_was_merged_into_himself_is_himself():
    merged = MergeMap.of([("A", "A"), ("B", "A")])
    assert (merged.resolve("A"), merged.resolve("B"), len(merged)) == ("A", "A", 1)


def test_what_is_said_twice_is_said_once():
    assert len(MergeMap.of([("A", "B"), ("A", "B")])) == 1


@pytest.mark.parametrize("pairs", [[("Ada", "Bob"), ("Bob", "Ada")], [("X", "Ada"), ("Ada", "Bob"), ("Bob", "Ada")]])
def test_a_circle_is_refused_and_nobody_is_named(pairs):
    with pytest.raises(ValueError, match="circle") as caught:
        MergeMap.of(pairs)
    assert "Ada" not in str(caught.value)
    assert "Bob" not in str(caught.value)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [([("A", "B"), ("A", "C")], "into two"), ([("", "B")], "names nothing"), ([("A", "")], "names nothing")],
)
def test_what_cannot_be_true_is_refused(pairs, said):
    with pytest.raises(ValueError, match=said):
        MergeMap.of(pairs)


def test_a_long_chain_is_followed_without_recursion():
    assert MergeMap.of((str(n), str(n + 1)) for n in range(20_000)).resolve("0") == "20000"


def judged(merged, **rows):
    declaration = results_have_orders()
    collected = {item.name: Collected(declaration, item.name, merged) for item in declaration.records}
    for name, given in rows.items():
        for fields in given:
            collected[name].receive((0, tuple(fields[field] for field in declaration.fields_of(name))))
    return judge(declaration, collected, rolling()).references[0]


OLD_IS_NEW = MergeMap.of([("old", "new")])


def test_a_patient_who_was_merged_is_the_same_whichever_side_keeps_the_old_number_and_is_counted():
    found = judged(
        {"results.patient": OLD_IS_NEW, "orders.patient": OLD_IS_NEW},
        results=[result("7", "old"), result("8", "new")], orders=[order("7", "new"), order("8", "old")],
    )  # fmt: skip
    assert found.holds
    assert found.merged == 2


def test_records_under_both_numbers_of_one_patient_are_of_one():
    found = judged(
        {"orders.patient": OLD_IS_NEW},
        results=[result("7", "new")], orders=[order("7", "new"), order("7", "old")],
    )  # fmt: skip
    assert found.holds


def test_one_who_was_not_merged_is_another():
    merged = {"results.patient": OLD_IS_NEW, "orders.patient": OLD_IS_NEW}
    assert judged(merged, results=[result("7", "other")], orders=[order("7", "new")]).mismatched == 1


def test_merges_of_one_field_change_no_other():
    merged = {"orders.patient": OLD_IS_NEW}
    assert judged(merged, results=[result("7", "old")], orders=[order("7", "new")]).mismatched == 1
    assert judged(merged, results=[result("old", "P")], orders=[order("old", "P")]).holds


def test_a_key_that_was_merged_is_found_under_the_one_that_stands_for_it():
    found = judged({"results.order": OLD_IS_NEW}, results=[result("old")], orders=[order("new")])
    assert (found.matched, found.merged, found.holds) == (1, 1, True)
