"""Figures, dates and messages in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drp.domain.phrase import Data, Day, Duration, Instant, Rate, Size, count, say
from drp.domain.plan import title_of
from drp.errors import UsageError
from drp.reporting.html import render_html
from drp.reporting.i18n import language
from drp.reporting.text import render_markdown
from drp.share import languages
from tests.support.fixtures_records import sample_record


def spaces(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("ms", "english", "french"),
    [
        (0, "0 ms", "0 ms"),
        (999, "999 ms", "999 ms"),
        (1_000, "1 s", "1 s"),
        (20_149, "20.1 s", "20,1 s"),
        (59_999, "59.9 s", "59,9 s"),
        (60_000, "1 min", "1 min"),
        (92_431, "1 min 32 s", "1 min 32 s"),
        (7_200_000, "2 h", "2 h"),
        (7_230_000, "2 h 30 s", "2 h 30 s"),
        (9_620_000, "2 h 40 min", "2 h 40 min"),
        (270_183_000, "3 d 3 h", "3 j 3 h"),
    ],
)
def test_durations(ms: int, english: str, french: str) -> None:
    assert spaces(language("en").duration(ms)) == english
    assert spaces(language("fr").duration(ms)) == french


def test_a_duration_is_never_rounded_down_to_its_objective() -> None:
    """Later than two hours must not read as two hours."""
    for tag in languages():
        assert language(tag).duration(7_201_000) != language(tag).duration(7_200_000)


def test_sizes_rates_and_numbers() -> None:
    english, french = language("en"), language("fr")
    assert spaces(english.size(412_316_860)) == "412 MB"
    assert spaces(french.size(412_316_860)) == "412 Mo"
    assert spaces(french.size(1_440_000)) == "1,4 Mo"
    assert spaces(english.rate(412_316_860, 1_240)) == "333 MB/s"
    assert spaces(english.rate(10, 0)) == "10 kB/s"
    assert english.number(12_345) == "12,345"
    assert spaces(french.number(12_345)) == "12 345"
    assert spaces(french.percent(0.001)) == "0,1 %"
    assert spaces(english.percent(1.34)) == "134 %"


def test_instants_are_utc_to_the_second() -> None:
    at = datetime(2026, 11, 14, 18, 5, 3, 999_000, tzinfo=UTC)
    assert spaces(language("en").instant(at)) == "14 Nov 2026, 18:05:03 UTC"
    assert spaces(language("fr").instant(at)) == "14 nov. 2026, 18:05:03 UTC"
    assert spaces(language("fr").value(Day(at))) == "14 nov. 2026"


def test_phrases_take_typed_values() -> None:
    french = language("fr")
    phrase = say("{application}: {reason}", application=Data("ehr\n"), reason=say("nothing was checked"))
    assert spaces(french.plain(phrase)) == "ehr\\n : rien n’a été contrôlé"
    assert french.plain(count("{n} file", "{n} files", 0)) == "0 fichier"
    assert language("en").plain(count("{n} file", "{n} files", 0)) == "0 files"
    assert french.plain(count("{n} file", "{n} files", 2)) == "2 fichiers"
    assert language("en").value(Instant(datetime(2026, 1, 2, tzinfo=UTC))).startswith("2 Jan 2026")
    assert [spaces(french.value(value)) for value in (Duration(5), Size(1), Rate(1, 1000), 7)] == [
        "5 ms",
        "1 o",
        "1 o/s",
        "7",
    ]


def test_an_unknown_message_stays_english_and_an_unknown_language_is_refused() -> None:
    assert language("fr").gettext("no such message") == "no such message"
    with pytest.raises(UsageError, match="'de'"):
        language("de")


@pytest.mark.parametrize(("ad_hoc", "title"), [(True, "reprise ponctuelle de"), (False, "Ransomware")])
def test_a_drill_that_nobody_planned_is_titled_in_the_reader_s_language(ad_hoc: bool, title: str) -> None:
    record = replace(sample_record("passed"), ad_hoc=ad_hoc)
    said = spaces(language("fr").plain(title_of(record.plan, ad_hoc=record.ad_hoc)))
    assert said.startswith(title)
    for page in (render_html(record, "fr").decode(), render_markdown(record, "fr").decode()):
        assert title in spaces(page)
        assert "ad hoc recovery" not in page
