"""What a dead sandbox's record may say, and whom it must not kill: numbers of processes and namespaces are given again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.clock import boot_id
from drp.sandboxes.host import layout, processes
from tests.support.reaping import reap
from tests.support.waiting import eventually


@pytest.fixture
def run_directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "run"
    shutil.rmtree(layout.home(tmp_path / "run"), ignore_errors=True)


def test_a_namespace_that_got_the_number_of_a_dead_one_is_left_alone(run_directory: Path) -> None:
    held = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "sleep", "60"])
    children = Path(f"/proc/{held.pid}/task/{held.pid}/children")
    try:
        assert eventually(lambda: bool(children.read_text().split()))
        first = int(children.read_text().split()[0])
        theirs = processes.pid_namespace(first)
        number, _, since = theirs.partition("@")
        for name, killed in ((f"{number}@{int(since) - 1}", False), (number, False), (theirs, True)):
            directory = layout.home(run_directory) / "drp-0123456789ab"
            directory.mkdir(parents=True)
            (directory / "meta.json").write_text(json.dumps({"boot_id": boot_id(), "pid_namespace": name}))
            assert [each.processes for each in reap(run_directory)] == [int(killed)]
            assert processes.is_ended(first) == killed
    finally:
        held.kill()
        held.wait()


def test_a_record_of_another_boot_or_a_forged_one_kills_nobody(run_directory: Path) -> None:
    innocent = subprocess.Popen(["sleep", "60"])
    try:
        for number, fields in enumerate(
            (
                {"boot_id": "another", "pid_namespace": processes.namespace(innocent.pid, "pid")},
                {"boot_id": boot_id(), "pid_namespace": processes.namespace("self", "pid")},
                {"boot_id": boot_id(), "pid_namespace": 7},
                [],
            )
        ):
            directory = layout.home(run_directory) / f"drp-{number:012x}"
            directory.mkdir(parents=True)
            (directory / "meta.json").write_text(json.dumps(fields))
        assert len(reap(run_directory)) == 4
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()
