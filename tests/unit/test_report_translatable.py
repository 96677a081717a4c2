"""Nothing that a person reads stands outside the catalogues, except data, figures and acronyms."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Catalog

from drp.domain.evidence import EvidenceRecord
from drp.reporting.html import render_page
from drp.reporting.i18n import Language

OPEN, CLOSE = "\u27e6", "\u27e7"
INNERMOST = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")
SAME_EVERYWHERE = {"SHA", "drp", "t", "RTO", "RPO", "RTA", "RPA", "DMIA", "PDMA", "PRD", "UTC"}
FIGURE = re.compile(r"^(\d*(ms|min|[shd])|[kMG]?B(/s)?|byte|[0-9a-f]{64}|(\d+ )?(Nov|Dec)|t\d+)$")


class Marked(Language):
    """English with every message between brackets."""

    def __init__(self) -> None:
        super().__init__("en", Catalog("en_GB"))

    def gettext(self, message: str) -> str:
        return f"{OPEN}{message}{CLOSE}"

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return f"{OPEN}{singular if number == 1 else plural}{CLOSE}"


@pytest.fixture(scope="module")
def marked() -> Marked:
    return Marked()


def test_every_word_is_in_the_catalogues(any_record: EvidenceRecord, marked: Marked) -> None:
    text = render_page(any_record, marked)
    text = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'<bdi class="data(?: long)?">.*?</bdi>', "", text, flags=re.DOTALL)
    text = re.sub(r'<dd class="digest">.*?</dd>', "", text, flags=re.DOTALL)
    labels = re.findall(r'aria-label="([^"]*)"', text)
    assert all(label.startswith(OPEN) for label in labels)
    text = re.sub(r"<title>.*?</title>", "", text, count=1)  # of the page: its words are shown again in the heading
    text = re.sub(r"<[^>]*>", " ", text)
    while INNERMOST.search(text):
        text = INNERMOST.sub(" ", text)
    words = re.findall(r"[^\W_]+(?:/s)?", re.sub(r"\d+[.,]\d+", "1", text))
    words = [word for word in words if word not in {recovery.recovery for recovery in any_record.recoveries}]
    left = {word for word in words if not word.isdigit() and word not in SAME_EVERYWHERE and not FIGURE.match(word)}
    assert not left
