"""Promises to drills of one host: seen by others while a process that holds one lives, and by nobody afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.domain.precheck import Needs
from drp.errors import SandboxError
from drp.sandboxes.host import ledger
from drp.sandboxes.host.ledger import open_ledger, promised_now, tidy
from tests.support.reaping import reap

pytestmark = pytest.mark.real
NEEDS = Needs(memory_most_bytes=7, memory_least_bytes=3, disk_bytes=11)
HOLDER = """
import sys
from pathlib import Path
from drp.domain.precheck import Needs
from drp.sandboxes.host import ledger
ledger.ledger_directory = lambda run: run / "ledger"
with ledger.open_ledger(Path(sys.argv[1])) as held:
    held.promise(Needs(memory_most_bytes=7, memory_least_bytes=3, disk_bytes=11))
print("holds", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run directory whose ledger is its own: other drills may be at work on this host."""
    monkeypatch.setattr(ledger, "ledger_directory", lambda run: run / "ledger")
    return tmp_path


@pytest.fixture
def holder(run_directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a process that holds a promise."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run_directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"
    yield process
    process.kill()
    process.communicate()


def seen(run_directory: Path) -> tuple[int, int, int, int]:
    found = promised_now(run_directory)
    return found.drills, found.memory_most_bytes, found.memory_least_bytes, found.disk_bytes


def test_where_nobody_is_at_work_nothing_is_promised_and_nothing_is_made(run_directory: Path) -> None:
    assert seen(run_directory) == (0, 0, 0, 0)
    assert list(run_directory.iterdir()) == []


def test_a_promise_of_another_process_counts_until_it_ends_by_whatever_end(run_directory, holder) -> None:
    assert seen(run_directory) == (1, 7, 3, 11)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert seen(run_directory) == (0, 0, 0, 0)
    assert list(run_directory.iterdir()) == [], "what it left is removed"


def test_what_a_dead_drill_was_promised_goes_when_what_it_left_is_removed(run_directory, holder) -> None:
    reap(run_directory)
    assert seen(run_directory)[0] == 1, "it lives"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    reap(run_directory)
    assert list(run_directory.iterdir()) == []


def test_several_add_up_and_whoever_ends_takes_only_its_own(run_directory, holder) -> None:
    with open_ledger(run_directory) as held:
        assert held.promised().drills == 1
        own = held.promise(NEEDS)
    assert seen(run_directory) == (2, 14, 6, 22)
    os.close(own)
    tidy(run_directory)
    assert seen(run_directory) == (1, 7, 3, 11)
    assert holder.poll() is None


def test_a_process_that_inherits_a_promise_goes_on_holding_it(run_directory: Path) -> None:
    with open_ledger(run_directory) as held:
        own = held.promise(NEEDS)
    heir = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, pass_fds=[own])
    os.close(own)
    assert seen(run_directory)[0] == 1
    heir.communicate()
    assert seen(run_directory)[0] == 0


def test_volumes_on_another_file_system_take_nothing_of_this_one(run_directory, holder, monkeypatch) -> None:
    assert holder.poll() is None
    monkeypatch.setattr(ledger, "_device", lambda run: run.stat().st_dev + 1)
    assert seen(run_directory) == (1, 7, 3, 0)


def test_promises_are_kept_by_file_system_and_what_a_volume_has_already_is_not_counted_twice(run_directory) -> None:
    here = run_directory.stat().st_dev
    with open_ledger(run_directory) as held:
        own = held.promise(NEEDS, {here: 11, here + 1: 500})
        assert dict(held.promised().disks) == {here: 11, here + 1: 500}
        assert held.promised().disk_bytes == 11
        volumes = [held.reserve(disk_bytes=300, device=here + 1), held.reserve(disk_bytes=12, device=here)]
        found = held.promised()
        assert (found.drills, dict(found.disks)) == (1, {here: 0, here + 1: 200})
        volumes[0].release()
        volumes[0].release()
        assert held.promised().disks[here + 1] == 500
        volumes[1].release()
    os.close(own)
    tidy(run_directory)
    assert list(run_directory.iterdir()) == []


def test_a_promise_that_nobody_can_read_is_not_taken_for_none(run_directory, holder) -> None:
    assert holder.poll() is None
    (entry,) = (run_directory / "ledger").iterdir()
    entry.write_text("{")
    with pytest.raises(SandboxError, match="is no promise that drp wrote"):
        promised_now(run_directory)


def test_none_can_be_promised_while_another_looks(run_directory: Path) -> None:
    asks = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with open_ledger(run_directory):
        refused = subprocess.run(
            [sys.executable, "-c", asks, str(run_directory / "ledger")], check=False, capture_output=True, text=True
        )
    assert "BlockingIOError" in refused.stderr


def test_who_was_stopped_while_it_looked_holds_nobody_up_for_ever(run_directory, monkeypatch) -> None:
    monkeypatch.setattr(ledger, "_SECONDS", 0.2)
    holds = (
        "import fcntl, os, sys; at = os.open(sys.argv[1], os.O_RDONLY); fcntl.flock(at, fcntl.LOCK_EX);"
        " print('holds', flush=True); sys.stdin.read()"
    )
    (run_directory / "ledger").mkdir()
    stopped = subprocess.Popen(
        [sys.executable, "-c", holds, str(run_directory / "ledger")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert stopped.stdout is not None
        assert stopped.stdout.readline() == "holds\n"
        with pytest.raises(SandboxError, match="is one stopped"), open_ledger(run_directory):
            pass
    finally:
        stopped.communicate("")
    assert seen(run_directory) == (0, 0, 0, 0)
