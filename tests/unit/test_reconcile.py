"""Records in, judgement out: what dangles, whose it is, which numbers come again, and when all agreed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.reconciliation.collected import Collected, microseconds
from drp.domain.reconciliation.declaration import FieldOf, Identifier, Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.findings import findings_of
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.result import ReconciliationResult
from tests.support.circumstances import rolling

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def source(name: str, application: str) -> RecordSource:
    return RecordSource(name=name, application=application, reader="sim")


def place(text: str) -> FieldOf:
    records, _, field = text.partition(".")
    return FieldOf(records=records, field=field)


def results_have_orders(**overrides: object) -> Reconciliation:
    given = {"name": "result has its order", "source": place("results.order"), "target": place("orders.number")}
    return Reconciliation(
        records=(source("results", "lis"), source("orders", "ehr")),
        references=(Reference(**{**given, "both_ways": True, "same": {"patient": "patient"}, **overrides}),),
    )


def gather(declaration: Reconciliation, **sets: object) -> dict[str, Collected]:
    """Sets by name: rows of (minutes after noon or None, fields), or the trouble."""
    collected = {item.name: Collected(declaration, item.name) for item in declaration.records}
    for name, rows in sets.items():
        if isinstance(rows, str):
            collected[name].trouble = rows
            continue
        for minutes, fields in rows:
            at = None if minutes is None else microseconds(NOON + timedelta(minutes=minutes))
            collected[name].receive((at, tuple(fields[field] for field in declaration.fields_of(name))))
    return collected


def result_of(declaration: Reconciliation, *, rolls: tuple[str, ...] = (), **sets: object) -> ReconciliationResult:
    return judge(declaration, gather(declaration, **sets), rolling(*rolls))


def order(number: str, patient: str = "P1") -> dict[str, str]:
    return {"number": number, "patient": patient}


def result(number: str, patient: str = "P1") -> dict[str, str]:
    return {"order": number, "patient": patient}


def codes(declaration: Reconciliation, found: ReconciliationResult) -> set[tuple[str, str]]:
    return {(name, finding.code) for name, finding in findings_of(declaration, found)}


def test_applications_that_agree_give_nothing_to_say():
    declaration = results_have_orders()
    found = result_of(declaration, results=[(1, result("7"))], orders=[(0, order("7"))])
    assert found.references[0].holds
    assert found.references[0].matched == 1
    assert found.agreement == "as-restored"
    assert not findings_of(declaration, found)


def test_a_result_without_its_order_dangles_in_the_application_that_lacks_the_order():
    declaration = results_have_orders(both_ways=False)
    found = result_of(
        declaration,
        rolls=("lis",),
        results=[(1, result("7")), (9, result("8"))],
        orders=[(0, order("7")), (2, order("9"))],
    )
    (way,) = found.references[0].ways
    assert (way.holder, way.lacking, way.keys, way.dangling, way.listed) == ("lis", "ehr", 2, 1, ("8",))
    assert way.oldest_at == way.newest_at == NOON + timedelta(minutes=9)
    assert found.agreement == "earlier"
    assert found.agreed_at == NOON + timedelta(minutes=9) - timedelta(microseconds=1)
    lis, ehr = found.applications
    assert (lis.advice, lis.after) == ("roll-back", 1)
    assert (ehr.advice, ehr.after) == ("keep", 0)
    assert codes(declaration, found) == {("ehr", "DRP-A001"), ("lis", "DRP-A006"), ("ehr", "DRP-A006")}


def test_an_application_that_cannot_be_rolled_is_ahead():
    found = result_of(results_have_orders(), results=[(1, result("7")), (9, result("8"))], orders=[(0, order("7"))])
    assert [state.advice for state in found.applications] == ["ahead", "keep"]


def test_both_ways_names_orders_whose_result_is_lost():
    declaration = results_have_orders()
    found = result_of(declaration, results=[(1, result("7"))], orders=[(0, order("7")), (5, order("8"))])
    assert found.references[0].ways[1].listed == ("8",)
    assert ("lis", "DRP-A001") in codes(declaration, found)


@pytest.mark.parametrize(("tolerate", "code"), [(0, "DRP-A007"), (1, "DRP-A002")])
def test_what_the_hospital_tolerates_is_a_warning_and_never_what_is_newer_than_the_restored_state(tolerate, code):
    declaration = results_have_orders(tolerate=tolerate)
    orders = [(0, order("7")), (20, order("9"))]
    old = [(1, result("7")), (9, result("8")), (21, result("9"))]
    found = result_of(declaration, results=old, orders=orders)
    assert codes(declaration, found) == {("ehr", code)}
    assert found.agreement == "as-restored"
    new = result_of(declaration, results=[(1, result("7")), (21, result("9")), (22, result("8"))], orders=orders)
    assert ("ehr", "DRP-A001") in codes(declaration, new)
    assert new.agreement == "earlier"


def test_a_result_of_another_patient_is_named_by_key_and_never_by_patient():
    declaration = results_have_orders()
    found = result_of(declaration, results=[(1, result("7", "Grace"))], orders=[(0, order("7", "Ada"))])
    assert found.references[0].mismatched == 1
    (text,) = found.references[0].mismatches
    assert text.startswith("7: ")
    assert "Ada" not in text
    assert "Grace" not in text
    assert codes(declaration, found) == {("lis", "DRP-A003")}


def test_one_key_of_two_patients_is_a_mismatch_whatever_the_other_side_says():
    found = result_of(
        results_have_orders(), results=[(1, result("7", "A"))], orders=[(0, order("7", "A")), (0, order("7", "B"))]
    )
    assert found.references[0].mismatches == ("7: belongs to several in orders",)


@pytest.mark.parametrize(("required", "dangling"), [(False, 0), (True, 2)])
def test_records_without_a_key_dangle_only_where_a_key_is_required(required, dangling):
    found = result_of(
        results_have_orders(both_ways=False, required=required, same={}),
        results=[(1, result("7")), (2, result("")), (3, result(""))],
        orders=[(0, order("7"))],
    )
    assert found.references[0].ways[0].dangling == dangling


def test_a_key_that_identifies_a_patient_is_shown_by_its_digest():
    found = result_of(
        results_have_orders(personal=True, same={}), results=[(1, result("PAT000003"))], orders=[(0, order("7"))]
    )
    shown = [key for way in found.references[0].ways for key in way.listed]
    assert all(key.startswith("sha256:") and len(key) == 19 for key in shown)


@pytest.mark.parametrize(
    "sets",
    [
        {"results": "the server did not answer", "orders": [(0, order("7"))]},
        {"results": [(0, result("7"))], "orders": "more than 5 records"},
        {"results": [], "orders": [(0, order("7"))]},
        {"results": [(0, result("7"))], "orders": []},
    ],
)
def test_what_was_not_read_or_is_not_there_is_not_judged(sets):
    declaration = results_have_orders()
    found = result_of(declaration, **sets)
    assert not found.references[0].judged
    assert found.agreement == "undetermined"
    assert {code for _, code in codes(declaration, found)} == {"DRP-A005"}


def test_every_application_whose_records_are_missing_is_named():
    declaration = results_have_orders()
    found = result_of(declaration, results="lis is not up", orders="ehr is not up")
    assert codes(declaration, found) == {("lis", "DRP-A005"), ("ehr", "DRP-A005")}


@pytest.mark.parametrize(("tolerate", "code"), [(0, "DRP-A001"), (1, "DRP-A009")])
def test_of_records_without_an_instant_nobody_can_tell_whether_they_were_lost(tolerate, code):
    declaration = results_have_orders(both_ways=False, tolerate=tolerate)
    found = result_of(declaration, results=[(None, result("7")), (3, result("8"))], orders=[(3, order("8"))])
    assert found.agreement == "undetermined"
    assert found.agreed_at is None
    assert codes(declaration, found) == {("ehr", code)}


def test_hostile_keys_are_shown_harmlessly():
    found = result_of(
        results_have_orders(both_ways=False, same={}),
        results=[(1, result("\x1b[2J\u202e" + "x" * 500))],
        orders=[(0, order("7"))],
    )
    (shown,) = found.references[0].ways[0].listed
    assert shown.isprintable()
    assert len(shown) < 80


def numbers(**overrides: object) -> Reconciliation:
    given = {"name": "accession numbers", "issued_by": place("sequence.next"), "used_in": (place("studies.accession"),)}
    return Reconciliation(
        records=(source("sequence", "ehr"), source("studies", "pacs")),
        identifiers=(Identifier(**{**given, "bump": "RESTART WITH {next}", **overrides}),),
    )


def studies(*accessions: str) -> list[tuple[int, dict[str, str]]]:
    return [(0, {"accession": accession}) for accession in accessions]


def test_a_number_in_use_elsewhere_would_be_issued_again():
    declaration = numbers()
    found = result_of(declaration, sequence=[(None, {"next": "13"})], studies=studies("012", "013", "015", "x", ""))
    (item,) = found.identifiers
    assert (item.next, item.highest, item.highest_in, item.reissued) == (13, 15, "pacs", 2)
    assert item.listed == ("13", "15")
    assert item.bump == "RESTART WITH 16"
    ((name, finding),) = findings_of(declaration, found)
    assert (name, finding.code) == ("ehr", "DRP-A004")
    assert "RESTART WITH 16" in finding.remedy


@pytest.mark.parametrize("following", ["16", "IMG16"])
def test_a_sequence_that_is_ahead_is_right(following):
    declaration = numbers(prefix="IMG" if following.startswith("IMG") else "")
    used = studies("15", "IMG15", "OLD99", "IMG-3", "9" * 30)
    found = result_of(declaration, sequence=[(None, {"next": following})], studies=used)
    assert found.identifiers[0].judged
    assert found.identifiers[0].reissued == 0
    assert found.identifiers[0].highest == 15
    assert not findings_of(declaration, found)


def test_numbers_of_another_range_do_not_count():
    found = result_of(numbers(below=1000), sequence=[(None, {"next": "16"})], studies=studies("15", "990000017"))
    assert found.identifiers[0].highest == 15


@pytest.mark.parametrize("rows", [[], [(None, {"next": "1"}), (None, {"next": "2"})], [(None, {"next": "soon"})]])
def test_an_unclear_next_number_is_not_judged(rows):
    declaration = numbers()
    found = result_of(declaration, sequence=rows, studies=studies("15"))
    assert not found.identifiers[0].judged
    assert codes(declaration, found) == {("ehr", "DRP-A005")}


@pytest.mark.parametrize(
    ("overrides", "used"),
    [({}, []), ({}, ["", "x"]), ({"prefix": "IMG"}, ["15", "16"]), ({"below": 10}, ["15"])],
)
def test_where_no_such_number_is_in_use_nothing_was_compared(overrides, used):
    declaration = numbers(**overrides)
    found = result_of(declaration, sequence=[(None, {"next": "7"})], studies=studies(*used))
    (item,) = found.identifiers
    assert (item.judged, item.reissued) == (False, 0)
    assert item.reason == "studies: no accession is such a number, so nothing was compared"
    assert codes(declaration, found) == {("ehr", "DRP-A005")}


def test_one_place_without_such_numbers_hides_nothing_of_the_others():
    places = (place("studies.accession"), place("orders.accession"))
    declaration = replace(
        numbers(used_in=places), records=(source("sequence", "ehr"), source("studies", "pacs"), source("orders", "ehr"))
    )
    found = result_of(declaration, sequence=[(None, {"next": "7"})], studies=studies("15"), orders=studies("x"))
    (item,) = found.identifiers
    assert (item.judged, item.reissued, item.highest) == (False, 1, 15)
    assert codes(declaration, found) == {("ehr", "DRP-A004"), ("ehr", "DRP-A005")}


def test_of_fewer_applications_only_what_lies_between_them_is_compared():
    both = Reconciliation(
        records=(*results_have_orders().records, *numbers().records),
        references=results_have_orders().references,
        identifiers=numbers().identifiers,
    )
    assert both.among({"ehr", "lis", "pacs"}) == both
    narrowed = both.among({"ehr", "lis"})
    assert narrowed is not None
    assert not narrowed.identifiers
    assert {item.name for item in narrowed.records} == {"results", "orders"}
    assert both.among({"lis", "pacs"}) is None


def test_an_issuer_that_was_not_read_to_its_end_tells_no_next_number():
    declaration = numbers()
    collected = gather(declaration, sequence=[(None, {"next": "7"})], studies=studies("15"))
    collected["sequence"].trouble = "the reader stopped"
    found = judge(declaration, collected, rolling())
    assert (found.identifiers[0].judged, found.identifiers[0].next, found.identifiers[0].reissued) == (False, None, 0)
    assert codes(declaration, found) == {("ehr", "DRP-A005")}
