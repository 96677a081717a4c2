"""kill -9 and signals in every phase of a real drill: nothing is left running, evidence is intact, the drill ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.processes import data_left, left, processes_left
from tests.support.pseudo_terminal import on_a_terminal
from tests.support.rig import Rig, wait
from tests.support.waiting import PATIENCE
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]
PHASES = ("select", "prepare", "restore", "hash", "start", "verify")


@contextmanager
def drill(stage: Rig, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "drp", "drill", "run", "ehr-airgap", "--json", *arguments],
        env={**os.environ, "DRP_SITE": str(stage.site)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(process: subprocess.Popen[str], phase: str) -> str:
    """Read events until the phase begins; return the drill's id."""
    assert process.stdout is not None
    for line in process.stdout:
        entry = in_words(json.loads(line))
        if entry["event"]["type"] == "phase-started" and entry["event"]["phase"] == phase:
            return str(entry["drill"])
    raise AssertionError(f"the drill ended before {phase}")


def shown(stage: Rig, drill_id: str) -> dict[str, Any]:
    return in_words(json.loads(stage.drp("drill", "show", drill_id, "--json").stdout))


@pytest.mark.parametrize("phase", PHASES)
def test_killed_in_a_phase_it_leaves_nothing_running_and_resumes_to_a_pass(stage: Rig, phase: str):
    with drill(stage) as process:
        drill_id = until(process, phase)
        process.kill()
        process.wait()
    assert wait(lambda: not processes_left(stage.site)), processes_left(stage.site)
    assert not [line for line in data_left(stage.site) if " - " in line], "no mount with restored data"
    assert shown(stage, drill_id)["verdict"] == "unfinished"
    resumed = stage.drp("drill", "resume", drill_id)
    after = shown(stage, drill_id)
    assert after["verdict"] == "passed", resumed.stderr
    assert after["sealed"] is True
    assert "DRP-X002" in {finding["code"] for found in after["findings"].values() for finding in found}
    assert not left(stage.site)
    assert in_words(json.loads(stage.drp("doctor", "--json", check=False).stdout))["needs"]


def test_the_next_drill_concludes_the_one_that_was_killed(stage: Rig):
    with drill(stage) as process:
        drill_id = until(process, "restore")
        process.kill()
        process.wait()
    assert wait(lambda: not processes_left(stage.site))
    done = stage.drp("drill", "run", "ehr-airgap")
    assert f"drill {drill_id} was cut off" in done.stderr
    before = shown(stage, drill_id)
    assert before["verdict"] == "inconclusive"
    assert before["sealed"] is True
    assert "DRP-X001" in {finding["code"] for found in before["findings"].values() for finding in found}
    assert not left(stage.site)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_safely_and_seals_as_aborted(stage: Rig, number: int, status: int):
    with drill(stage) as process:
        drill_id = until(process, "restore")
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == status, errors
    assert shown(stage, drill_id)["verdict"] == "aborted"
    assert shown(stage, drill_id)["sealed"] is True
    assert not left(stage.site)


def test_a_second_signal_stops_now(stage: Rig):
    with drill(stage) as process:
        drill_id = until(process, "restore")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        assert process.returncode == 130
    assert wait(lambda: not processes_left(stage.site))
    stage.drp("drill", "resume", drill_id, "--conclude", check=False)
    assert shown(stage, drill_id)["sealed"] is True
    assert not left(stage.site)


def test_a_kept_sandbox_can_be_worked_in_and_is_cleaned(stage: Rig):
    kept = stage.drp("drill", "run", "ehr-airgap", "--keep-sandbox", "--keep-for", "10m")
    drill_id = in_words(json.loads(stage.drp("drill", "show", "latest", "--json").stdout))["drill"]
    assert "drp drill exec" in kept.stderr
    inside = stage.drp("drill", "exec", drill_id, "--", "/bin/sh", "-c", "ls /data/files; id -u; exit 7", check=False)
    assert inside.returncode == 7
    assert "999" in inside.stdout
    hostile = ("drill", "exec", drill_id, "--", "/usr/bin/printf", "a\\tb\\n\\033[31m\\377")
    status, screen = on_a_terminal(
        [sys.executable, "-m", "drp", *hostile],
        environment={**os.environ, "DRP_SITE": str(stage.site), "LC_ALL": "C.UTF-8"},
    )
    assert (status, screen.replace(b"\r\n", b"\n")) == (0, b"a\tb\n\\x1b[31m\\xff"), "shown, and not obeyed"
    other = stage.drp("drill", "run", "ehr-airgap")
    assert "PASSED" in other.stderr, "another drill may run while a sandbox is kept"
    assert stage.drp("drill", "exec", drill_id, "--", "/bin/true").returncode == 0
    stage.drp("drill", "clean")
    assert wait(lambda: not processes_left(stage.site))
    assert not left(stage.site)
    assert stage.drp("drill", "exec", drill_id, "--", "/bin/true", check=False).returncode == 10


def test_a_kept_sandbox_is_destroyed_when_its_lease_ends(stage: Rig):
    stage.drp("drill", "run", "ehr-airgap", "--keep-sandbox", "--keep-for", "3s")
    assert wait(lambda: not processes_left(stage.site))
    assert not left(stage.site)


def test_a_pipe_that_closes_ends_no_drill(stage: Rig):
    before = {drill["drill"] for drill in in_words(json.loads(stage.drp("drill", "list", "--json").stdout))["items"]}
    done = subprocess.run(
        ["bash", "-c", '"$1" -m drp drill run ehr-airgap --json 2>&1 | head -n 1; exit ${PIPESTATUS[0]}', "bash", sys.executable],
        env={**os.environ, "DRP_SITE": str(stage.site)}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    first = in_words(json.loads(done.stdout))
    assert first["event"]["type"] == "drill-declared"
    assert first["drill"] not in before
    after = shown(stage, first["drill"])
    assert after["sealed"] is True
    assert done.returncode == {"passed": 0, "inconclusive": 3}[after["verdict"]], (
        "the drill's own status, which nobody read"
    )
    assert not left(stage.site)
