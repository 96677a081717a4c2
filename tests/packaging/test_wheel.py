"""The wheel, installed in a bare virtual environment, brings everything: runbooks, inventory, reports, verifiers."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).parent / "uv")


def run(*words: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=280, check=False)
    assert not check or done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", str(folder), cwd=ROOT)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_data_and_no_tests(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "drp/_share/runbooks/postgres/start.yml",
        "drp/_share/inventory/repositories.yml",
        "drp/_share/reports/schemas/evidence-record-1.json",
        "drp_verifiers/payload/",
        "drp/sandboxes/payload/agent.py",
        "drp/sandboxes/payload/frames.py",
        "drp/sandboxes/payload/hiding.py",
        "drp/sandboxes/payload/running.py",
    ):
        assert any(name.startswith(needed) for name in names), needed
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]


def test_it_works_in_a_bare_environment(wheel: Path, tmp_path: Path):
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"), cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(UV, "pip", "install", "--quiet", "--python", str(python), str(wheel), cwd=tmp_path)
    drp = str(tmp_path / "venv" / "bin" / "drp")
    run(drp, "init", "my-site", cwd=tmp_path)
    site = tmp_path / "my-site"
    run(drp, "config", "check", cwd=site)
    assert "ehr" in run(drp, "app", "list", cwd=site).stdout
    assert "postgres" in run(drp, "runbook", "list", cwd=site).stdout
    verifiers = json.loads(run(drp, "verifier", "list", "--json", cwd=site).stdout)
    assert {"postgres", "files"} <= {item["name"] for item in verifiers["verifiers"]}
    needs = json.loads(run(drp, "doctor", "--json", cwd=site, check=False).stdout)["needs"]
    assert {need["name"]: need["met"] for need in needs}["verifiers"] is True
    assert {need["name"]: need["met"] for need in needs}["journal and evidence"] is True
