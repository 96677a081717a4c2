"""Whoever follows a drill may stop to read at any time: that ends the reading, and not the drill."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FOLLOW = """
import sys
from drp.cli import streams
from drp.cli.holding import exit_status, follow
from drp.cli.progress import JsonLinesReporter, TextReporter
from drp.domain.events import DrillDeclared
from drp.service.supervisor import Notice, Outcome
from tests.support.fixtures_records import passed_journal

class Running:
    outcome = Outcome()
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def __iter__(self):
        for entry in passed_journal():
            self.outcome.take(entry)
            yield entry
            if isinstance(entry.event, DrillDeclared):
                yield Notice("something else to read")
                input()  # until whoever reads has gone
    def stop(self, number): raise AssertionError("nobody asked it to stop")

streams.prepare()
running = Running()
reporter = JsonLinesReporter() if sys.argv[1] == "json" else TextReporter(sys.stderr)
outcome = follow(running, reporter)
reporter.close()
streams.deliver()
assert outcome.concluded == "passed"
open(sys.argv[2], "w").write(str(len(passed_journal())))
sys.exit(exit_status(outcome) if outcome.sealed else 0)
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_nobody_reads_on_and_the_drill_is_followed_to_its_end(form, tmp_path):
    program = subprocess.Popen(
        [sys.executable, "-c", FOLLOW, form, str(tmp_path / "end")],
        env={key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert program.stdout is not None
    assert program.stdin is not None
    with program:
        assert program.stdout.readline()
        program.stdout.close()
        program.stdin.write(b"\n")
        program.stdin.close()
        assert program.wait(60) == 0
    assert int((tmp_path / "end").read_text()) > 1
