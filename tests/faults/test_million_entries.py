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


def run(*arguments: object) -> tuple[dict, float]:
    """Return what a command of drp said, and the peak memory of its largest process in MiB."""
    with tempfile.TemporaryFile() as told:
        command = [
            "sh",
            "-c",
            'exec "$@"',
            "sh",
            sys.executable,
            "-m",
            "drp",
            "manifest",
            *map(str, arguments),
            "--json",
        ]
        pid = os.posix_spawnp("sh", command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, told.fileno(), 1)])
        _, status, used = os.wait4(pid, 0)
        told.seek(0)
        assert os.waitstatus_to_exitcode(status) in {0, 1}
        return json.loads(told.read()), used.ru_maxrss / 1024


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
