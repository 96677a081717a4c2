"""`drp verifier facts` for the systems that count themselves: what is printed is what a check compares with later."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.hospital import dicom
from tests.support import warm


def verifier(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return warm.drp("verifier", *arguments, stdin=given.encode())


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    study, series = dicom.new_uid(), dicom.new_uid()
    for number in (1, 2):
        image = dicom.Image("PAT1", "Doe^J", "001", study, series, number, datetime(2026, 11, 21, tzinfo=UTC), size=16)
        (folder / f"{number}.dcm").write_bytes(dicom.instance(image))
    return folder


def test_facts_of_a_folder_of_images_are_what_a_check_compares_with(images: Path, tmp_path: Path):
    told = verifier("facts", "dicom", "--option", f"root={images}")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["dicom"]["counts"]["instances"] == 2
    kept = tmp_path / "facts.json"
    kept.write_text(told.stdout)
    again = ("try", "dicom", "--target", "local", "--option", f"root={images}", "--facts", str(kept))
    assert verifier(*again).returncode == 0
    (images / "2.dcm").unlink()
    less = verifier(*again)
    assert less.returncode == 1
    assert "instances" in less.stdout


def test_facts_of_a_system_in_use_are_a_lower_limit(images: Path, tmp_path: Path):
    told = verifier("facts", "dicom", "--at-least", "--option", f"root={images}")
    assert json.loads(told.stdout)["dicom"].get("rule", "at-least") == "at-least"


def test_systems_are_told_one_after_another_and_none_twice(images: Path):
    ask = ("facts", "dicom", "--option", f"root={images}", "--with", "-")
    told = verifier(*ask, given='{"postgres": {"databases": {}}}')
    assert json.loads(told.stdout).keys() == {"postgres", "dicom"}
    twice = verifier(*ask, given=told.stdout)
    assert twice.returncode == 2
    assert "facts of dicom already" in twice.stderr
    assert verifier(*ask, given="[]").returncode == 2
    assert verifier(*ask, given="{").returncode == 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dicom", ["root=/absent"]),
        ("gnuhealth", ["database=health", "port=1", "password_file=/absent"]),
        ("orthanc", ["port=1"]),
        ("fhir", ["base=http://127.0.0.1:1/fhir"]),
        ("mariadb", ["database=orthanc", "socket=/absent"]),
    ],
)
def test_a_system_that_cannot_be_asked_has_no_facts(name: str, options: list[str]):
    told = verifier("facts", name, *(part for option in options for part in ("--option", option)))
    assert told.returncode == 13, told.stdout + told.stderr
    assert "no facts: " in told.stderr
    assert told.stdout == ""


def test_options_are_as_strict_as_those_of_a_check(images: Path):
    told = verifier("facts", "dicom", "--option", f"roof={images}")
    assert told.returncode in {2, 10}
    assert "roof" in told.stderr
