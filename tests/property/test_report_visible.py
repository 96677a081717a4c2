"""Whatever text a backup holds, what is shown of it can neither hide nor command, and stays short."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from drp.reporting.html import _datum
from drp.reporting.text import code
from drp.reporting.visible import DATA_LIMIT, visible

ANYTHING = st.text(st.characters(codec=None), max_size=600)


@given(ANYTHING)
def test_only_printable_characters_are_shown(text: str) -> None:
    shown = visible(text)
    assert all(c.isprintable() or c in "\u00a0\u202f" for c in shown)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    shown.encode()
    assert len(shown) <= DATA_LIMIT * 10 + 20


@given(ANYTHING)
def test_printable_text_is_shown_as_it_is(text: str) -> None:
    printable = "".join(c for c in text if c.isprintable())[:DATA_LIMIT]
    assert visible(printable) == printable


@given(ANYTHING)
def test_markup_of_data_is_only_ours(text: str) -> None:
    shown = str(_datum(text))
    for ours in ('<bdi class="data">', "</bdi>", '<span class="escape">', '<span class="more">', "</span>"):
        shown = shown.replace(ours, "")
    assert not set('<>"') & set(shown)


@given(ANYTHING)
def test_a_code_span_is_one_line_and_closed(text: str) -> None:
    span = code(text)
    fence = span[: len(span) - len(span.lstrip("`"))]
    assert "\n" not in span
    assert span.endswith(fence)
    assert fence not in span[len(fence) : -len(fence)].split("`" + fence)[0].replace("`" * (len(fence) + 1), "")
