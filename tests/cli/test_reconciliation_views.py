"""What the terminal says of applications compared with one another."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from drp.cli.live import LiveReporter
from drp.cli.progress import TextReporter
from drp.cli.reconciliation_views import describe_agreement, result_lines
from tests.unit.test_drill_control_flow import run
from tests.unit.test_drill_reconciliation import AT, HEALTHY, hospital
from tests.unit.test_report_reconciliation import AGREES, DANGLES, EARLIER, NUMBER, result


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (result(), "✔ 1 of 1 references hold"),
        (EARLIER, "✗ 0 of 1 references hold, 1 of 1 numbers would be issued again, all agree at 2026-11-21 12:00:00Z"),
        (result(references=(replace(AGREES, judged=False),)), "? 0 of 1 references hold, 1 not judged"),
        (result(references=(DANGLES,), agreement="none"), "✗ 0 of 1 references hold, they agree at no instant"),
    ],
)
def test_one_line_tells_how_they_fit_together(found, said):
    assert describe_agreement(found) == said


def test_every_reference_number_and_application_is_shown():
    text = "\n".join(result_lines(EARLIER))
    assert "✗ result has its order: 2 of 26 of lis not in ehr (21, <b>" in text
    assert "\u202e" not in text
    assert "run first: SELECT setval('s', 16, false)" in text
    assert "lis: roll to the common instant (2 younger records)" in text
    assert "pacs: cannot be rolled" in text
    tolerated = result(
        references=(replace(DANGLES, tolerate=2),), identifiers=(replace(NUMBER, judged=False, reason="x"),)
    )
    assert "! result has its order" in "\n".join(result_lines(tolerated))
    assert "? accession numbers: x" in "\n".join(result_lines(tolerated))


@pytest.mark.parametrize("reporter", [TextReporter, LiveReporter])
def test_a_running_drill_shows_the_comparison(reporter):
    stream = io.StringIO()
    world = hospital(results=[*HEALTHY["results"], (AT + 9, ("99",))])
    shown = reporter(stream)
    world.emit = shown.emit
    assert run(world).verdict == "failed"
    shown.close()
    assert "reconcile ✗ 0 of 1 references hold" in stream.getvalue()
    assert "DRP-A001" in stream.getvalue()
