"""The key `reconciliation` of a drill file: what it becomes, and every mistake at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.cli.reconciliation_views import plan_lines
from drp.config.site import check_site, load_site
from drp.domain.reconciliation.declaration import FieldOf
from tests.support.reconciling import DECLARATION, declaration
from tests.support.sites import DRILL, write_site

GOOD = """\
reconciliation:
  records:
    letters: {application: documents, reader: sqlite, options: {path: index, query: select patient from letter}}
    patients:
      application: ehr
      reader: postgres
      assume_utc: true
      timeout: 2m
      options: {database: ehr, query: select id from patient}
    following: {application: ehr, reader: postgres, options: {database: ehr, query: select 1 as next}}
  references:
    - {name: letters have a patient, from: letters.patient, to: patients.id, both_ways: true, same: {a: b}, tolerate: 3}
  identifiers:
    - {name: patient ids, issued_by: following.next, used_in: [letters.patient], prefix: P, bump: "RESTART {next}"}
"""


def site(tmp_path: Path, text: str) -> Path:
    return write_site(tmp_path, {"inventory/drills/hospital.yml": DRILL + text})


def test_it_becomes_part_of_the_plan(tmp_path: Path) -> None:
    loaded = load_site(site(tmp_path, GOOD))
    found = loaded.plan("hospital").reconciliation
    assert found is not None
    assert [source.name for source in found.records] == ["letters", "patients", "following"]
    assert found.references[0].source == FieldOf(records="letters", field="patient")
    assert found.references[0].tolerate == 3
    assert found.fields_of("letters") == ("a", "patient")
    assert found.identifiers[0].bump == "RESTART {next}"
    assert loaded.plan("hospital", applications=("ehr",)).reconciliation is None
    assert loaded.ad_hoc_plan("ehr").reconciliation is None
    assert "  letters have a patient: letters.patient in patients.id and back, same a, tolerates 3" in list(
        plan_lines(found)
    )
    assert load_site(write_site(tmp_path / "without")).plan("hospital").reconciliation is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "application: documents",
            "application: lis",
            "6:28: reconciliation.records.letters.application: the drill does not",
        ),
        ("reader: sqlite", "reader: sqlit", "did you mean `sqlite`?"),
        ("from: letters.patient", "from: leters.patient", "there are no records `leters`; did you mean `letters`?"),
        ("to: patients.id", "to: patients", "must be a field of a set of records, such as lis-results.order"),
        ("to: patients.id", "to: letters.patient", "refers to itself"),
        ("to: patients.id", "to: letters.other", "stays within one set"),
        ("to: patients.id", "too: patients.id", "unknown key; did you mean `to`?"),
        ("issued_by: following.next", "issued_by: next.next", "there are no records `next`"),
        ("used_in: [letters.patient]", "used_in: []", "too few"),
        ("tolerate: 3", "tolerate: -1", "reconciliation.references[0].tolerate"),
        ("name: patient ids", "name: letters have a patient", "stands above already"),
        ("timeout: 2m", "timeout: 2", "has no unit"),
    ],
)
def test_every_mistake_is_told_at_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    problems = check_site(site(tmp_path, GOOD.replace(old, new, 1)))
    assert any(said in str(problem) for problem in problems), [str(problem) for problem in problems]
    assert all(problem.file == "inventory/drills/hospital.yml" for problem in problems)
    assert all(problem.position.line > 3 for problem in problems)


def test_to_compare_nothing_is_a_mistake(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("  references:")]
    assert any("compares nothing" in str(problem) for problem in check_site(site(tmp_path, text)))


def test_the_hospitals_declaration_is_valid() -> None:
    declared = declaration()
    assert {source.application for source in declared.records} == {"ehr", "lis", "pacs"}
    assert len(declared.references) == 6
    assert DECLARATION.read_text().startswith("# What must agree")
