"""The report can be read by everybody: names for charts, headings for tables, contrast."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from drp.domain.evidence import EvidenceRecord
from drp.reporting.html import render_html
from drp.reporting.words import TONE_COLOURS
from tests.support import fixtures_records as sample
from tests.support.pages import page


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
    for tone, colour in TONE_COLOURS.items():
        assert colours[tone] == colour
        assert contrast(colour, colours[f"{tone}-ground"]) >= 4.5
        assert contrast(colour, "#ffffff") >= 4.5
    assert contrast(colours["soft"], colours["ground"]) >= 4.5
