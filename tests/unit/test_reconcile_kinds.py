"""What dangles, apart: lost, old, written otherwise, undated, excepted; and what each of them comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from drp.domain.reconciliation.collected import microseconds
from drp.domain.reconciliation.declaration import Identifier, Reconciliation
from drp.domain.reconciliation.digests import digest_of, shown_digest
from drp.domain.reconciliation.findings import findings_of
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.preparation import Circumstances, DeclaredList, KeyException
from drp.domain.reconciliation.result import Dangling, ReconciliationResult, Way
from tests.unit.test_reconcile import NOON, gather, order, place, result, results_have_orders, source

EVERY_TEN = [(minutes, f"{1000 + minutes // 10}") for minutes in range(-2000, 1, 10)]
ORDERS = [(at, order(number)) for at, number in EVERY_TEN]
RESULTS = [(at, result(number)) for at, number in EVERY_TEN]
TODAY = NOON.date()


def ehr_of(minutes: int | None, **known: object) -> Circumstances:
    """Return circumstances in which the EHR was restored as of so many minutes after noon."""
    restored = {} if minutes is None else {"ehr": microseconds(NOON + timedelta(minutes=minutes))}
    return Circumstances(today=TODAY, restored_at=restored, point_in_time=frozenset({"lis"}), **known)


def declared(**overrides: object) -> Reconciliation:
    return results_have_orders(**{"both_ways": False, "same": {}, **overrides})


def compared(
    declaration: Reconciliation, extra: object, circumstances: Circumstances, *, orders: object = ORDERS
) -> ReconciliationResult:
    """Compare the hospital's results and some more with its orders."""
    return judge(declaration, gather(declaration, results=[*RESULTS, *extra], orders=orders), circumstances)


def way_of(found: ReconciliationResult) -> Way:
    return found.references[0].ways[0]


def kinds(found: ReconciliationResult) -> dict[str, Dangling]:
    return {part.kind: part for part in way_of(found).kinds}


def said(declaration: Reconciliation, found: ReconciliationResult) -> set[tuple[str, str]]:
    return {(finding.code, finding.severity) for _, finding in findings_of(declaration, found)}


OLD = [(-9000 + at, result(f"2{at:03d}")) for at in range(12)]
FOREIGN = [(-9000 + at, result(f"EXT-{at:03d}")) for at in range(12)]
LOST = [(at, result(f"{1000 + at}")) for at in (10, 20, 30)]


@pytest.mark.parametrize("tolerate", [0, 3, 12, 20, 10**9])
@pytest.mark.parametrize("hidden_behind", [[], OLD, FOREIGN])
def test_no_tolerance_covers_what_is_newer_than_the_restored_state(hidden_behind, tolerate):
    declaration = declared(tolerate=tolerate)
    found = compared(declaration, [*hidden_behind, *LOST], ehr_of(0))
    assert ("DRP-A001", "critical") in said(declaration, found)
    recent = kinds(found)["recent"]
    assert (recent.count, recent.listed) == (3, ("1010", "1020", "1030"))
    assert found.agreement == "earlier"
    assert found.agreed_at == NOON + timedelta(minutes=10) - timedelta(microseconds=1)


def test_what_is_old_is_listed_newest_first_and_rolls_nothing_back():
    declaration = declared()
    found = compared(declaration, OLD, ehr_of(0))
    older = kinds(found)["older"]
    assert older.count == 12
    assert older.listed[:2] == ("2011", "2010")
    assert said(declaration, found) == {("DRP-A007", "critical")}
    assert (found.agreement, [state.advice for state in found.applications]) == ("as-restored", ["keep", "keep"])


def test_few_that_are_old_are_a_warning():
    declaration = declared(tolerate=12)
    assert said(declaration, compared(declaration, OLD, ehr_of(0))) == {("DRP-A002", "warning")}


def test_one_foreign_study_of_ten_days_ago_neither_fails_a_drill_nor_rolls_anything_back():
    declaration = declared()
    found = compared(declaration, [(-14400, result("EXT-1"))], ehr_of(0))
    assert said(declaration, found) == {("DRP-A008", "inconclusive")}
    assert (kinds(found)["strange"].forms, kinds(found)["strange"].forms_there) == (("AAA-0",), ("000", "0000"))
    assert [state.advice for state in found.applications] == ["keep", "keep"]


def test_a_prefix_that_an_upgrade_changed_is_no_loss_of_everything():
    declaration = declared()
    prefixed = [(at, result(f"LYO{number}")) for at, number in EVERY_TEN]
    found = judge(declaration, gather(declaration, results=prefixed, orders=ORDERS), ehr_of(0))
    assert said(declaration, found) == {("DRP-A008", "inconclusive")}
    assert found.agreement == "undetermined"


