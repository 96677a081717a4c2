"""What goes wrong around a drill: disks that are full or read-only, runbooks that fail or hang. Clear words, no false pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.test_drill import findings, of_type, record_of, run
from tests.support.processes import left
from tests.support.rig import APPLICATION, SANDBOXES, Rig
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]
MOUNTS = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"])]
FAILS = """---
- name: Start
  hosts: sandbox
  gather_facts: false
  tasks:
    - name: Plug in the licence dongle
      ansible.builtin.fail:
        msg: there is no dongle
"""
HANGS = """---
- name: Start
  hosts: sandbox
  gather_facts: false
  tasks:
    - name: Wait for the old server
      drp_exec:
        argv: [sleep, "1000"]
"""


def with_state(stage: Rig, options: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script with ``$drp`` where the state of a site without a past lies on a file system with these options."""
    state = stage.site / "state"
    state.mkdir(exist_ok=True)
    whole = f"""mount -t tmpfs -o mode=0755,{options} drp-state "$state" || exit 99
    mount -t tmpfs -o mode=0755 drp-evidence "$evidence" || exit 99
    {script}"""
    environment = {**os.environ, "DRP_SITE": str(stage.site), "state": str(state), "drp": f"{sys.executable} -m drp"}
    environment["evidence"] = str(stage.site / "evidence")
    (stage.site / "evidence").mkdir(exist_ok=True)
    return subprocess.run(
        [*MOUNTS, "sh", "-c", whole], env=environment, cwd=stage.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip


@contextmanager
def start_playbook(stage: Rig, content: str) -> Iterator[None]:
    """Let the site have a start playbook of its own."""
    own = stage.site / "runbooks" / "postgres"
    shutil.copytree(Path(__file__).resolve().parents[2] / "runbooks" / "postgres", own)
    (own / "start.yml").write_text(content)
    try:
        yield
    finally:
        shutil.rmtree(stage.site / "runbooks")
        stage.write_site()


def test_a_hardened_umask_closes_nothing_that_a_drill_needs(stage: Rig) -> None:
    done = with_state(stage, "size=64m", "mount -t tmpfs drp-run /run; umask 077; $drp drill run ehr-airgap")
    assert done.returncode == 0, done.stdout + done.stderr


def test_state_without_room_stops_the_drill_and_loses_nothing(stage: Rig) -> None:
    script = """
    $drp drill run ehr-airgap; echo "asked: $?"
    $drp drill list --json | grep -c verdict
    $drp drill run ehr-airgap --despite "to see it full"; echo "run: $?"
    mount -o remount,size=64m "$state"
    $drp drill resume latest --conclude; echo "resume: $?"
    $drp drill show latest --json
    """
    done = with_state(stage, "size=300k", script)
    *ends, shown = done.stdout.split("\n", 4)
    assert ends == ["asked: 15", "0", "run: 15", "resume: 3"], done.stdout + done.stderr
    assert "left for what a drill writes down" in done.stderr
    assert "[DRP-E100]" in done.stderr
    assert "HINT: free space" in done.stderr
    assert "PASSED" not in done.stderr
    assert in_words(json.loads(shown))["verdict"] == "inconclusive"
    assert not left(stage.site)


def test_read_only_state_is_known_before_anything_starts(stage: Rig) -> None:
    done = with_state(stage, "ro,size=1m", '$drp drill run ehr-airgap; echo "run: $?"; $drp doctor; echo "doctor: $?"')
    assert "run: 15\n" in done.stdout, done.stdout + done.stderr
    assert "doctor: 1\n" in done.stdout, done.stdout + done.stderr
    assert "Read-only file system [DRP-E100]" in done.stderr
    assert "drill ehr-airgap" not in done.stderr
    assert any(line.startswith("FAIL  state directory") for line in done.stdout.splitlines()), done.stdout


def test_a_sandbox_without_room_is_inconclusive_and_says_what_to_raise(stage: Rig) -> None:
    stage.write_site(**{"inventory/sandboxes.yml": SANDBOXES.replace("data_bytes: 2GiB", "data_bytes: 20MiB")})
    try:
        status, entries, _ = run(stage, "ehr-airgap")
    finally:
        stage.write_site()
    assert status == 15
    assert record_of(stage)["verdict"] == "inconclusive"
    (failed,) = of_type(entries, "phase-failed")
    assert "no space" in failed["message"]
    assert "data_bytes" in failed["hint"]
    assert "DRP-R003" in findings(entries)


def test_a_failing_task_of_the_site_s_runbook_fails_the_drill_and_is_named(stage: Rig) -> None:
    with start_playbook(stage, FAILS):
        status, entries, _ = run(stage, "ehr-airgap")
    assert status == 1
    found = findings(entries)["DRP-U001"]
    assert (found["subject"], found["observed"]) == ("Plug in the licence dongle", "there is no dongle")


def test_a_hanging_runbook_is_inconclusive_at_its_time_limit(stage: Rig) -> None:
    with start_playbook(stage, HANGS):
        for seconds in (8, 80, 800):  # the restore has to end within the limit, too
            limited = APPLICATION.replace("kind: postgres", f"kind: postgres\n  timeout: {seconds}s")
            stage.write_site(**{"inventory/applications/ehr.yml": limited})
            status, entries, _ = run(stage, "ehr-airgap")
            assert status == 3
            if "DRP-U002" in findings(entries):
                break
    found = findings(entries)["DRP-U002"]
    assert "exceeded its time limit" in found["observed"]
    assert "Wait for the old server" in found["observed"]
    assert not left(stage.site)


def test_a_point_that_nobody_made_is_no_failed_drill(stage: Rig) -> None:
    before = stage.drp("drill", "list").stdout
    done = stage.drp("drill", "run", "--app", "ehr", "--repo", "medium", "--point", "ffff0000", check=False)
    assert done.returncode == 10
    assert "repository medium has no recovery point ffff0000 of ehr [DRP-E011]" in done.stderr
    assert "HINT: see `drp repo points medium`" in done.stderr
    assert stage.drp("drill", "list").stdout == before


def test_what_has_ended_is_not_taken_up_again(stage: Rig) -> None:
    stage.drp("drill", "run", "ehr-airgap")
    done = stage.drp("drill", "resume", "latest", check=False)
    assert done.returncode == 2
    assert "was not cut off: it has ended, passed [DRP-E002]" in done.stderr
