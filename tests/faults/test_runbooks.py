"""Runbooks that go wrong in ways of their own: each a clear error, in time, with nothing left running."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from pathlib import Path

import pytest

from drp.errors import Interrupted, RunbookError
from drp.runbooks import AnsibleRunbookRunner
from tests.support.fixtures_runbooks import Driver, folders, processes_with, vanish, wait_for

pytestmark = pytest.mark.real


def hanging(mark: str) -> str:
    return (
        f"- name: Leave a daemon on the controller\n  ansible.builtin.shell: setsid sleep {mark} >/dev/null 2>&1 </dev/null &\n"
        f"  delegate_to: localhost\n- name: Hang in the sandbox\n  drp_exec: {{argv: [sleep, '{mark}']}}\n"
    )


def test_a_step_beyond_its_time_leaves_nothing_running(runbooks: Driver) -> None:
    mark, limit = f"48151{os.getpid()}", 12
    started = time.monotonic()
    with pytest.raises(RunbookError, match=r"exceeded its time limit of 12 s during task 'Hang in the sandbox'"):
        runbooks.play(hanging(mark), seconds=limit)
    assert limit <= time.monotonic() - started < limit + 120
    assert vanish(mark) == []
    assert folders() == set()


@pytest.mark.parametrize(
    "hang",
    [
        "drp_exec: {argv: [sleep, '%s']}",
        "ansible.builtin.command: sleep %s\n  delegate_to: localhost",
        "ansible.builtin.shell: trap '' INT TERM HUP; sleep %s & wait\n  delegate_to: localhost",
    ],
)
def test_cancelling_interrupts_and_leaves_nothing_running(runbooks: Driver, hang: str) -> None:
    mark = f"23421{os.getpid()}"
    unpacked = set(Path(tempfile.gettempdir()).glob("ansible_*"))
    runbooks.write("- name: Take long\n  " + hang.replace("%s", mark) + "\n")
    asked: list[float] = []

    def cancelled() -> bool:
        if processes_with(f"sleep {mark}"):
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(Interrupted, match="Take long"):
        runbooks.runner.run(runbooks.order("ward", "start", {}), runbooks.reported.append, cancelled)
    assert time.monotonic() - asked[0] < 120
    assert vanish(f"sleep {mark}") == []
    assert folders() == set()
    assert set(Path(tempfile.gettempdir()).glob("ansible_*")) <= unpacked


def test_a_sandbox_that_dies_in_the_middle_is_an_error(runbooks: Driver) -> None:
    mark = f"16234{os.getpid()}"
    killed: list[bool] = []

    def kill_once_it_sleeps() -> bool:
        if not killed and processes_with(f"sleep {mark}"):
            runbooks.sandbox.kill()
            killed.append(True)
        return False

    runbooks.write(f"- name: Take long\n  drp_exec: {{argv: [sleep, '{mark}']}}\n")
    with pytest.raises(RunbookError, match=r"sandbox was lost during task 'Take long'"):
        runbooks.runner.run(runbooks.order("ward", "start", {}), runbooks.reported.append, kill_once_it_sleeps)


def test_a_sandbox_that_is_gone_is_an_error(runbooks: Driver) -> None:
    runbooks.sandbox.kill()
    with pytest.raises(RunbookError, match=r"lost during task 'Find the restored tree': the sandbox"):
        runbooks.run("files", "start", restored_root="/data")


def test_a_broken_playbook_is_an_error_that_says_where(runbooks: Driver) -> None:
    runbooks.write("- name: Broken\n  drp_exec: [unclosed\n")
    with pytest.raises(RunbookError, match=r"before it came to a result: .*(YAML|yaml)"):
        runbooks.run("ward", "start")


def test_missing_runbooks_and_a_missing_ansible_are_errors(runbooks: Driver, tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match=r"there is no runbook dialysis/start\.yml in .*runbooks"):
        runbooks.run("dialysis", "start")
    with pytest.raises(RunbookError, match="cannot be the name"):
        runbooks.run("../etc", "start")
    without = AnsibleRunbookRunner([], tmp_path, python=Path("/usr/bin/python3"))
    order = runbooks.order("files", "start", {"restored_root": "/data"})
    with pytest.raises(RunbookError, match=r"ansible-core cannot be loaded: No module named 'ansible'"):
        without.run(order, runbooks.reported.append, lambda: False)
    absent = AnsibleRunbookRunner([], tmp_path, python=tmp_path / "python3")
    with pytest.raises(RunbookError, match=r"failed to execute .*python3: No such file"):
        absent.run(order, runbooks.reported.append, lambda: False)


def test_an_ansible_started_ahead_is_used_or_dismissed_without_a_trace(runbooks: Driver) -> None:
    runbooks.sandbox.write("files/a", "a")
    before = folders()
    runbooks.runner.warm_up()
    ahead = wait_for(lambda: folders() - before)
    assert runbooks.run("files", "start", restored_root="/data/files").ok
    assert folders() == before, "the one started ahead was not used"
    runbooks.runner.warm_up()
    (folder,) = wait_for(lambda: folders() - before)
    assert folder not in ahead
    runbooks.runner.close()
    assert folders() == before
    assert vanish(str(folder)) == []


def test_an_ansible_that_died_while_it_waited_is_replaced(runbooks: Driver) -> None:
    runbooks.sandbox.write("files/a", "a")
    before = folders()
    runbooks.runner.warm_up()
    (folder,) = wait_for(lambda: folders() - before)
    wait_for(lambda: processes_with(f"{folder}/order"))
    for line in processes_with(f"{folder}/order"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(line.partition(":")[0]), signal.SIGKILL)
    assert vanish(str(folder)) == []
    wait_for(lambda: not any(session.alive for _, session in runbooks.runner._waiting))
    assert runbooks.run("files", "start", restored_root="/data/files").ok
    assert folders() == before


def test_what_a_killed_drp_left_in_memory_is_swept(runbooks: Driver) -> None:
    left = Path("/dev/shm/drp-runbook-left")
    (left / "artifacts").mkdir(parents=True, mode=0o700)
    runbooks.sandbox.write("files/a", "a")
    assert runbooks.run("files", "start", restored_root="/data/files").ok
    assert not left.exists()


@pytest.mark.parametrize(
    "plays",
    [
        "- hosts: production\n  tasks: [{drp_exec: {argv: ['true']}}]\n",
        "- hosts: sandbox\n  gather_facts: false\n  tasks: []\n",
        "- hosts: sandbox\n  gather_facts: false\n  tasks: [{drp_exec: {argv: ['true']}, when: false}]\n",
        "- hosts: sandbox\n  gather_facts: false\n  tasks: [{drp_exec: {argv: ['false']}, ignore_errors: true}]\n",
        "- hosts: sandbox\n  gather_facts: false\n  tasks: [{drp_exec: {argv: ['true']}}]\n- hosts: databases\n",
    ],
    ids=["no host", "no task", "all skipped", "all ignored", "one play without host"],
)
def test_a_runbook_that_did_nothing_has_not_ended_well(runbooks: Driver, plays: str) -> None:
    (runbooks.site / "ward").mkdir()
    (runbooks.site / "ward" / "start.yml").write_text(plays)
    result = runbooks.run("ward", "start")
    assert not result.ok