def test_old_keys_of_a_strange_form_within_the_tolerance_are_a_warning_and_new_ones_are_not():
    declaration = declared(tolerate=12)
    assert said(declaration, compared(declaration, FOREIGN, ehr_of(0))) == {("DRP-A002", "warning")}
    newer = compared(declaration, [(30, result("EXT-1"))], ehr_of(0))
    assert said(declaration, newer) == {("DRP-A008", "inconclusive")}


@pytest.mark.parametrize("at", [None, -1])
def test_no_strange_key_that_may_be_new_hides_among_old_ones(at):
    declaration = declared(tolerate=20)
    found = compared(declaration, [*FOREIGN, (at, result("EXT-999"))], ehr_of(0))
    assert (kinds(found)["strange"].count, kinds(found)["strange"].unsettled) == (13, 1)
    assert said(declaration, found) == {("DRP-A008", "inconclusive")}
    assert found.agreement == "undetermined"


def test_an_application_without_any_key_has_no_form_so_everything_was_lost():
    declaration = declared()
    found = judge(declaration, gather(declaration, results=RESULTS, orders=[]), ehr_of(-3000))
    assert said(declaration, found) >= {("DRP-A001", "critical")}
    assert kinds(found).keys() == {"recent"}


@pytest.mark.parametrize(("tolerate", "code"), [(0, "DRP-A001"), (1, "DRP-A009")])
def test_undated_keys_are_never_a_mere_warning(tolerate, code):
    declaration = declared(tolerate=tolerate)
    found = compared(declaration, [(None, result("7777"))], ehr_of(0))
    assert {each for each, _ in said(declaration, found)} == {code}
    assert found.agreement == "undetermined"


def test_the_border_is_the_older_of_restored_state_and_newest_record():
    declaration = declared()
    until = [(at, fields) for at, fields in ORDERS if at <= -100]
    found = judge(declaration, gather(declaration, results=RESULTS, orders=until), ehr_of(0))
    assert way_of(found).border_at == NOON - timedelta(minutes=100)
    assert kinds(found)["recent"].count == 10


def test_where_nobody_knows_a_border_everything_dated_may_have_been_lost():
    declaration = declared(tolerate=99)
    undated = [(None, fields) for _, fields in ORDERS]
    found = compared(declaration, OLD, ehr_of(None), orders=undated)
    assert way_of(found).border_at is None
    assert said(declaration, found) >= {("DRP-A001", "critical")}


def test_so_close_to_the_border_that_clocks_may_differ_nothing_is_old():
    declaration = declared(tolerate=5)
    assert kinds(compared(declaration, [(-1, result("1777"))], ehr_of(0))).keys() == {"recent"}
    assert kinds(compared(declaration, [(-3, result("1777"))], ehr_of(0))).keys() == {"older"}


def excepting(**overrides: object) -> KeyException:
    given = {"reference": "result has its order", "pattern": "EXT-*", "reason": "of other hospitals", "owner": "PACS"}
    return KeyException(**{**given, "expires": TODAY, **overrides})


def with_exceptions(*exceptions: KeyException, **overrides: object) -> Reconciliation:
    return replace(declared(**overrides), exceptions=exceptions)


def test_what_is_excepted_is_counted_and_no_fault():
    declaration = with_exceptions(excepting())
    found = compared(declaration, FOREIGN, ehr_of(0))
    way = way_of(found)
    assert (way.dangling, way.excepted, way.exceptions[0].count, way.exceptions[0].recent) == (0, 12, 12, 0)
    assert (way.exceptions[0].reason, way.exceptions[0].owner) == ("of other hospitals", "PACS")
    assert (said(declaration, found), found.agreement) == (set(), "as-restored")


def test_an_exception_that_expired_yesterday_no_longer_counts():
    declaration = with_exceptions(excepting(expires=TODAY - timedelta(days=1)))
    found = compared(declaration, FOREIGN, ehr_of(0))
    assert (way_of(found).excepted, way_of(found).exceptions[0].expired) == (0, True)
    assert said(declaration, found) == {("DRP-A008", "inconclusive"), ("DRP-A010", "warning")}


def test_an_exception_that_fits_nothing_is_told():
    declaration = with_exceptions(excepting(expires=date(2027, 6, 30)))
    assert said(declaration, compared(declaration, [], ehr_of(0))) == {("DRP-A010", "warning")}


