"""`drp-hash` is one file that works on a host with nothing but Python, and agrees with drp."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drp.hashing.standalone.package import pack
from drp.hashing.tree import TreeHasher
from drp.manifests.opening import read_summary
from tests.support.trees import hostile, write

PLAIN = [getattr(sys, "_base_executable", sys.executable), "-I", "-S"]


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    path = tmp_path_factory.mktemp("tool") / "drp-hash"
    pack(path)
    return path


def run(tool: Path, *arguments, exit_status: int = 0, python=PLAIN):
    command = [*python, str(tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, cwd="/")
    assert done.returncode == exit_status, done.stderr
    return done


@pytest.mark.parametrize("algorithm", ["blake3", "both"])
def test_makes_what_drp_verifies_and_the_other_way_round(tool, tmp_path, algorithm):
    tree = hostile(tmp_path / "tree")
    told = json.loads(run(tool, "create", tree, "-o", tmp_path / "m", "--algorithm", algorithm).stdout)
    assert told["id"] == read_summary(tmp_path / "m").id
    assert TreeHasher(workers=1).compare(tree, tmp_path / "m", uid_offset=0).clean
    assert json.loads(run(tool, "verify", tree, "--manifest", tmp_path / "m").stdout)["clean"] is True
    ways = ("--strict", "--device", "ssd")
    assert json.loads(run(tool, "verify", tree, "--manifest", tmp_path / "m", *ways).stdout)["clean"] is True
    write(tree / "empty", b"no more")
    damaged = json.loads(run(tool, "verify", tree, "--manifest", tmp_path / "m", exit_status=1).stdout)
    assert damaged["counts"]["changed"] == 1
    assert json.loads(run(tool, "show", tmp_path / "m").stdout)["id"] == told["id"]


def test_runs_by_itself(tool):
    assert tool.stat().st_mode & 0o111
    assert tool.read_bytes().startswith(b"#!/usr/bin/env -S python3")


def test_errors(tool, tmp_path):
    run(tool, exit_status=2)
    run(tool, "create", tmp_path, exit_status=2)
    run(tool, "verify", tmp_path, exit_status=2)
    run(tool, "remove", tmp_path, exit_status=2)
    run(tool, "create", tmp_path, "-o", exit_status=2)
    run(tool, "create", tmp_path, "-o", tmp_path / "m", "--workers", "many", exit_status=2)
    run(tool, "verify", tmp_path, "--manifest", tmp_path / "absent", exit_status=10)
    run(tool, "create", tmp_path, "-o", tmp_path / "m", "--device", "tape", exit_status=2)
    assert b"usage" in run(tool, "--help").stderr


def test_without_the_compiled_parts_it_does_sha256(tool, tmp_path):
    """Another Python, or another machine: what is compiled does not load, and nothing is installed."""
    import zipfile

    poor = tmp_path / "drp-hash"
    with zipfile.ZipFile(tool) as full, zipfile.ZipFile(poor, "w") as archive:
        for name in full.namelist():
            if not name.startswith("native/"):
                archive.writestr(name, full.read(name))
    runner = tmp_path / "run.py"  # `site` of the test machine may have blake3 after all
    runner.write_text(
        "import runpy, sys\n"
        "class Nothing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('blake3', 'zstandard'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, Nothing())\n"
        f"sys.argv[0] = {str(poor)!r}\n"
        f"runpy.run_path({str(poor)!r}, run_name='__main__')\n"
    )
    tree = hostile(tmp_path / "tree")
    run(runner, "create", tree, "-o", tmp_path / "m", exit_status=10)
    run(runner, "create", tree, "-o", tmp_path / "m", "--algorithm", "sha256")
    assert json.loads(run(runner, "verify", tree, "--manifest", tmp_path / "m").stdout)["clean"] is True
    assert TreeHasher(workers=1).compare(tree, tmp_path / "m", uid_offset=0).clean
