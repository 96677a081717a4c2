"""The HTML report: complete, one file, harmless, accessible, and the same bytes each time."""

from __future__ import annotations

import re

import pytest

from drp.domain.evidence import EvidenceRecord
from drp.evidence.record import make_record, record_digest
from drp.reporting.html import render_html
from drp.share import languages
from tests.support import fixtures_records as sample
from tests.support import sample_journal as journals
from tests.support import sample_outputs as given
from tests.support.pages import Page, page


@pytest.mark.parametrize("tag", languages())
def test_one_file_without_script_or_request(any_record: EvidenceRecord, tag: str) -> None:
    text = render_html(any_record, tag).decode()
    read = Page(text)
    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "header",
        "section",
        "article",
        "footer",
        "div",
    }
    allowed |= {
        "h1",
        "h2",
        "h3",
        "h4",
        "p",
        "span",
        "b",
        "strong",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "br",
        "bdi",
        "code",
    }
    allowed |= {"table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "details", "summary"}
    allowed |= {"svg", "desc", "defs", "pattern", "rect", "line", "text", "circle", "path"}
    assert {name for name, _ in read.elements} <= allowed
    attributes = {name for _, found in read.elements for name in found}
    assert not attributes & {"src", "href", "xlink:href", "srcset", "action", "style", "background"}
    assert not [name for name in attributes if name.startswith("on")]
    assert "://" not in text
    assert not re.search(r"url\((?!#r\d)", text)
    assert not re.search(r"@import|expression\(", text)


def test_the_content_security_policy_comes_before_anything_it_governs() -> None:
    read = page(sample.sample_record("passed"))
    names = [name for name, _ in read.elements]
    policy = next(
        index for index, (_, found) in enumerate(read.elements) if found.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy < names.index("style")
    assert read.elements[policy][1]["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@pytest.mark.parametrize("tag", languages())
def test_same_record_same_bytes(any_record: EvidenceRecord, tag: str) -> None:
    assert render_html(any_record, tag) == render_html(any_record, tag)


@pytest.mark.parametrize(
    ("name", "english", "french"),
    [
        ("passed", "Passed", "Réussi"),
        ("failed", "Failed", "Échec"),
        ("missed", "Failed", "Échec"),
        ("inconclusive", "Inconclusive", "Non concluant"),
        ("aborted", "Aborted", "Interrompu"),
    ],
)
def test_the_verdict_is_a_word(name: str, english: str, french: str) -> None:
    record = sample.sample_record(name)
    for tag, word in (("en", english), ("fr", french)):
        text = render_html(record, tag).decode()
        assert f"<strong>{word}</strong>" in text
        assert f'<html lang="{tag}">' in text


def test_a_passed_drill_shows_everything_that_was_proven() -> None:
    record = sample.sample_record("passed")
    text = page(record).text
    for expected in (
        "usable again after 20.1 s; the objective is 4 h",
        "42 min to 47 min",
        "81 of 81 denied",
        "12 targets reached",
        "intact, 0 hits",
        "7c1f0e8b" * 8,
        "object lock, compliance mode",
        "observed: the repository said so when asked",
        "128 of 128 objects looked at",
        "13 Dec 2026, 09:00:03 UTC",
        "made after the disaster",
        "2,418 files, 412 MB",
        "2,418 files hashed",
        "compared with 2,611 entries",
        "every table holds the rows it held at backup time",
        "10.20.0.15:2575/tcp",
        "DRP-I002",
        "Restore the recovery point",
        "Ansible's own overhead: 3.1 s",
        "Without Ansible's overhead it would be 17 s",
        "Nothing left",
        "What this report does not prove",
        "owners of files were not judged",
        "restic 0.14.0",
        record_digest(record),
        record.journal_head,
        "RTO · DMIA",
    ):
        assert re.sub(r"\s+", " ", expected) in text, expected
    assert text.count("denied") > 81


def test_french_uses_the_hospital_s_words() -> None:
    text = page(sample.sample_record("missed"), "fr").text
    for expected in ("objectif (DMIA) : 2 h", "objectif (PDMA) : 1 h", "Non tenu", "attente du support : 2 h 40 min"):
        assert expected in text


def test_waits_are_inside_the_recovery_time_and_shown_apart() -> None:
    record = sample.sample_record("missed")
    text = page(record).text
    assert "waiting for the medium: 2 h 40 min" in text
    assert "usable again after 2 h 40 min, later than the objective of 2 h" in text
    assert 'fill="url(#r1-time-wait)"' in render_html(record, "en").decode()


def test_a_failed_comparison_names_paths_and_how_many_it_left_out() -> None:
    text = page(sample.sample_record("failed")).text
    assert "433 deviations" in text
    assert "srv/ehr/scans/2026/11/doc-000412.pdf" in text
    assert "431 missing" in text
    shown = text.count("srv/ehr/scans/lost-")
    assert shown == 12
    assert f"and {433 - 2 - shown} more" in text
    assert "usable again" not in text


def test_findings_come_gravest_first() -> None:
    text = render_html(sample.sample_record("failed"), "en").decode()
    order = [
        text.index(f'<bdi class="data">{code}</bdi></span>')
        for code in ("DRP-H001", "DRP-H002", "DRP-I002", "DRP-H007")
    ]
    assert order == sorted(order)


def test_what_was_not_reached_is_said_and_not_left_out() -> None:
    read = page(sample.sample_record("aborted"))
    assert read.text.count("Not reached") == 2
    assert "Stopped in phase “Restore”" in read.text
    assert "not completed: Restore, Compare files, Start, Check" in re.sub(r" ,", ",", read.text)


def test_several_applications_get_an_overview() -> None:
    read = page(sample.sample_record("unreachable"))
    assert "Applications" in read.text
    assert "Laboratory information system was not recovered" in read.text
    assert "no answer from 127.0.0.1:9000 within 10 s" in read.text


def test_a_drill_that_recovered_nothing_can_be_reported() -> None:
    nothing = journals.Tale(application=given.application(), outputs={}, durations={})
    record = make_record(journals.tell(nothing), sample.TOOLS)
    assert "Inconclusive" in page(record).text
