"""Whatever a backup holds, the report shows it and never obeys it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from drp.domain.findings.catalogue import FILE_CHANGED
from drp.domain.phrase import quoted
from drp.reporting.html import render_html
from tests.support import fixtures_records as sample
from tests.support import sample_journal as journals
from tests.support import sample_outputs as given
from tests.support.pages import Page, page

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; drop",
    "{{ 7 * 7 }}{% raw %}",
    "a\nb\rc\td",
    "\u202egpj.exe\u2066\u200b\ufeff",
    "\x1b[31mred\x07\x00",
    "]]><!-- -->",
    "x" * 10_000,
    "{application} {0} %s",
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_and_never_obeyed(hostile: str) -> None:
    base = journals.tale()
    check = replace(
        given.verified().checks[0],
        check=hostile,
        statement=quoted(hostile),
        observed=quoted(hostile),
        expected=quoted(hostile),
    )
    finding = replace(FILE_CHANGED.finding(subject=hostile, observed=hostile, expected=hostile), remedy=quoted(hostile))
    deviation = replace(sample.deviation(b"x"), path=hostile, expected=hostile, observed=hostile)
    outputs = base.outputs | {
        "hash": given.hashed(deviation, counts={"changed": 1}),
        "verify": replace(given.verified(), checks=(check,)),
    }
    record = sample.sample_record("passed")
    (recovery,) = record.recoveries
    recovery = replace(
        recovery,
        hash=outputs["hash"],
        verify=outputs["verify"],
        findings=(finding,),  # type: ignore[arg-type]
    )
    record = replace(
        record,
        recoveries=(recovery,),
        reasons=(f"ehr: {hostile}", f"ehr: check {hostile}: failed", f"ehr: DRP-H001 {hostile}"),
        host=hostile,
        tools={"restic": hostile},
    )
    text = render_html(record, "en").decode()
    plain = {name for name, _ in page(sample.sample_record("failed")).elements}
    read = Page(text)
    assert {name for name, _ in read.elements} <= plain
    assert not re.search("[\x00-\x08\x0b-\x1f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", text)
    assert len(text) < 140_000
    if len(hostile) > 1000:
        assert "… +9600" in text


def test_a_name_that_hides_characters_shows_them() -> None:
    record = sample.sample_record("failed")
    text = render_html(record, "en").decode()
    assert r"\u202egpj.exe\x0a&lt;script&gt;alert(1)&lt;/script&gt;\x1b[31m\xff|`x`" in text
    raw = render_html(replace(record, host="srv\u202e\n"), "en").decode()
    assert '<span class="escape">\\u202e\\n</span>' in raw
