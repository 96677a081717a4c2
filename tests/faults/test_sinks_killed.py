"""Killed at any instant of a deposit, a sink holds the whole of it or nothing; the next deposit goes through."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from drp.sinks import DirectorySink
from tests.support.waiting import eventually

CONTENT = b"0123456789abcdef" * 65_536


def deposit_until_killed(root: Path) -> int:
    """Return the pid of a child that deposits one drill after the other."""
    child = os.fork()
    if child == 0:  # pragma: no cover - the child never returns
        try:
            sink = DirectorySink(root)
            for number in range(100_000):
                sink.put(f"drill-{number}", "record.json", CONTENT)
        finally:
            os._exit(1)
    return child


def test_a_killed_deposit_is_whole_or_absent(tmp_path: Path) -> None:
    root = tmp_path / "evidence"
    whole = 0
    for delay_ms in range(2, 42, 2):
        child = deposit_until_killed(root / str(delay_ms))
        first = root / str(delay_ms) / "drill-0" / "record.json"
        if delay_ms % 4:  # at any instant of the first, or of later ones
            assert eventually(first.exists)
        time.sleep(delay_ms / 1000)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        sink = DirectorySink(root / str(delay_ms))
        for drill in sink.drills():
            if "record.json" in sink.names(drill):
                assert sink.get(drill, "record.json") == CONTENT
                whole += 1
        last = (*sink.drills(), "drill-0")[0]
        sink.put(last, "record.json", CONTENT)
        assert sink.get(last, "record.json") == CONTENT
    assert whole > 0
