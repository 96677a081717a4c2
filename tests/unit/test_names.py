"""Names of people: what looks like another letter is shown, what is a name of any language is left alone."""

from __future__ import annotations

import unicodedata

import pytest

from drp.domain.names import bears, is_ambiguous, same_name, shown_name

HEALTHY = (
    "N. Durand", "Hélène Lefèvre", "Zoë Brontë-O’Brien", "Jürgen Groß", "Łukasz Żółć", "Ðorđe Þór", "Yıldız Çağrı", "Nguyễn Thị Hương",
    "Иванова Анна", "Оксана Коваленко", "Роса Иванова", "Γιώργος Παπαδόπουλος", "Աննա Հակոբյան", "محمد بن علي", "דוד כהן", "山田 太郎",
    "やまだ タロウ 太郎", "김철수", "Anna Иванова", "Иванов (Ivanov)", "अनिता शर्मा", "สมชาย", "Dr. med. J. Müller, chef de service",
    "head nurse on duty", "Chef\u00a0de service", "Əliyev", "N. Durand 2", "Ægir Ø. Åse",
)  # fmt: skip
LOOKALIKES = {
    "N. Dur\u0430nd": "N. Dur[U+0430 CYRILLIC SMALL LETTER A]nd",
    "\u041d. Durand": "[U+041D CYRILLIC CAPITAL LETTER EN]. Durand",
    "N. Dura\u200bnd": "N. Dura[U+200B ZERO WIDTH SPACE]nd",
    "\u202edruD .N": "[U+202E RIGHT-TO-LEFT OVERRIDE]druD .N",
    "N. D\uff55rand": "N. D[U+FF55 FULLWIDTH LATIN SMALL LETTER U]rand",
    "\U0001d40d. Durand": "[U+1D40D MATHEMATICAL BOLD CAPITAL N]. Durand",
    "N. Dur\u03b1nd": "N. Dur[U+03B1 GREEK SMALL LETTER ALPHA]nd",
    "N. Dur\u0251nd": "N. Dur[U+0251 LATIN SMALL LETTER ALPHA]nd",
    "N. Durand\x1b[31m": "N. Durand[U+001B][31m",
    "N.\nDurand": "N.[U+000A]Durand",
    "\u0420\u0430\u0440\u0430": "".join(
        f"[U+{ord(each):04X} {unicodedata.name(each)}]" for each in "\u0420\u0430\u0440\u0430"
    ),
    "N.\u3164Durand": "N.[U+3164 HANGUL FILLER]Durand",
    "N. Duran\u0501": "N. Duran[U+0501 CYRILLIC SMALL LETTER KOMI DE]",
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_name_of_any_language_is_left_as_it_is(name: str) -> None:
    assert shown_name(name) == name
    assert not is_ambiguous(unicodedata.normalize("NFD", name))


@pytest.mark.parametrize(("name", "shown"), LOOKALIKES.items())
def test_what_may_be_taken_for_another_letter_is_named(name: str, shown: str) -> None:
    assert shown_name(name) == shown
    assert is_ambiguous(name)
    assert not same_name(name, "N. Durand")
    assert not bears("n.durand@chu.example", name)


def test_a_long_name_is_cut_and_names_nothing_twice() -> None:
    assert shown_name("é" * 500) == "é" * 200 + "…"
    assert is_ambiguous("é" * 500 + "\u200b")
    assert shown_name("") == ""


@pytest.mark.parametrize(
    ("principal", "name"),
    [
        ("n.durand@chu.example", "N. Durand"),
        ("n.durand@chu.example", "Nicole DURAND"),
        ("ndurand", "Dr Nicole Durand"),
        ("durandn@chu.example", "Nicole Durand"),
        ("helene.lefevre@chu.example", "Hélène Lefèvre"),
        ("mueller@chu.example", "J. Müller"),
        ("j.muller@chu.example", "Jürgen Müller"),
        ("jp.delatour@chu.example", "Jean-Pierre de La Tour"),
        ("иванова@chu.example", "Анна Иванова"),
        ("Head nurse", "head  nurse"),
    ],
)
def test_a_principal_that_says_the_name_bears_it(principal: str, name: str) -> None:
    assert bears(principal, name)


@pytest.mark.parametrize(
    ("principal", "name"),
    [
        ("trainee.mallory@chu.example", "N. Durand"),
        ("nd@chu.example", "N. Durand"),
        ("durant@chu.example", "N. Durand"),
        ("n.durand2@chu.example", "N. Durand"),
        ("@chu.example", "N. Durand"),
        ("*@chu.example", "N. Durand"),
        ("n.durand@chu.example", ""),
        ("n@chu.example", "N. Durand"),
    ],
)
def test_a_principal_that_says_another_name_does_not(principal: str, name: str) -> None:
    assert not bears(principal, name)


def test_the_same_name_is_the_same_however_it_is_typed() -> None:
    assert same_name("Hélène  Lefèvre", unicodedata.normalize("NFD", " hélène lefèvre "))
    assert not same_name("Hélène Lefèvre", "Helene Lefevre")
