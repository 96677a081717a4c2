"""One contract for every way to run commands: the sandbox's, this machine's, and the simulator of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.domain.check import Target
from drp.verifiers.local import LocalTarget
from tests.simulators import target as simulated

pytestmark = pytest.mark.real


@pytest.fixture(params=["sandbox", "local", "simulated"])
def target(request: pytest.FixtureRequest) -> Target:
    match request.param:
        case "sandbox":
            rig = request.getfixturevalue("rig")
            made: Target = rig.driver.target(rig.open())
            return made
        case "local":
            return LocalTarget()
        case _:
            return simulated.LocalTarget()


def test_both_streams_and_the_exit_code_come_back(target: Target):
    ended = target.run(["/bin/sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (ended.exit_code, ended.stdout.strip(), ended.stderr.strip()) == (7, b"out", b"err")
    assert not ended.timed_out


def test_input_is_given_whole_and_ends(target: Target):
    content = b"line of content\n" * 20_000
    assert target.run(["/bin/cat"], stdin=content).stdout == content
    assert target.run(["/bin/cat"], timeout_seconds=20).exit_code == 0


def test_a_death_by_signal_is_negative(target: Target):
    assert target.run(["/bin/sh", "-c", "kill -SEGV $$"]).exit_code == -11


def test_a_time_limit_ends_the_command_and_is_told(target: Target):
    ended = target.run(["/bin/sh", "-c", "sleep 60"], timeout_seconds=0.5)
    assert ended.timed_out
    assert ended.duration_ms < 30_000


def test_a_missing_program_is_a_result(target: Target):
    ended = target.run(["/nonexistent/program"])
    assert ended.exit_code == 127
    assert ended.stderr


def test_the_environment_is_what_was_given_and_not_the_callers(target: Target, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CALLERS_SECRET", "canary")
    shown = target.run(["/usr/bin/env"], environment={"ANSWER": "42"}).stdout
    assert b"ANSWER=42" in shown
    assert b"CALLERS_SECRET" not in shown


def test_what_is_killed_at_its_limit_leaves_no_temporary_files():
    program = "import tempfile, time; print(tempfile.mkdtemp(prefix='copy-of-patients-'), flush=True); time.sleep(60)"
    for seconds in (2, 20, 200):  # it has to begin before it is killed
        ended = LocalTarget().run(["/usr/bin/python3", "-c", program.replace("60", "600")], timeout_seconds=seconds)
        if ended.stdout:
            break
    made = Path(ended.stdout.decode().strip())
    assert ended.timed_out
    assert made.name.startswith("copy-of-patients-")
    assert not made.parent.exists()
