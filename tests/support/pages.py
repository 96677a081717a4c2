"""Reads report pages the way a careful browser would: tags must balance, text is what a person sees."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from drp.domain.evidence import EvidenceRecord
from drp.reporting.html import render_html

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