def test_an_exception_hides_no_loss_behind_a_pattern_that_fits_keys_of_both():
    declaration = with_exceptions(excepting(pattern="1*"))
    found = compared(declaration, LOST, ehr_of(0))
    assert kinds(found)["recent"].count == 3
    assert said(declaration, found) >= {("DRP-A001", "critical"), ("DRP-A010", "warning")}


def test_where_every_key_is_excepted_nothing_was_compared():
    declaration = with_exceptions(excepting(pattern="*"))
    foreign = gather(declaration, results=FOREIGN, orders=[(0, order("7"))])
    found = judge(declaration, foreign, ehr_of(0))
    assert not found.references[0].judged
    assert said(declaration, found) == {("DRP-A005", "inconclusive")}


def test_a_list_excepts_just_what_it_names():
    listed = DeclaredList(path="/site/foreign.txt", sha256="0" * 64)
    declaration = with_exceptions(excepting(pattern="", listed=listed))
    keys = {"/site/foreign.txt": frozenset({"EXT-003", "EXT-004", "EXT-999"})}
    found = compared(declaration, FOREIGN, ehr_of(0, listed=keys))
    assert (way_of(found).excepted, way_of(found).dangling) == (2, 10)


@pytest.mark.parametrize(
    "hostile", ["\ud800" * 60, "EXT-\0\n1", "a\n" * 64, "*" * 128, "[" * 128, "\U0001f600", "٣٤٥٦"]
)
def test_hostile_keys_are_told_apart_and_shown_harmlessly(hostile):
    declaration = with_exceptions(excepting(pattern="*a*a*a*a*a*a*b"))
    found = compared(declaration, [(30, result(hostile)), (30, result("x" + hostile))], ehr_of(0))
    assert sum(part.count for part in kinds(found).values()) == 2
    shown = [text for part in kinds(found).values() for text in (*part.listed, *part.forms)]
    assert all(text.isprintable() for text in shown)
    matching = judge(
        declaration, gather(declaration, results=[(0, result(hostile))], orders=[(0, order(hostile))]), ehr_of(0)
    )
    assert matching.references[0].matched == 1


def test_harm_is_told_in_its_order():
    declaration = results_have_orders(both_ways=True)
    found = judge(
        declaration,
        gather(
            declaration,
            results=[(at, result(number, "P2" if at == -500 else "P1")) for at, number in EVERY_TEN]
            + [(30, result("1030", "P9")), (-9000, result("1999"))],
            orders=ORDERS,
        ),
        ehr_of(0),
    )
    told = [(harm.kind, harm.application, harm.recent, harm.listed) for harm in found.harm]
    assert told == [
        ("patient-mismatch", "lis", True, ("950",)),
        ("orphaned", "lis", True, ("1030",)),
        ("orphaned", "lis", False, ("1999",)),
        ("enter-again", "ehr", True, ("1030",)),
    ]
    whose = next(harm.patients for harm in found.harm if harm.kind == "enter-again")
    assert len(whose) == 1
    assert "P9" not in whose[0]


def test_of_numbers_that_come_again_it_is_said_whose_they_are():
    base = results_have_orders()
    declaration = replace(
        base,
        records=(*base.records, source("sequence", "ehr")),
        identifiers=(
            Identifier(name="orders", issued_by=place("sequence.next"), used_in=(place("results.order"),), bump=""),
        ),
    )
    rows = {
        "results": [(0, result("7", "A")), (1, result("8", "B"))],
        "orders": [(0, order("7", "A")), (1, order("8", "B"))],
    }
    found = judge(declaration, gather(declaration, **rows, sequence=[(None, {"next": "8"})]), ehr_of(9))
    (harm,) = found.harm
    assert (harm.kind, harm.application, harm.listed) == ("number-reissued", "ehr", ("8",))
    assert harm.patients == (shown_digest(digest_of(("B",))),)


def test_patients_that_agree_nowhere_are_told_so():
    declaration = results_have_orders(both_ways=False)
    zeros = [(at, result(number, "001")) for at, number in EVERY_TEN]
    ones = [(at, order(number, "1")) for at, number in EVERY_TEN]
    found = judge(declaration, gather(declaration, results=zeros, orders=ones), ehr_of(0))
    ((_, finding),) = findings_of(declaration, found)
    assert (finding.code, "the same on none of 201 keys" in finding.observed) == ("DRP-A003", True)


def test_where_results_wait_all_day_long_the_instant_before_the_loss_is_named():
    declaration = declared(both_ways=True)
    waiting = [(at - 15, fields) for at, fields in ORDERS]
    found = compared(declaration, [(30, result("1777"))], ehr_of(0), orders=waiting)
    assert found.agreed_at == NOON + timedelta(minutes=30) - timedelta(microseconds=1)
