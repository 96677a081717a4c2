"""Lines on a terminal: none is wider than it, durations stay on theirs, and a pipe gets them whole."""

from __future__ import annotations

import io
import os
import pty

from hypothesis import given
from hypothesis import strategies as st

from drp.cli.wrapping import beside, fitted, laid_out, room_of

WORDS = st.lists(st.text("abc✔é", min_size=1, max_size=9), min_size=1, max_size=30).map(" ".join)


@given(WORDS, st.integers(40, 100))
def test_a_text_keeps_its_words_in_lines_that_fit(text, columns):
    folded = fitted(f"  label        {text}", columns)
    assert max(map(len, folded.split("\n"))) <= columns
    assert folded.split() == ["label", *text.split()]
    assert fitted(text, None) == text


def test_a_line_goes_on_below_its_text_and_a_figure_keeps_its_unit():
    shown = fitted("  refused      1a2b3c4d of 2026-11-28 02:00:00Z: older than what it may be, by 14 min", 60)
    assert shown.split("\n") == [
        "  refused      1a2b3c4d of 2026-11-28 02:00:00Z: older than",
        "               what it may be, by 14 min",
    ]
    for columns in range(40, 60):
        assert "14\n" not in fitted("a word and more words and then it took 14 s and not more than that", columns)


def test_a_word_that_does_not_fit_stays_whole():
    path = "/srv/" + "x" * 90
    assert path in fitted(f"evidence: {path} (sha256 00)", 60).split() or path in fitted(f"evidence: {path}", 60)


def test_what_a_phase_took_stands_on_its_first_line():
    shown = beside("  ehr  select    ", "✔ a point that is " + "quite " * 20 + "long", "0.4 s", 80).split("\n")
    assert shown[0].endswith("  0.4 s")
    assert len(shown[0]) == 80
    assert all(len(line) <= 80 and line.startswith(" " * 17) for line in shown[1:])
    assert beside("  select    ", "✔ short", "1 s", None) == f"  select    {'✔ short':<78} {'1 s':>8}"


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=4))
def test_a_table_fits_and_loses_nothing(rows):
    whole = [("NAME", "SECOND", "LAST"), *rows]
    narrow = list(laid_out(whole, 60))
    assert max(map(len, narrow)) <= 60
    assert sorted(" ".join(narrow).split()) == sorted(" ".join(" ".join(row) for row in whole).split())
    assert len(list(laid_out(whole, None))) == len(whole)


def test_what_cannot_fit_has_a_line_of_its_own():
    rows = [("DRILL", "RECORD", "LOCATION"), ("d" * 40, "r" * 30, "/evidence/record.json")]
    assert list(laid_out(rows, 80)) == [
        f"{'DRILL':<40}  RECORD",
        "    LOCATION",
        f"{'d' * 40}  {'r' * 30}",
        "    /evidence/record.json",
    ]


def test_only_a_terminal_has_columns(monkeypatch):
    assert room_of(io.StringIO()) is None
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        for said, columns in (("72", 72), ("20", None), ("many", None)):
            monkeypatch.setenv("COLUMNS", said)
            assert room_of(stream) == columns
    os.close(ours)
