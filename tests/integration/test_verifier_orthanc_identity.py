"""Whose the images of a PACS are: its files beside its index, of an Orthanc that was stopped. Every digest is sound."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import drp_verifiers
from drp.domain.check import CheckResult, Expectation
from drp_verifiers.orthanc import OrthancOptions
from drp_verifiers.orthanc_files import stored_files
from drp_verifiers.parts_orthanc import PARTS
from tests.hospital import dicom
from tests.hospital.orthanc import Orthanc
from tests.hospital.processes import Namespace
from tests.simulators.target import LocalTarget
from tests.support.scratch import roomy, scratch

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

PAYLOAD = Path(drp_verifiers.__file__).parent / "payload"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SWAP = """
    UPDATE {table} SET value = CASE value WHEN '{a}' THEN '{b}' ELSE '{a}' END
    WHERE tagGroup = {group} AND tagElement = {element} AND value IN ('{a}', '{b}')
"""


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "compressed"])
def stored(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Three patients with two images each, as Orthanc keeps them."""
    namespace = Namespace()
    namespace.create()
    with scratch("drp-identity", roomy(1 << 28)) as folder:
        pacs = Orthanc(folder / "pacs", "127.0.0.1", namespace)
        try:
            pacs.create()
            settings = json.loads(pacs.configuration.read_text())
            pacs.configuration.write_text(json.dumps({**settings, "StorageCompression": request.param}))
            pacs.start()
            for number in range(3):
                study, series = dicom.new_uid(), dicom.new_uid()
                for slice_number in (1, 2):
                    image = dicom.Image(
                        f"P{number}", f"DOE{number}^J", f"A{number}", study, series, slice_number, NOW, 16
                    )
                    pacs.client().upload(dicom.instance(image))
            pacs.stop()
            yield pacs.storage
        finally:
            pacs.kill()
            namespace.destroy()


def verify(storage: Path, command: tuple[str, ...] = ()) -> dict[str, CheckResult]:
    expectation = Expectation(disaster_at=NOW, consistent_at=NOW, timeout_seconds=60)
    options = OrthancOptions(storage=str(storage), index_command=command)
    answers = stored_files(LocalTarget(user="root"), options, expectation)
    return {answer.check: answer for answer in answers if isinstance(answer, CheckResult)}


@pytest.fixture
def copy(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "storage"))


def change(storage: Path, *statements: str) -> None:
    connection = sqlite3.connect(storage / "index")
    connection.create_function("SignalFileDeleted", -1, lambda *_: None)  # a trigger of Orthanc calls it
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_sound_index_says_whose_the_images_are(copy: Path) -> None:
    results = verify(copy)
    sound = {"index-identities", "index-tags", "index-lookups", "index-images", "stored-files", "index-integrity"}
    assert {check for check, result in results.items() if result.outcome == "passed"} == sound, results
    assert results["index-identities"].observed == "6 are"


@pytest.mark.parametrize(
    ("table", "tag", "values", "caught_by"),
    [
        ("MainDicomTags", (16, 32), ("P0", "P1"), {"index-identities", "index-lookups"}),
        ("DicomIdentifiers", (16, 32), ("P0", "P1"), {"index-lookups"}),
        ("MainDicomTags", (16, 16), ("DOE0^J", "DOE1^J"), {"index-tags", "index-lookups"}),
        ("MainDicomTags", (8, 80), ("A0", "A1"), {"index-tags", "index-lookups"}),
    ],
)
def test_two_patients_swapped_in_the_index_are_caught(
    copy: Path, table: str, tag: tuple[int, int], values: tuple[str, str], caught_by: set[str]
) -> None:
    change(copy, SWAP.format(table=table, group=tag[0], element=tag[1], a=values[0], b=values[1]))
    results = verify(copy)
    assert {check for check, result in results.items() if result.outcome == "failed"} == caught_by, results
    assert not any(value in result.observed for value in values for result in results.values()), "no patient's data"


def test_patients_swapped_wherever_the_index_has_them_are_caught(copy: Path) -> None:
    change(copy, *(SWAP.format(table=table, group=16, element=32, a="P0", b="P1")
                   for table in ("MainDicomTags", "DicomIdentifiers")))  # fmt: skip
    results = verify(copy)
    assert {check for check, result in results.items() if result.outcome == "failed"} == {"index-identities"}
    assert results["index-identities"].observed.startswith("4 of 6 are not")


def test_an_instance_without_its_image_is_caught(copy: Path) -> None:
    change(copy, "DELETE FROM AttachedFiles WHERE id = (SELECT min(id) FROM AttachedFiles)")
    assert verify(copy)["index-images"].outcome == "failed"


def test_images_without_a_digest_are_compared_all_the_same(copy: Path) -> None:
    change(copy, "UPDATE AttachedFiles SET compressedMD5 = '', uncompressedMD5 = ''")
    results = verify(copy)
    assert (results["stored-files"].outcome, results["index-identities"].outcome) == ("undetermined", "passed")
    next(path for path in copy.glob("??/??/*") if path.is_file()).unlink()
    assert verify(copy)["stored-files"].outcome == "failed"


def test_every_table_of_the_index_belongs_to_a_part(stored: Path) -> None:
    connection = sqlite3.connect(stored / "index")
    tables = {f"table {name}" for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    named = {thing for part in PARTS for thing in part.catalogue}
    assert tables - {"table sqlite_sequence"} <= named


def test_an_index_elsewhere_is_compared_by_what_a_command_prints(copy: Path, tmp_path: Path) -> None:
    query = (
        "import sqlite3, sys; sys.path.insert(0, sys.argv[2]); from orthanc_files import ROWS\n"
        "for row in sqlite3.connect(sys.argv[1]).execute(ROWS):\n"
        "    print(*('' if value is None else value for value in row), sep=chr(9))"
    )
    command = (sys.executable, "-c", query, str(copy / "index"), str(PAYLOAD))
    assert verify(copy, command)["index-identities"].observed == "6 are"
    change(copy, SWAP.format(table="MainDicomTags", group=16, element=32, a="P0", b="P1"))
    assert verify(copy, command)["index-identities"].outcome == "failed"
