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
from tests.unit.test_report_reconciliation import AGREES, DANGLES, EARLIER, EVERYTHING, EXCEPTION, NUMBER, kinds, result


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


def test_kinds_harm_and_exceptions_are_shown_apart_within_eighty_columns():
    lines = list(result_lines(EVERYTHING))
    text = " ".join(" ".join(lines).split())
    for said in (
        "if they were opened like this: ✗ 3 numbers in use would go to other patients in ehr (accession numbers)",
        "13 of aa11, 14 of bb22, and 1 more",
        "✗ 1 record would be shown under another patient in pacs (images) cc33",
        "! 15 records to enter again in ehr",
        "✗ lost: 3 of 900 of lis not in ehr, newer than its restored state of 2026-11-21 12:00:00Z 1000, 1001, 1002",
        "! older: 12 of 900 of lis not in ehr, the newest of 2026-11-21 12:00:00Z, tolerated up to 54 900, 899, and 10",
        "? not comparable: 40 of 900 of lis not in ehr, written AAA0000000, and there 0000000",
        "? undated: 2 of 900 of lis not in ehr u1, u2",
        "· excepted: 60 by EXT-*, second opinions (Dr <Roux>, until 2027-06-30)",
        "! expired: 12 by /site/foreign.txt",
        "! fits nothing: 0 by OLD-*",
        "! too broad: 5 (3 of them newer) by 1*, second opinions",
        "7 taken for the patient into whom theirs was merged",
    ):
        assert said in text, said
    assert max(map(len, lines)) <= 80
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("found", "mark"),
    [
        (kinds("recent", tolerate=99), "✗"),
        (kinds("older", tolerate=12), "!"),
        (kinds("older", tolerate=11), "✗"),
        (kinds("older", "strange", tolerate=52), "?"),
        (kinds("older", "strange", tolerate=51), "✗"),
        (kinds("undated", tolerate=2), "?"),
        (kinds("undated", tolerate=1), "✗"),
        (replace(kinds("older", tolerate=12), mismatched=1), "✗"),
        (kinds(excepted=60, exceptions=(EXCEPTION,)), "✔"),
    ],
)
def test_no_sign_says_more_than_is_known(found, mark):
    assert describe_agreement(result(references=(found,))).startswith(mark)
    assert list(result_lines(result(references=(found,))))[1].startswith(f"  {mark} ")
