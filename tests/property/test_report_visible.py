"""Whatever text a backup holds, what is shown of it can neither hide nor command, and stays short."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.visible import DATA_LIMIT, is_visible, one_line, printable, printable_lines, visible
from drp.reporting.html import _datum
from drp.reporting.text import code

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
    plain = "".join(c for c in text if is_visible(c))[:DATA_LIMIT]
    assert visible(plain) == plain
    assert printable(plain) == plain


@given(ANYTHING)
def test_what_is_printed_neither_hides_nor_commands(text: str) -> None:
    shown = printable(text)
    assert all(is_visible(c) or c in "\u00a0\u202f" for c in shown)
    assert "\n" not in shown
    assert printable_lines(text).count("\n") == text.count("\n")
    assert len(one_line(text, 100)) <= 101


@pytest.mark.parametrize(
    "character",
    ["\x1b", "\x9b", "\x85", "\u2028", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800", "\u0378", "\ue000", "\u3164", "\ufe0f", "\U000e0041",
     "\U000e0101", "\u034f", "\u2800"],
)  # fmt: skip
def test_characters_that_hide_are_written_out(character: str) -> None:
    assert printable(f"a{character}b").isascii()


def test_words_of_every_language_stay() -> None:
    for text in ("Hôpital : dossier n°\u00a01", "患者記録", "مريض", "naïve — “ok”", "a\u0301", "😀"):
        assert printable(text) == text


@given(ANYTHING)
def test_markup_of_data_is_only_ours(text: str) -> None:
    shown = str(_datum(text))
    for ours in (
        '<bdi class="data">',
        '<bdi class="data long">',
        "</bdi>",
        '<span class="escape">',
        '<span class="more">',
        "</span>",
    ):
        shown = shown.replace(ours, "")
    assert not set('<>"') & set(shown)


@given(ANYTHING)
def test_a_code_span_is_one_line_and_closed(text: str) -> None:
    span = code(text)
    fence = span[: len(span) - len(span.lstrip("`"))]
    assert "\n" not in span
    assert span.endswith(fence)
    assert fence not in span[len(fence) : -len(fence)].split("`" + fence)[0].replace("`" * (len(fence) + 1), "")
