"""Every finding code can be told in every report and language."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from drp.domain.findings.catalogue import CATALOGUE
from drp.reporting.html import render_html
from drp.reporting.text import MOST_FINDINGS, render_markdown
from tests.support import fixtures_records as sample


def batched(values, size):
    values = tuple(values)
    return (values[start : start + size] for start in range(0, len(values), size))


def record_with(codes):
    record = sample.sample_record("failed")
    findings = tuple(code.finding(subject="s", observed="o", expected="e") for code in codes)
    recovery = replace(record.recoveries[0], findings=findings, earlier_findings=findings[:3])
    return replace(record, recoveries=(recovery, *record.recoveries[1:]))


def pages(record, tongue):
    return render_html(record, tongue).decode(), render_markdown(record, tongue).decode()


@pytest.mark.parametrize("tongue", ["en", "fr"])
def test_every_code_is_told_with_its_remedy(tongue):
    for some in batched(CATALOGUE.values(), MOST_FINDINGS):
        record = record_with(some)
        for page in pages(record, tongue):
            for code in some:
                assert code.code in page
        earlier = {"en": "found before the drill was resumed", "fr": "constaté avant la reprise de l’exercice"}[tongue]
        assert pages(record, tongue)[0].count(earlier) == 3


def test_what_a_page_has_no_room_for_is_counted():
    graves = [code for code in CATALOGUE.values() if code.severity == "critical"]
    record = record_with((graves * 5)[: MOST_FINDINGS + 37])
    assert all("and 37 more" in page for page in pages(record, "en"))


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_no_text_of_the_catalogue_is_taken_for_a_pattern(code):
    entry = CATALOGUE[code]
    assert not re.search(r"[{}]", entry.title + entry.remedy)
    assert entry.code == code
    assert entry.meaning.endswith(".")
