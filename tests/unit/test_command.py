"""The single door to other programs: limits, secrets, signals, and words that never hold a secret."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from drp import command
from drp.errors import CommandFailed, Interrupted
from tests.support.rig import wait


def test_output_and_environment_are_what_was_asked_for():
    output = command.run(["/usr/bin/env"], timeout_seconds=60, environment={"A": "1"})
    assert "A=1" in output.stdout
    assert {line.split("=")[0] for line in output.stdout.splitlines()} <= {"PATH", "HOME", "LC_ALL", "A", "PWD", "_"}


def test_a_secret_travels_by_memory_file_only():
    secret = "a-canary-that-nobody-sees"
    output = command.run(
        ["sh", "-c", 'cat "$KEY"; tr "\\0" " " < /proc/$$/environ; tr "\\0" " " < /proc/$$/cmdline'],
        timeout_seconds=60,
        secrets={"KEY": secret},
    )
    assert output.stdout.startswith(secret)
    assert output.stdout.count(secret) == 1
    assert secret not in " ".join(output.tail)


def test_an_error_holds_neither_argv_nor_secret():
    with pytest.raises(CommandFailed) as caught:
        command.run(
            ["sh", "-c", 'cat "$KEY" >&2; exit 3', "argument-in-argv"],
            timeout_seconds=60,
            secrets={"KEY": "the-canary-value"},
        )
    text = f"{caught.value} {caught.value.tail}"
    assert caught.value.exit_code == 3
    assert "the-canary-value" not in text
    assert "argument-in-argv" not in text


def test_the_whole_group_ends_at_the_time_limit(tmp_path: Path):
    note = tmp_path / "pid"
    output = command.run(["sh", "-c", f"sleep 60 & echo $! > {note}; wait"], timeout_seconds=2, check=False)
    assert output.ended_by == "timeout"
    pid = int(note.read_text())
    assert wait(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text())


def test_silence_ends_it_and_activity_does_not():
    assert command.run(["sleep", "30"], timeout_seconds=25, idle_seconds=0.4, check=False).ended_by == "idle"
    count = iter(range(10**9))
    begun = time.monotonic()
    output = command.run(
        ["sleep", "1"], timeout_seconds=25, idle_seconds=0.4, activity=lambda: next(count), check=False
    )
    assert output.ended_by == "itself"
    assert time.monotonic() - begun >= 1


def test_cancelling_interrupts():
    begun = time.monotonic()
    with pytest.raises(Interrupted):
        command.run(["sleep", "30"], timeout_seconds=60, cancelled=lambda: time.monotonic() - begun > 0.3)
    assert time.monotonic() - begun < 29


def test_a_program_that_is_not_there_says_so():
    with pytest.raises(CommandFailed, match="no-such-program is not installed"):
        command.run(["no-such-program"], timeout_seconds=1)
    with pytest.raises(CommandFailed):
        command.start(["/no/such/program"])


def test_lines_that_are_no_text_and_callbacks_that_fail_lose_nothing():
    seen: list[str] = []

    def on_line(_stream: str, line: str) -> None:
        seen.append(line)
        if len(seen) == 1:
            raise ValueError("a callback that fails")

    output = command.run(["printf", r"\377\n a\n b\n"], timeout_seconds=60, on_line=on_line)
    assert len(seen) == 3
    assert any("a callback that fails" in line for line in output.tail)


def test_a_program_that_stays_outlives_the_thread_that_asked_for_it():
    import threading

    found = []
    thread = threading.Thread(
        target=lambda: found.append(command.start(["setpriv", "--pdeathsig", "KILL", "sleep", "30"]))
    )
    thread.start()
    thread.join()
    time.sleep(0.3)
    process = found[0]
    assert process.poll() is None
    process.kill()
    process.wait()
    assert os.path.exists("/proc/self")
