"""A restored link that leads to what lies on the machine that reads: nothing there was backed up, and none of it counts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.dicom import DicomOptions, DicomVerifier
from drp_verifiers.files import FilesOptions, FilesVerifier
from drp_verifiers.orthanc import OrthancOptions, OrthancVerifier
from drp_verifiers.sqlite import SqliteOptions, SqliteVerifier
from tests.hospital import dicom
from tests.simulators.target import LocalTarget

pytestmark = pytest.mark.real

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
READERS: list[tuple[Any, Any, str]] = [
    (FilesVerifier(), FilesOptions(root="kept"), "tree"),
    (FilesVerifier(), FilesOptions(root="kept/deeper/.."), "tree"),
    (DicomVerifier(), DicomOptions(root="kept"), "files"),
    (SqliteVerifier(), SqliteOptions(path="kept/ward.sqlite"), "integrity"),
    (OrthancVerifier(), OrthancOptions(storage="kept"), "stored-files"),
]


def fill(folder: Path) -> None:
    (folder / "deeper").mkdir(parents=True)
    image = dicom.Image("P1", "DOE^J", "A1", dicom.new_uid(), dicom.new_uid(), 1, NOW, 16)
    (folder / "1.dcm").write_bytes(dicom.instance(image))
    with closing(sqlite3.connect(folder / "ward.sqlite")) as connection:
        connection.execute("CREATE TABLE bed (id INTEGER)")
        connection.execute("INSERT INTO bed VALUES (1)")
        connection.commit()


def read(root: Path, verifier: Any, options: Any, check: str) -> CheckResult:
    expectation = Expectation(disaster_at=NOW, consistent_at=NOW, timeout_seconds=60, restored_root=str(root))
    answers = verifier.read(LocalTarget(user="root"), options, expectation)
    return next(answer for answer in answers if isinstance(answer, CheckResult) and answer.check == check)


@pytest.mark.parametrize(
    ("verifier", "options", "check"), READERS, ids=[f"{one.name}-{number}" for number, (one, *_) in enumerate(READERS)]
)
def test_a_link_out_of_what_was_restored_is_not_counted(
    tmp_path: Path, verifier: Any, options: Any, check: str
) -> None:
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "restored"
    root.mkdir()
    fill(elsewhere)
    (root / "kept").symlink_to(elsewhere)
    found = read(root, verifier, options, check)
    assert found.outcome == "failed", found


@pytest.mark.parametrize(
    ("verifier", "options", "check"),
    READERS[:4],
    ids=[f"{one.name}-{number}" for number, (one, *_) in enumerate(READERS[:4])],
)
def test_a_link_within_what_was_restored_is_followed(tmp_path: Path, verifier: Any, options: Any, check: str) -> None:
    """As production has it: a name that leads to the newest folder."""
    root = tmp_path / "restored"
    fill(root / "2026-11-21")
    (root / "kept").symlink_to("2026-11-21")
    assert read(root, verifier, options, check).outcome == "passed"


def test_a_path_that_must_exist_does_not_by_way_of_a_link_out(tmp_path: Path) -> None:
    root = tmp_path / "restored"
    fill(root / "kept")
    (root / "out").symlink_to("/usr")
    (root / "nowhere").symlink_to("absent")
    expectation = Expectation(disaster_at=NOW, consistent_at=NOW, restored_root=str(root))
    options = FilesOptions(root=".", must_exist=("kept/1.dcm", "nowhere", "out", "out/share"))
    found = {
        one.check: one
        for one in FilesVerifier().read(LocalTarget(user="root"), options, expectation)
        if isinstance(one, CheckResult)
    }
    assert found["must-exist"].observed == "missing: out/share", "a link itself exists, wherever it leads"
