"""How records are kept changes nothing of what is judged: neither their order, nor how often they come, nor packing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from drp.domain.reconciliation import numbers, packed
from drp.domain.reconciliation.collected import Collected
from drp.domain.reconciliation.declaration import FieldOf, Identifier, Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.forms import Forms, form_of
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.packed import PARTS, KeyRows, Longs
from drp.domain.reconciliation.preparation import Circumstances
from drp.domain.reconciliation.result import ReconciliationResult

TEXTS = st.one_of(
    st.sampled_from(["", "1", "12", "A1", "a1", "EXT-7"]), st.text(st.characters(exclude_categories=()), max_size=6)
)
INSTANTS = st.one_of(st.none(), st.integers(-(10**15), 10**15), st.sampled_from([0, 1, 2]))
ROWS = st.lists(st.tuples(INSTANTS, TEXTS, st.sampled_from(["A", "B", ""])), max_size=12)


def judged(left: object, right: object) -> ReconciliationResult:
    names = ("left", "right", "next")
    places = [FieldOf(records=name, field="key") for name in names]
    declaration = Reconciliation(
        records=tuple(RecordSource(name=name, application=f"{name}-app", reader="sim") for name in names),
        references=(
            Reference(name="r", source=places[0], target=places[1], both_ways=True, same={"patient": "patient"}),
        ),
        identifiers=(Identifier(name="n", issued_by=places[2], used_in=tuple(places[:2])),),
    )
    collected = {name: Collected(declaration, name) for name in names}
    for name, rows in (("left", left), ("right", right)):
        for at, key, patient in rows:
            collected[name].receive((at, (key, patient)))
    collected["next"].receive((None, ("2",)))
    return judge(declaration, collected, Circumstances(today=date(2026, 11, 30), restored_at={"left-app": 1}))


@settings(max_examples=200, deadline=None)
@given(ROWS, ROWS, st.randoms(use_true_random=False), st.integers(1, 5))
def test_neither_order_nor_packing_changes_the_judgement(left, right, random, rows_together):
    expected = judged(left, right)
    random.shuffle(left)
    random.shuffle(right)
    with mock.patch.object(packed, "_ROWS", rows_together), mock.patch.object(packed, "_LONGS", rows_together):
        assert judged(left, right) == expected


@settings(max_examples=200, deadline=None)
@given(ROWS, ROWS)
def test_a_record_that_comes_twice_is_counted_once_among_the_keys(left, right):
    once, twice = judged(left, right), judged([*left, *left], [*right, *right])
    same = [replace(state, records=0, after=0, advice="keep") for state in once.applications]
    assert [replace(state, records=0, after=0, advice="keep") for state in twice.applications] == same
    assert twice.references == once.references
    assert twice.identifiers == once.identifiers
    assert (twice.agreement, twice.agreed_at, twice.harm) == (once.agreement, once.agreed_at, once.harm)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, st.integers(-(1 << 62), 1 << 62), st.integers(0, (1 << 64) - 1)), max_size=30),
    st.integers(1, 7),
)
def test_what_is_packed_is_what_was_given(rows, rows_together):
    with mock.patch.object(packed, "_ROWS", rows_together), mock.patch.object(packed, "_LONGS", rows_together):
        kept, longs = KeyRows(1), Longs()
        for key, instant, digest in rows:
            kept.add((key, instant, 0, digest))
            longs.add(instant)
        sides = [kept.side(part) for part in range(PARTS)]
        assert Counter(longs) == Counter(instant for _, instant, _ in rows)
        assert len(longs) == kept.count == len(rows)
    since = {key: instant for side in sides for key, instant in side.since.items()}
    assert sum(len(side.since) for side in sides) == len(since)
    assert since == {key: min(at for other, at, _ in rows if other == key) for key, _, _ in rows}
    belongs = {key: each for side in sides for key, each in side.belongs.items()}
    assert belongs == {key: (min(each for other, _, each in rows if other == key),) for key, _, _ in rows}
    torn = {key for side in sides for key in side.torn}
    assert torn == {key for key in since if len({each for other, _, each in rows if other == key}) > 1}


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=12), TEXTS, st.integers(1, 4))
def test_no_key_is_strange_where_another_is_written_so(keys, key, together):
    forms = Forms()
    for begin in range(0, len(keys), together):
        forms.add(keys[begin : begin + together])
    assert not any(forms.strange(each) for each in keys)
    if keys and form_of(key) not in set(map(form_of, keys)) and not any(each.isdecimal() for each in key):
        assert forms.strange(key)


def test_very_many_forms_are_compared_without_their_lengths_in_whatever_order_they_came():
    keys = [f"{'1' * (1 + number % 50)}.{'2' * (1 + number // 50)}" for number in range(2500)]
    for given_keys in (keys, keys[::-1]):
        forms = Forms()
        forms.add(given_keys)
        assert forms.commonest == ("0.0",)
        assert not forms.strange("3" * 99 + ".4")
        assert forms.strange("1.2.3")
    mixed = Forms()
    mixed.add([chr(0x4E00 + number) * 2 + "-" * (number % 90) + chr(0x21 + number % 15) for number in range(40_000)])
    assert not mixed.strange("anything")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=60), st.lists(st.integers(0, 300), max_size=60), st.integers(0, 300))
def test_numbers_that_come_again_are_counted_once_each(left, right, upcoming):
    used = []
    for each in (left, right):
        longs = Longs()
        for number in each:
            longs.add(number)
        used.append(longs)
    again = sorted({number for number in (*left, *right) if number >= upcoming})
    assert numbers._again(used, upcoming) == (len(again), again[:10])
