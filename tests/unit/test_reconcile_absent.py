"""Absent is not equal: what neither application says of a key was not compared."""

from __future__ import annotations

import pytest

from drp.domain.reconciliation.findings import findings_of
from tests.unit.test_reconcile import order, result, result_of, results_have_orders


@pytest.mark.parametrize("nothing", ["", " ", "\t"])
def test_absent_on_both_sides_is_not_the_same(nothing):
    found = result_of(results_have_orders(), results=[(1, result("7", nothing))], orders=[(0, order("7", ""))])
    (reference,) = found.references
    assert (reference.judged, reference.holds, reference.uncompared, reference.mismatched) == (False, False, 1, 0)
    assert "patient is on neither side for 1 of 1 keys" in reference.reason
    (attributed,) = findings_of(results_have_orders(), found)
    assert attributed[1].severity == "inconclusive"


def test_absent_on_one_side_is_another_patient():
    found = result_of(results_have_orders(), results=[(1, result("7", ""))], orders=[(0, order("7"))])
    (reference,) = found.references
    assert (reference.judged, reference.mismatched, reference.uncompared) == (True, 1, 0)


def test_one_key_without_a_patient_is_said_beside_those_that_have_one():
    found = result_of(
        results_have_orders(),
        results=[(1, result("7")), (1, result("8", ""))],
        orders=[(0, order("7")), (0, order("8", ""))],
    )
    assert "for 1 of 2 keys" in found.references[0].reason


def test_what_was_not_compared_hides_no_mismatch():
    declaration = results_have_orders()
    found = result_of(
        declaration,
        results=[(1, result("7", "P2")), (1, result("8", ""))],
        orders=[(0, order("7")), (0, order("8", ""))],
    )
    assert (found.references[0].judged, found.references[0].mismatched) == (True, 1)
    severities = {finding.severity for _, finding in findings_of(declaration, found)}
    assert severities == {"critical", "inconclusive"}


def test_of_several_fields_each_must_be_on_some_side():
    declaration = results_have_orders(same={"patient": "patient", "sex": "sex"})
    rows = {"results": [(1, {**result("7"), "sex": ""})], "orders": [(0, {**order("7"), "sex": ""})]}
    assert result_of(declaration, **rows).references[0].uncompared == 1
    rows["orders"][0][1]["sex"] = rows["results"][0][1]["sex"] = "F"
    assert result_of(declaration, **rows).references[0].holds
