"""Runbooks that go wrong in ways of their own: each a clear error, in time, with nothing left running."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import threading
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
    assert len(folders()) == 1, "more than that of the one that has loaded"


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
    assert len(folders()) == 1, "more than that of the one that has loaded"
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


FIRST = (
    "- name: Look at oneself\n  ansible.builtin.shell: tr '\\0' ' ' </proc/1/cmdline; ls -d /proc/[0-9]* | wc -l\n"
    "  delegate_to: localhost\n  register: seen\n"
    "- name: Tell\n  ansible.builtin.set_stats: {data: {first: '{{ seen.stdout }}', home: '{{ lookup(\"env\", \"HOME\") }}'}}\n"
)


def test_runs_are_forked_from_an_ansible_that_has_loaded_and_share_nothing(runbooks: Driver) -> None:
    before = folders()
    runbooks.runner.warm_up()
    (loaded,) = folders() - before
    seen = [runbooks.play(FIRST).outputs for _ in range(2)]
    assert all("launch.py --forks" in str(each["first"]) for each in seen), seen
    assert all(int(str(each["first"]).split()[-1]) < 9 for each in seen), "processes of others are seen"
    assert len({each["home"] for each in seen} | {str(loaded)}) == 3
    assert folders() - before == {loaded}, "the one that has loaded is there still, and nothing of the runs"
    runbooks.runner.close()
    assert folders() == before
    assert vanish(str(loaded)) == []


def test_an_ansible_that_died_after_it_loaded_is_replaced_and_one_that_dies_meanwhile_is_done_without(
    runbooks: Driver,
) -> None:
    runbooks.runner.warm_up()
    loaded = runbooks.runner._loaded
    assert loaded is not None
    os.killpg(loaded._process.pid, signal.SIGKILL)
    loaded._process.wait()
    assert "launch.py --forks" in str(runbooks.play(FIRST).outputs["first"])
    other = runbooks.runner._loaded
    assert other is not None
    assert other is not loaded
    os.killpg(other._process.pid, signal.SIGSTOP)  # it looks alive, and never answers

    def kill_once_it_is_asked() -> None:
        wait_for(lambda: processes_with("plugins/join.py"))
        os.killpg(other._process.pid, signal.SIGKILL)

    threading.Thread(target=kill_once_it_is_asked).start()
    assert "/order" in str(runbooks.play(FIRST).outputs["first"]), "it was not started by itself"


def test_a_run_ends_with_who_asked_for_it(runbooks: Driver) -> None:
    mark = f"31847{os.getpid()}"
    runbooks.write(f"- name: Take long\n  ansible.builtin.command: sleep {mark}\n  delegate_to: localhost\n")

    def kill_who_asked() -> bool:
        for line in processes_with(f"sleep {mark}") and processes_with("join.py"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line.partition(":")[0]), signal.SIGKILL)
        return False

    with pytest.raises(RunbookError, match="before it came to a result"):
        runbooks.runner.run(runbooks.order("ward", "start", {}), runbooks.reported.append, kill_who_asked)
    assert vanish(f"sleep {mark}") == []


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
