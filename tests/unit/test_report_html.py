"""The HTML report: complete, one file, harmless, accessible, and the same bytes each time."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from drp.domain.evidence import EvidenceRecord
from drp.evidence.record import make_record, record_digest
from drp.reporting.html import render_html
from drp.reporting.i18n import LANGUAGES
from drp.reporting.svg import COLOURS
from tests.support import fixtures_records as sample

VOID = {"meta", "br", "hr", "img", "link", "input", "!doctype"}


class Page(HTMLParser):
    """Reads a page and insists on balanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[\s\u00a0\u202f]+", " ", " ".join(self.words))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(record: EvidenceRecord, tag: str = "en") -> Page:
    return Page(render_html(record, tag).decode())


@pytest.mark.parametrize("tag", LANGUAGES)
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
    allowed |= {"h1", "h2", "h3", "h4", "p", "span", "b", "strong", "ul", "li", "dl", "dt", "dd", "br", "bdi", "code"}
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


@pytest.mark.parametrize("tag", LANGUAGES)
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
        "usable again after 20.1s; the objective is 4h",
        "42m to 47m",
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
        "Ansible's own overhead: 3.1s",
        "Without Ansible's overhead it would be 17s",
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
    assert "waiting for the medium: 2h 40m" in text
    assert "usable again after 2h 40m, later than the objective of 2h" in text
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
    base = sample.tale()
    check = replace(sample.verified().checks[0], check=hostile, statement=hostile, observed=hostile, expected=hostile)
    finding = replace(sample.FILE_CHANGED.finding(subject=hostile, observed=hostile, expected=hostile), remedy=hostile)
    deviation = replace(sample.deviation(b"x"), path=hostile, expected=hostile, observed=hostile)
    outputs = base.outputs | {
        "hash": sample.hashed(deviation, counts={"changed": 1}),
        "verify": replace(sample.verified(), checks=(check,)),
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


def test_charts_have_a_name_and_a_description_and_are_sound_xml(any_record: EvidenceRecord) -> None:
    text = render_html(any_record, "fr").decode()
    identities = re.findall(r' id="([^"]+)"', text)
    assert len(identities) == len(set(identities))
    figures = re.findall(r'<svg class="(?:gauge|timeline)".*?</svg>', text, re.DOTALL)
    assert len(figures) >= 3
    for figure in figures:
        root = ET.fromstring(figure)
        assert root.get("role") == "img"
        assert set((root.get("aria-labelledby") or "").split()) <= set(identities)
        assert (root.findtext("title"), root.findtext("desc")) != ("", "")
    for decoration in re.findall(r'<svg class="mark"[^>]*>', text):
        assert 'aria-hidden="true"' in decoration


def test_tables_say_what_their_headings_head(any_record: EvidenceRecord) -> None:
    for attributes in page(any_record).named("th"):
        assert attributes.get("scope") in {"row", "col"}


def luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_words_stand_out_from_their_ground() -> None:
    """WCAG 2.2 AA asks 4.5 to 1 for text; colour never speaks alone, but its words must be readable."""
    style = render_html(sample.sample_record("passed"), "en").decode()
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", style))
    for tone, colour in COLOURS.items():
        assert colours[tone] == colour
        assert contrast(colour, colours[f"{tone}-ground"]) >= 4.5
        assert contrast(colour, "#ffffff") >= 4.5
    assert contrast(colours["soft"], colours["ground"]) >= 4.5


def test_a_drill_that_recovered_nothing_can_be_reported() -> None:
    nothing = sample.Tale(application=sample.application(), outputs={}, durations={})
    record = make_record(sample.tell(nothing), sample.TOOLS)
    assert "Inconclusive" in page(record).text
