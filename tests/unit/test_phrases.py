"""Phrases keep what they are made of, are read as strictly as they are written, and are words of a language at last."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drp.codec import canonical, from_data, from_json, to_data
from drp.domain.phrase import (
    NOTHING,
    RECORDED,
    Data,
    Day,
    Duration,
    Instant,
    Phrase,
    Rate,
    Several,
    Size,
    Value,
    beside,
    count,
    counted,
    english,
    fact,
    joined,
    own_words,
    quoted,
    recorded,
    say,
    several,
)
from drp.domain.phrase_form import read, written
from drp.errors import NotFound, Tampered, walk
from drp.redact import redacted, remember
from drp.reporting.i18n import language


def spaces(text: str) -> str:
    """Return a text with plain blanks: where French puts narrow ones is another test's."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@dataclass(frozen=True, slots=True)
class Holder:
    said: Phrase


def phrases() -> st.SearchStrategy[Phrase]:
    moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2999, 1, 1), timezones=st.just(UTC))
    numbers = st.integers(min_value=0, max_value=10**15)
    leaves = st.one_of(
        numbers,
        st.text().map(Data),
        st.builds(Duration, numbers, st.integers(min_value=1, max_value=5)),
        numbers.map(Size),
        st.builds(Rate, numbers, numbers),
        moments.map(Instant),
        moments.map(Day),
    )

    def deeper(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
        return st.one_of(
            st.builds(lambda one, other: say("{one} and {other}", one=one, other=other), inner, inner),
            st.builds(lambda values, number: counted("c", "{n} {x}", "{n} of {x}", number, x=values), inner, numbers),
            st.lists(inner, max_size=3).map(lambda values: Several(tuple(values), "; ")),
        )

    values = st.recursive(leaves, deeper, max_leaves=4)
    return st.one_of(
        st.builds(lambda value: fact("held", "held: {what}", what=value), values),
        st.text().map(quoted),
        st.text().map(recorded),
        st.just(NOTHING),
    )


@given(phrases())
def test_what_is_written_is_read_back_and_says_the_same(phrase: Phrase) -> None:
    form = to_data(Holder(phrase))
    again = from_data(Holder, json.loads(canonical(form))).said
    assert again == phrase
    assert again.code == phrase.code
    assert dict(again.values) == dict(phrase.values)
    assert written(again) == written(phrase)
    for copied in (copy.deepcopy(phrase), pickle.loads(pickle.dumps(phrase))):
        assert (copied, dict(copied.values)) == (phrase, dict(phrase.values))


@pytest.mark.parametrize(
    "form",
    [
        7,
        None,
        [],
        {},
        {"message": "x"},
        {"message": 7, "values": {}},
        {"message": "x", "values": [], "code": "c"},
        {"message": "x", "values": {}, "more": 1},
        {"message": "x", "values": {}, "plural": "y", "number": True},
        {"message": "{a}", "values": {}},
        {"message": "{a.__class__}", "values": {"a": "x"}},
        {"message": "{a[0]}", "values": {"a": "x"}},
        {"message": "{a!r}", "values": {"a": "x"}},
        {"message": "{a:>99999999}", "values": {"a": "x"}},
        {"message": "{", "values": {}},
        {"message": "{a}", "values": {"a": 1.5}},
        {"message": "{a}", "values": {"a": True}},
        {"message": "{a}", "values": {"a": {"instant": "2026-11-28T12:00:00"}}},
        {"message": "{a}", "values": {"a": {"instant": "yesterday"}}},
        {"message": "{a}", "values": {"a": {"milliseconds": 1, "units": "two"}}},
        {"message": "{a}", "values": {"a": {"bytes": 1, "units": 2}}},
        {"message": "{a}", "values": {"a": {"several": "x", "between": ","}}},
        {"message": "{text}", "values": {"text": "x"}, "code": "quoted"},
        {"message": "{text}", "values": {"text": "x"}, "code": RECORDED},
        {"quoted": 7},
    ],
)
def test_no_other_form_is_a_phrase(form: object) -> None:
    with pytest.raises((ValueError, ValidationError)):
        read(form)
    with pytest.raises(Tampered):
        from_json(Holder, json.dumps({"said": form}))


def test_a_record_cannot_nest_without_end() -> None:
    form: object = {"message": "x", "values": {}}
    for _ in range(100):
        form = {"message": "{a}", "values": {"a": form}}
    with pytest.raises(ValueError, match="no phrase"):
        read(form)


def test_a_sentence_of_before_stays_as_it_is_and_is_said_to_be_one() -> None:
    old = from_data(Holder, {"said": "7 of 12 {braces} stay"}).said
    assert old == "7 of 12 {braces} stay"
    assert to_data(Holder(old)) == {"said": "7 of 12 {braces} stay"}
    assert language("en").plain(old) == "7 of 12 {braces} stay (as recorded)"
    assert language("fr").plain(old) == "7 of 12 {braces} stay (tel que consigné)"
    assert from_data(Holder, {"said": ""}).said is NOTHING


def test_what_others_said_is_never_translated() -> None:
    assert language("fr").plain(quoted("missing")) == "missing"
    assert language("fr").plain(fact("kind-missing", "missing")).startswith("manquant")


def test_values_are_written_as_each_language_does() -> None:
    said = fact("at-most", "at most {tolerate}", tolerate=12_000)
    assert said == "at most 12000"
    assert spaces(language("fr").plain(said)) == "au plus 12 000"
    age = fact("at-most-instant", "at most {limit}", limit=Duration(9_000_000))
    assert (age, spaces(language("fr").plain(age))) == ("at most 2 h 30 min", "au plus 2 h 30 min")


def test_a_missing_value_is_refused_where_it_is_said() -> None:
    with pytest.raises(ValueError, match="asks for 'what'"):
        say("lacks {what}")


def test_the_number_decides_the_form() -> None:
    assert [count("{n} file", "{n} files", number) for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


def test_an_error_is_told_by_the_phrase_that_it_was_raised_with() -> None:
    error = NotFound(fact("none", "none"), hint="look again")
    assert language("fr").plain(say("{error}", error=error)) == "aucun"


@pytest.mark.parametrize("hint", [error.default_hint for error in walk()])
def test_a_hint_that_has_no_values_is_ours_and_is_said_in_the_reader_s_language(hint: str) -> None:
    said = own_words(hint)
    assert said == hint
    assert language("fr").plain(say("{hint}", hint=said)) == language("fr").text(hint) != hint
    assert written(said) == {"message": hint, "values": {}}


@pytest.mark.parametrize("foreign", ["\u202ehostile", "caf\u00e9", "bell\a", "two\nlines"])
def test_what_drp_never_wrote_is_data(foreign: str) -> None:
    assert own_words(foreign).code == quoted("").code
    assert own_words("holds {braces}") == "holds {braces}"


def test_parts_are_joined_and_none_is_lost() -> None:
    assert joined([]) == NOTHING
    one = fact("none", "none")
    assert joined([one, ""]) is one
    assert joined([one, quoted("b")]) == "none; b"
    assert one.then("") == "none"
    assert one.then(quoted("!")) == "none!"
    assert english(several(["a", 2])) == "a, 2"


def test_a_duration_is_told_apart_from_its_limit() -> None:
    told = beside(timedelta(hours=4, milliseconds=1), timedelta(hours=4))
    assert [english(each) for each in told] == ["4 h 1 ms", "4 h"]
    assert to_data(Holder(say("{a}", a=told[0])))["said"]["values"]["a"] == {"milliseconds": 14_400_001, "units": 4}


def test_secrets_go_from_the_values_and_the_fact_stays() -> None:
    remember("hunter-twenty-two")
    kept = redacted(fact("x", "{a}: {b}", a=say("told {c}", c="hunter-twenty-two"), b=several(["hunter-twenty-two"])))
    assert kept == "told [secret]: [secret]"
    assert kept.code == "x"
    assert redacted("hunter-twenty-two") == "[secret]"
    unsaid = count("{n} refused", "{n} refused {b}", 1, b="hunter-twenty-two")
    assert "hunter" not in str(written(redacted(unsaid))), (
        "a value that this form does not say is journalled all the same"
    )
    for plain in ("wrong password hunter-twenty-two", "{hunter-twenty-two}"):
        kept = redacted(own_words(plain))
        assert "hunter" not in str(written(kept))
        assert "[secret]" in kept
