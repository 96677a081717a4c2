"""What `inventory/README.md` declares of a real hospital is valid as it stands there, and does what is said beside it."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from drp.config.document import read_document
from drp.config.schema_reconciliation import ReconciliationFile, reconciliation
from drp.config.site import check_site
from drp.config.validate import validate
from drp.domain.reconciliation.declaration import Reconciliation, RecordSource
from drp.verifiers.preparing import Preparation
from tests.support.sites import DRILL, write_site

README = (Path(__file__).resolve().parents[2] / "inventory" / "README.md").read_text(encoding="utf-8")


def declared_there() -> str:
    (section,) = README.split("### In a real hospital\n")[1:]
    (block,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    return str(block)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = declared_there().replace("application: pacs", "application: documents")
    made = write_site(tmp_path, {"inventory/drills/hospital.yml": DRILL + text})
    (made / "temporary.csv").write_text("TMP-1,7\n", encoding="utf-8")
    (made / "foreign.txt").write_text("5000001\n", encoding="utf-8")
    return made


def test_it_is_valid_as_it_stands_there(folder: Path):
    assert not [str(problem) for problem in check_site(folder)]


def test_it_is_refused_without_the_lists_that_it_names(folder: Path):
    (folder / "temporary.csv").unlink()
    assert any("temporary.csv cannot be read" in str(problem) for problem in check_site(folder))


def declaration(folder: Path) -> Reconciliation:
    text = declared_there().partition("\n")[2]
    file = folder / "only.yml"
    file.write_text(re.sub(r"^  ", "", text, flags=re.MULTILINE), encoding="utf-8")
    said, problems = validate(read_document(file, file.name), ReconciliationFile)
    assert said is not None, [str(problem) for problem in problems]
    return reconciliation(said, folder)


def prepared(source: RecordSource, **values: str) -> tuple[str, ...] | None:
    preparation = Preparation(source, ("accession", "patient"))
    return preparation.prepared(tuple(values.get(field, "") for field in preparation.fields))


def test_records_of_both_sides_get_one_form(folder: Path):
    orders, studies, merged = declaration(folder).records
    order = prepared(orders, accession="0001000", patient="P0000007", status="performed")
    assert order == ("1000", "7")
    for accession in ("LYO1000", "lyo1000", "0001000", "_LYO1000_"):
        for patient in ("7", "p7", "P0000007", "0000007^^^CHU"):
            assert prepared(studies, accession=accession, patient=patient) == order
    assert prepared(studies, accession="EXT-1", patient="X1") == ("EXT-1", "X1")
    assert merged.normalise["old"].zeros == "strip"


@pytest.mark.parametrize("left_out", [{"status": "draft"}, {"status": "cancelled"}, {"patient": "TEST001"}])
def test_what_does_not_count_is_left_out(folder: Path, left_out: dict[str, str]):
    values = {"accession": "1", "patient": "P1", "status": "ordered"}
    assert prepared(declaration(folder).records[0], **values) is not None
    assert prepared(declaration(folder).records[0], **{**values, **left_out}) is None


def test_merges_and_exceptions_are_the_plans(folder: Path):
    found = declaration(folder)
    assert [merge.name for merge in found.merges] == ["merged patients", "temporary identities"]
    assert {exception.expires for exception in found.exceptions} == {date(2027, 6, 30)}
    assert [exception.listed is None for exception in found.exceptions] == [True, False]
