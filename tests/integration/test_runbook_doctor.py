"""The doctor tries Ansible as a drill would play it, and changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drp.errors import RunbookError
from drp.runbooks.doctor import trial

pytestmark = pytest.mark.real


def everything(*folders: Path) -> dict[str, int]:
    """Return each path below the folders with the time of its last change."""
    found = [path for folder in folders if folder.exists() for path in (folder, *folder.rglob("*"))]
    return {str(path): path.lstat().st_ctime_ns for path in found}


def test_a_working_ansible_is_told_with_its_version(tmp_path: Path) -> None:
    assert trial(tmp_path, Path(sys.executable)).startswith("ansible-core 2.")
    assert list(tmp_path.iterdir()) == []


def test_an_ansible_that_cannot_be_loaded_is_explained(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\nshift\nexec /usr/bin/python3 -I -S "$@"\n')  # without anything that was installed
    python.chmod(0o755)
    with pytest.raises(RunbookError, match="ansible-core cannot be loaded"):
        trial(tmp_path, python)


def test_the_doctor_finds_it_and_changes_nothing(tmp_path: Path) -> None:
    home, site = tmp_path / "home", tmp_path / "site"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
    drp = [sys.executable, "-m", "drp"]
    subprocess.run([*drp, "init", str(site)], env=environment, capture_output=True, check=True)
    looked_at = (home, site, Path("/nonexistent"))
    before = everything(*looked_at)
    done = subprocess.run(
        [*drp, "--site", str(site), "doctor", "--json"], env=environment, capture_output=True, check=False
    )
    needs = {need["name"]: need for need in json.loads(done.stdout)["needs"]}
    assert needs["ansible"]["met"], needs["ansible"]
    assert "ansible-core 2." in needs["ansible"]["detail"]
    assert everything(*looked_at) == before
