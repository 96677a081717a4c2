"""Details of a report: which tasks are listed, which records were read, whose they are."""

from __future__ import annotations

import re

from drp.domain.reconciliation.result import Harm, SetRead
from drp.domain.runbook import TaskResult
from drp.reporting.html import render_html
from drp.reporting.reconciliation_harm import harm_row
from drp.reporting.runbooks import authored
from drp.reporting.text import render_markdown
from tests.unit.test_report_story import apart, spaces


def test_ansible_s_own_tasks_are_left_out_unless_they_fail() -> None:
    tasks = [
        TaskResult(name="Validating arguments against arg spec 'main' - x", outcome="ok", duration_ms=1),
        TaskResult(name="Look at the arguments", outcome="ok", duration_ms=1, housekeeping=True),
        TaskResult(name="Start it", outcome="changed", duration_ms=1),
        TaskResult(name="Look again", outcome="failed", duration_ms=1, housekeeping=True),
    ]
    assert [task.name for task in authored(tasks)] == ["Start it", "Look again"]


def test_sets_that_were_read_are_told_with_how_many_count() -> None:
    sets = (
        SetRead(name="results", application="lis", read=12, counted=9),
        SetRead(name="orders", application="ehr", read=5, counted=5),
    )
    record = apart(sets=sets)
    for content in (render_html(record, "en"), render_markdown(record, "en")):
        text = re.sub("<[^>]*>", "", spaces(content.decode()))
        assert "12 records, of which 9 count" in text
        assert "5 records" in text


def test_of_whose_records_are_only_what_differs_is_told() -> None:
    def row(*patients: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        keys = tuple(str(number) for number in range(len(patients)))
        told = harm_row(
            Harm(kind="orphaned", application="lis", reference="x", count=len(keys), listed=keys, patients=patients)
        )
        return told.alike, told.listed

    assert row("a+s1", "a+s2") == ("", (("0", "s1"), ("1", "s2")))
    assert row("a+s1", "b+s1") == ("", (("0", "a"), ("1", "b")))
    assert row("a+s1", "a+s1") == ("a+s1", (("0", ""), ("1", "")))
    assert row("a+s1") == ("", (("0", "a+s1"),))
    assert row("a", "a+s1") == ("", (("0", "a"), ("1", "a+s1")))
