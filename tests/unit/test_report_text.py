"""The summary: readable on a terminal, sound as Markdown, safe for both."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from drp.domain.evidence import EvidenceRecord
from drp.domain.judged import NotJudged
from drp.domain.visible import visible
from drp.evidence.record import record_digest
from drp.reporting.text import code, render_markdown
from drp.share import languages
from tests.support import fixtures_records as sample


@pytest.mark.parametrize("tag", languages())
def test_the_summary_has_verdict_figures_and_digest(any_record: EvidenceRecord, tag: str) -> None:
    text = render_markdown(any_record, tag).decode()
    assert re.match(r"# [✔✘⚠—] \w+", text)
    assert record_digest(any_record) in text
    assert render_markdown(any_record, tag).decode() == text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)


def test_tables_are_rectangular(any_record: EvidenceRecord) -> None:
    rows: list[int] = []
    for line in [*render_markdown(any_record, "en").decode().splitlines(), ""]:
        if line.startswith("|"):
            rows.append(len(re.findall(r"(?<!\\)\|", line)))
        else:
            assert len(set(rows)) <= 1
            rows = []


def test_findings_say_what_to_do() -> None:
    text = render_markdown(sample.sample_record("failed"), "fr").decode()
    assert "- **Critique** `DRP-H001` un fichier restauré diffère du manifeste" in text
    assert "  - À faire\u00a0: ne pas se fier à ce point de reprise" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("plain", "`plain`"), ("", "`—`"), ("a`b", "``a`b``"), ("`a`", "`` `a` ``"), ("a\nb\x1b", "`a\\nb\\x1b`")],
)
def test_data_cannot_end_its_code_span(text: str, expected: str) -> None:
    assert code(text) == expected


def test_hostile_names_do_not_reach_the_terminal() -> None:
    record = sample.sample_record("failed")
    (recovery,) = record.recoveries
    finding = replace(recovery.findings[0], subject="\x1b]0;owned\x07|`<b>\u202e" + "y" * 10_000)
    record = replace(record, recoveries=(replace(recovery, findings=(finding,)),))
    text = render_markdown(record, "en").decode()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "y" * 500 not in text


def test_visible_cuts_and_says_so() -> None:
    assert visible("abc", limit=2) == "ab… (+1)"
    assert visible("\U000e0041\u2028") == "\\U000e0041\\u2028"


def test_what_nobody_looked_at_is_listed_once_with_all_its_checks() -> None:
    record = sample.sample_record("passed")
    (recovery, *_) = record.recoveries
    assert recovery.verify is not None
    told = tuple(NotJudged(part="security labels", why="no | reader", check=check) for check in ("one", "two", "one"))
    recovery = replace(recovery, verify=replace(recovery.verify, not_judged=told))
    text = render_markdown(replace(record, recoveries=(recovery,)), "fr").decode()
    (line,) = [line for line in text.splitlines() if "security labels" in line]
    assert "no \\| reader" in line
    assert "`one, two`" in line
    assert "Non jugé" in text
