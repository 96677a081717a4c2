"""Records are made comparable as declared, in a time that no value makes long, and never so that nothing is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.config.expressions import compiled
from drp.domain.reconciliation.declaration import RecordSource
from drp.domain.reconciliation.preparation import Condition, Normalisation, Replacement
from drp.verifiers.preparing import Preparation, form_of, holds


def normal(value: str, **declared: object) -> str:
    return form_of(Normalisation(**declared))(value)


@pytest.mark.parametrize(
    ("value", "declared", "expected"),
    [
        ("00042", {"zeros": "strip"}, "42"),
        ("000", {"zeros": "strip"}, "0"),
        ("00A1", {"zeros": "strip"}, "0A1"),
        ("A001", {"zeros": "strip"}, "A001"),
        ("42", {"pad_to": 6}, "000042"),
        ("1234567", {"pad_to": 6}, "1234567"),
        ("A42", {"pad_to": 6}, "A42"),
        ("LYO1000", {"remove_prefixes": ("LYO",)}, "1000"),
        ("LYO", {"remove_prefixes": ("LYO",)}, "LYO"),
        ("LYOLYO1", {"remove_prefixes": ("LYO",)}, "LYO1"),
        ("a1000", {"case": "upper"}, "A1000"),
        ("^^7^", {"strip": "^"}, "7"),
        ("lyo-0007^x", {"case": "upper", "remove_prefixes": ("LYO-",), "zeros": "strip",
                        "replace": (Replacement(pattern=r"\^.*$"),)}, "7"),
        ("2026/00017", {"replace": (Replacement(pattern=r"^(\d+)/0*(\d+)$", by=r"\2-\1"),)}, "17-2026"),
    ],
)  # fmt: skip
def test_a_value_is_brought_into_its_form(value, declared, expected):
    assert normal(value, **declared) == expected


@given(st.text(max_size=128), st.sampled_from(["upper", "lower", "as-is"]))
def test_what_is_in_its_form_already_stays(value, case):
    form = form_of(Normalisation(strip="^", case=case, zeros="strip", pad_to=0))
    once = form(value)
    if case == "as-is":
        assert form(once) == once
    assert once == once.strip()


def test_a_hostile_value_takes_no_longer_than_its_length():
    assert compiled("(a+)+$", "x")("a" * 128 + "!") == "a" * 128 + "!"


def test_what_is_no_text_fits_no_expression_and_stays():
    assert compiled("1", "x")("\ud8001") == "\ud8001"
    assert compiled("1", "x")("\x001") == "\x00x"


@given(
    st.text(max_size=128),
    st.builds(
        Normalisation,
        strip=st.text(max_size=3),
        case=st.sampled_from(["upper", "lower", "as-is"]),
        remove_prefixes=st.lists(st.text(min_size=1, max_size=3), max_size=2).map(tuple),
        zeros=st.sampled_from(["strip", "as-is"]),
        pad_to=st.integers(0, 64),
    ),
)
def test_no_value_is_too_odd_for_a_form_and_each_has_one(value, declared):
    form = form_of(declared)
    assert form(value) == form_of(declared)(value)
    assert form(value) == form(f"  {value}\t ")
    assert len(form(value)) <= max(64, 3 * len(value))


@given(st.integers(0, 10**12), st.integers(0, 8), st.sampled_from(["LYO", ""]))
def test_a_number_is_one_however_it_is_written(number, zeros, prefix):
    declared = {"case": "upper", "remove_prefixes": ("LYO",), "zeros": "strip"}
    written = f" {prefix.lower()}{'0' * zeros}{number} "
    assert normal(written, **declared) == str(number)
    assert normal(written, **{**declared, "pad_to": 14}) == f"{number:014}"


def test_a_hostile_value_cannot_make_a_pattern_long():
    pattern = "*a" * 60 + "*b"
    assert not holds(Condition(field="key", like=pattern), "a" * 128)
    assert not holds(Condition(field="key", unlike=pattern), "a" * 127 + "b")


def test_a_single_value_of_which_nothing_is_left_compares_nothing():
    preparation = Preparation(source(normalise={"key": Normalisation(strip="7")}), ("key",))
    preparation.prepared(("77",))
    assert "the same" in preparation.trouble()
    blank = Preparation(source(normalise={"key": Normalisation(strip="7")}), ("key",))
    blank.prepared(("",))
    assert not blank.trouble()


def source(**said: object) -> RecordSource:
    return RecordSource(name="orders", application="ehr", reader="sim", **said)


def test_conditions_see_what_the_reader_gave_and_are_all_to_hold():
    conditions = (Condition(field="state", differs=("draft",)), Condition(field="key", like="A*"))
    preparation = Preparation(source(where=conditions, normalise={"key": Normalisation(case="lower")}), ("key",))
    assert preparation.fields == ("key", "state")
    assert preparation.prepared(("A1", "done")) == ("a1",)
    assert preparation.prepared(("A2", "draft")) is None
    assert preparation.prepared(("b3", "done")) is None
    assert (preparation.read, preparation.counted, preparation.trouble()) == (3, 1, "")


def test_where_no_record_passes_nothing_was_compared():
    preparation = Preparation(source(where=(Condition(field="key", equals=("x",)),)), ("key",))
    preparation.prepared(("y",))
    assert "none of 1 records passes" in preparation.trouble()


def test_a_form_that_makes_all_keys_one_compares_nothing():
    declared = Normalisation(replace=(Replacement(pattern=".*"),))
    preparation = Preparation(source(normalise={"key": declared}), ("key",))
    for key in ("1", "2"):
        preparation.prepared((key,))
    assert "makes every key the same" in preparation.trouble()
    one = Preparation(source(normalise={"key": Normalisation(case="upper")}), ("key",))
    one.prepared(("7",))
    assert not one.trouble()


@pytest.mark.parametrize("pattern", ["[0-9]$", "[0-9]{2}$", "^[0-9]{2}"])
def test_a_form_that_makes_different_keys_one_hides_losses_and_compares_nothing(pattern):
    declared = Normalisation(replace=(Replacement(pattern=pattern),))
    preparation = Preparation(source(normalise={"key": declared}), ("key",))
    for number in range(1000, 3000):
        preparation.prepared((f"{number}",))
    assert "makes most different key the same" in preparation.trouble()


def test_one_key_in_several_notations_is_what_forms_are_for():
    declared = Normalisation(remove_prefixes=("LYO",), zeros="strip", replace=(Replacement(pattern="-.*$"),))
    preparation = Preparation(source(normalise={"key": declared}), ("key",))
    for number in range(1000, 3000):
        for key in (f"{number}", f"LYO{number}", f"{number:08d}", f"{number}-CT"):
            preparation.prepared((key,))
    assert not preparation.trouble()


def test_many_records_of_one_patient_are_not_many_patients():
    preparation = Preparation(source(normalise={"key": Normalisation(case="upper")}), ("key",))
    for number in range(5000):
        preparation.prepared((f"p{number % 3}",))
    assert not preparation.trouble()
