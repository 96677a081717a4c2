"""The key `reconciliation` of a drill file: what it becomes, and every mistake at its place."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from drp.cli.reconciliation_views import plan_lines
from drp.config.lists import lines_of
from drp.config.site import check_site, load_site
from drp.domain.reconciliation.declaration import FieldOf
from drp.errors import ConfigError
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


RICH = (
    GOOD.replace(
        "select patient from letter}}",
        """select patient from letter}, where: [{field: state, not: [draft]}, {field: patient, like: "P*"}],
      normalise: {patient: {case: upper, prefix: [LYO], regex: [{pattern: '^([0-9]+)X$', by: '\\1'}], zeros: strip}}}""",
    )
    + """\
  merges: [{name: merged, file: merged.csv, fields: [letters.patient]}]
  exceptions:
    - {reference: letters have a patient, pattern: "EXT-*", reason: other hospitals, owner: PACS team, expires: 2027-06-30}
    - {reference: letters have a patient, file: foreign.txt, reason: old imports, owner: EHR team, expires: "2027-06-30"}
"""
)


def rich(tmp_path: Path, text: str = RICH, **lists: bytes) -> Path:
    folder = site(tmp_path, text)
    for name, content in {"merged.csv": b"P1,P2\n", "foreign.txt": b"# of others\nA1\n\nB2\n", **lists}.items():
        (folder / name).write_bytes(content)
    return folder


def test_how_records_are_made_comparable_becomes_part_of_the_plan(tmp_path: Path) -> None:
    folder = rich(tmp_path)
    found = load_site(folder).plan("hospital").reconciliation
    assert found is not None
    letters = found.records[0]
    assert [(each.field, each.differs, each.like) for each in letters.where] == [
        ("state", ("draft",), ""),
        ("patient", (), "P*"),
    ]
    assert letters.normalise["patient"].remove_prefixes == ("LYO",)
    (merged,) = found.merges
    assert merged.listed is not None
    assert merged.listed.sha256 == hashlib.sha256(b"P1,P2\n").hexdigest()
    told = list(plan_lines(found))
    assert "    except EXT-*: other hospitals (PACS team, until 2027-06-30)" in told
    assert "  letters: 2 conditions; patient in a declared form" in told
    assert f"  merged: from {folder}/merged.csv, in letters.patient" in told
    pattern, listed = found.exceptions
    assert (pattern.name, pattern.expires) == ("EXT-*", date(2027, 6, 30))
    assert listed.listed is not None
    assert lines_of(listed.listed) == ("A1", "B2")
    (folder / "foreign.txt").write_bytes(b"A1\nB2\nC3\n")
    with pytest.raises(ConfigError, match="another file than the plan was made with"):
        lines_of(listed.listed)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{field: state, not: [draft]}", "{field: state}", "asks nothing"),
        ("'^([0-9]+)X$'", "'(?=a)b'", "is no regular expression of RE2"),
        ("by: '\\1'", "by: '\\2'", "no group"),
        (
            "normalise: {patient: {",
            "normalise: {patiant: {",
            "nothing compares `letters.patiant`; did you mean `patient`?",
        ),
        ("merged.csv, fields: [letters.patient]", "merged.csv, fields: [letters.patiant]", "did you mean `patient`?"),
        ("file: merged.csv", "file: ../merged.csv", "lies outside of the site"),
        ("file: foreign.txt", "file: /etc/hostname", "lies outside of the site"),
        ("file: merged.csv", "file: gone.csv", "gone.csv cannot be read"),
        ("file: merged.csv", "records: patients, file: merged.csv", "say either `file` or `records`"),
        ("file: merged.csv, fields: [letters.patient]", "records: letters, fields: [letters.patient]", "tells merges"),
        ("file: merged.csv", "records: nowhere", "there are no records `nowhere`"),
        (
            "merges: [",
            "merges: [{name: merged, records: patients, fields: [letters.patient]}, ",
            "stands above already",
        ),
        ("{reference: letters have a patient, pattern", "{reference: leters have a patient, pattern", "did you mean"),
        ("owner: PACS team, ", "", "owner"),
        ("expires: 2027-06-30", "expires: soon", "expires"),
        ('pattern: "EXT-*", ', "", "say either `pattern` or `file`"),
    ],
)
def test_mistakes_in_it_are_told_at_their_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in RICH
    problems = check_site(rich(tmp_path, RICH.replace(old, new, 1)))
    assert any(said in str(problem) for problem in problems), [str(problem) for problem in problems]


def test_old_values_of_one_field_may_be_told_in_two_places(tmp_path: Path) -> None:
    """Temporary names by a list, merged patients by the application itself."""
    second = "merges: [{name: temporary, records: patients, fields: [letters.patient]}, "
    assert not check_site(rich(tmp_path, RICH.replace("merges: [", second, 1)))


def test_an_exception_that_counts_no_more_is_told_before_the_drill(tmp_path: Path) -> None:
    def told(expires: str) -> list[str]:
        text = RICH.replace("expires: 2027-06-30", f"expires: {expires}", 1)
        return [line for line in load_site(rich(tmp_path / expires, text)).advice() if "EXT-*" in line]

    (line,) = told("2019-12-31")
    assert line.startswith(
        "inventory/drills/hospital.yml: reconciliation: the exception EXT-* of `letters have a patient`"
    )
    assert line.endswith("expired on 2019-12-31, and counts no more: ask PACS team")
    assert told("9999-12-31") == []


def test_a_list_that_is_no_text_is_told(tmp_path: Path) -> None:
    problems = check_site(rich(tmp_path, **{"foreign.txt": b"\xff\xfe"}))
    assert any("is no text in UTF-8" in str(problem) for problem in problems)
