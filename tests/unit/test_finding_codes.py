"""Every finding code can be told in every report and language."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from drp.domain.findings.catalogue import CATALOGUE
from drp.reporting.html import render_html
from drp.reporting.text import render_markdown
from tests.support import fixtures_records as sample


def record_with_every_finding():
    record = sample.sample_record("failed")
    findings = tuple(code.finding(subject="s", observed="o", expected="e") for code in CATALOGUE.values())
    recovery = replace(record.recoveries[0], findings=findings, earlier_findings=findings[:3])
    return replace(record, recoveries=(recovery, *record.recoveries[1:]))


@pytest.mark.parametrize("tongue", ["en", "fr"])
def test_every_code_is_told_with_its_remedy(tongue):
    record = record_with_every_finding()
    for page in (render_html(record, tongue).decode(), render_markdown(record, tongue).decode()):
        for code in CATALOGUE:
            assert code in page
    earlier = {"en": "found before the drill was resumed", "fr": "constaté avant la reprise de l’exercice"}[tongue]
    assert render_html(record, tongue).decode().count(earlier) == 3


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_no_text_of_the_catalogue_is_taken_for_a_pattern(code):
    entry = CATALOGUE[code]
    assert not re.search(r"[{}]", entry.title + entry.remedy)
    assert entry.code == code
    assert entry.meaning.endswith(".")
