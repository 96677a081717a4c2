"""What the terminal writes by itself in English is what reports write, blanks that do not break aside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drp.cli import wording
from drp.domain.phrase import Duration, Size, count, quoted, recorded, say, several
from drp.reporting.i18n import language


def same(phrase):
    return wording.words(phrase) == language("en").plain(phrase).replace("\u00a0", " ").replace("\u202f", " ")


@given(
    st.integers(0, 10**13),
    st.integers(0, 10**16),
    st.integers(-(10**9), 10**9),
    st.text(st.characters(codec="ascii", categories=["L", "Nd"])),
)
def test_figures_and_words_are_those_of_reports(ms, octets, number, text):
    assert same(
        say("{time} for {size}, {number}: {text}", time=Duration(ms), size=Size(octets), number=number, text=text)
    )
    assert same(count("{n} file", "{n} files", abs(number)))
    assert same(say("{all}", all=several([say("{size}", size=Size(octets)), text, number])))
    assert same(quoted(text))
    assert same(recorded(text))


def test_a_plain_string_is_data():
    assert wording.words("{not} a pattern") == "{not} a pattern"
