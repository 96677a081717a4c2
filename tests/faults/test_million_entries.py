"""A directory of a million entries: made, verified and compared in bounded memory, and nothing in it goes unseen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.words import in_words

MILLION = 1_000_000
CREATE_MOST, VERIFY_MOST, DIFF_MOST = 512, 512, 128
"""MiB of the largest process."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for a million inodes, in memory where there is as much."""
    memory = Path("/dev/shm")
    ample = memory.is_dir() and os.statvfs(memory).f_favail > MILLION + 1000 and os.statvfs(memory).f_bavail > 1 << 18
    place = Path(tempfile.mkdtemp(prefix="drp-million-", dir=memory if ample else tmp_path))
    yield place
    subprocess.run(["rm", "-rf", str(place)], check=True)  # shutil takes three times as long
    assert not place.exists()


_MEASURED = """
import json, resource, subprocess, sys
ended = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([ended.returncode, peak, json.loads(ended.stdout)]))
"""
"""A small process in between: a child's peak counts what its parent had in memory when it was made."""


def run(*arguments: object) -> tuple[dict, float]:
    """Return what a command of drp said, and the peak memory of its largest process in MiB."""
    command = [sys.executable, "-m", "drp", "manifest", *map(str, arguments), "--json"]
    told = subprocess.run([sys.executable, "-I", "-S", "-c", _MEASURED, *command], stdout=subprocess.PIPE, check=True)
    status, peak, said = in_words(json.loads(told.stdout))
    assert status in {0, 1}
    return said, peak


@pytest.mark.slow
@pytest.mark.real
def test_directory_of_a_million_entries(folder):
    tree = folder / "tree"
    tree.mkdir()
    descriptor = os.open(tree, os.O_RDONLY)
    for number in range(MILLION):
        os.mknod(b"IM%07d.dcm" % number, 0o100644, dir_fd=descriptor)
    os.close(descriptor)
    made, memory = run("create", tree, "-o", folder / "m")
    assert (made["entries"], made["files"], made["errors"]) == (MILLION, MILLION, 0)
    assert memory < CREATE_MOST

    (tree / "IM0500000.dcm").unlink()
    (tree / "IM0999999x").touch()
    mtime = (tree / "IM0000007.dcm").stat().st_mtime_ns
    (tree / "IM0000007.dcm").write_text("x")
    os.utime(tree / "IM0000007.dcm", ns=(mtime, mtime))
    found = {("missing", "IM0500000.dcm"), ("unexpected", "IM0999999x"), ("changed", "IM0000007.dcm")}

    verified, memory = run("verify", tree, "-m", folder / "m")
    assert {(one["kind"], one["path"]) for one in verified["deviations"]} == found
    assert verified["files_hashed"] == MILLION - 1
    assert memory < VERIFY_MOST

    _, memory = run("create", tree, "-o", folder / "m2")
    assert memory < CREATE_MOST
    compared, memory = run("diff", folder / "m", folder / "m2")
    assert {(one["kind"], one["path"]) for one in compared["deviations"]} == found
    assert memory < DIFF_MOST
