"""The judgement of a reconciliation against a brute-force reading of what it promises."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from drp.domain.reconciliation.agreement import FOREVER, Wrongs, newest_agreement
from drp.domain.reconciliation.collected import ALWAYS, Collected, instant_of
from drp.domain.reconciliation.declaration import FieldOf, Identifier, Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.result import ReconciliationResult
from tests.support.circumstances import rolling

KEYS = st.sampled_from(["", "1", "2", "3", "4", "5"])
INSTANTS = st.one_of(st.none(), st.integers(min_value=0, max_value=12))
ROWS = st.lists(st.tuples(INSTANTS, KEYS, st.sampled_from(["A", "B"])), max_size=8)
LEFT, RIGHT = FieldOf(records="left", field="key"), FieldOf(records="right", field="key")


def declared(source: FieldOf, target: FieldOf, *, tolerate: int, required: bool) -> Reconciliation:
    records = tuple(RecordSource(name=name, application=f"{name}-app", reader="sim") for name in ("left", "right"))
    reference = Reference(
        name="r", source=source, target=target, both_ways=True, same={"patient": "patient"}, tolerate=tolerate,
        required=required,
    )  # fmt: skip
    return Reconciliation(records=records, references=(reference,))


def judged(declaration: Reconciliation, **sets: object) -> ReconciliationResult:
    collected = {name: Collected(declaration, name) for name in ("left", "right")}
    for name, rows in sets.items():
        for at, key, patient in rows:
            collected[name].receive((at, (key, patient)))
    return judge(declaration, collected, replace(rolling("left-app"), clocks=0))


def first_seen(rows: object) -> dict[str, int | None]:
    """Key → since when it is there; None: always."""
    found: dict[str, int | None] = {}
    for at, key, _ in rows:
        if key:
            found[key] = None if at is None or found.get(key, at) is None else min(at, found.get(key, at))
    return found


def newest(rows: object) -> float:
    return max((at for at, _, _ in rows if at is not None), default=float("-inf"))


def lost(ours: object, theirs: object, *, required: bool) -> tuple[list[int], bool]:
    """Return since when what is newer than the other side dangles, and whether something without a date does."""
    border, there = newest(theirs), first_seen(theirs)
    since = [at for key, at in first_seen(ours).items() if key not in there]
    since += [at for at, key, _ in ours if not key and required]
    return [at for at in since if at is not None and at > border], None in since


def open_at(until: float, ours: object, theirs: object) -> bool:
    """Whether a record of ours is known then, and that of theirs, which is there in the end, not yet."""
    there = first_seen(theirs)
    return any(
        at is not None and there.get(key) is not None and at <= until < there[key]
        for key, at in first_seen(ours).items()
    )


@settings(max_examples=400, deadline=None)
@given(ROWS, ROWS, st.integers(0, 2), st.booleans())
def test_the_common_instant_is_the_newest_at_which_nothing_that_was_lost_dangles(left, right, tolerate, required):
    result = judged(declared(LEFT, RIGHT, tolerate=tolerate, required=required), left=left, right=right)
    if not result.references[0].judged:
        assert not any(key for _, key, _ in left) or not any(key for _, key, _ in right)
        assert result.agreement == "undetermined"
        return
    pairs = ((left, right), (right, left))
    recent = [lost(ours, theirs, required=required) for ours, theirs in pairs]
    begins = [at for instants, _ in recent for at in instants]
    if not begins:
        assert result.agreement == ("undetermined" if any(undated for _, undated in recent) else "as-restored")
        return
    dated = [at for at, _, _ in (*left, *right) if at is not None]
    agreeing = [
        at
        for at in range(min(dated), 13)
        if not any(begin <= at for begin in begins) and not any(open_at(at, *pair) for pair in pairs)
    ]
    if not agreeing:
        assert result.agreement == "none"
        assert result.agreed_at is None
        return
    assert result.agreement == "earlier"
    assert result.agreed_at == instant_of(max(agreeing))
    after = {state.application: state.after for state in result.applications}
    assert after["left-app"] == sum(at is not None and at > max(agreeing) for at, _, _ in left)


@settings(max_examples=300, deadline=None)
@given(ROWS, ROWS, st.integers(0, 2), st.booleans())
def test_a_reference_both_ways_is_the_same_from_either_side(left, right, tolerate, required):
    one = judged(declared(LEFT, RIGHT, tolerate=tolerate, required=required), left=left, right=right)
    other = judged(declared(RIGHT, LEFT, tolerate=tolerate, required=required), left=left, right=right)
    first, second = one.references[0], other.references[0]
    assert (first.judged, first.matched, first.mismatched) == (second.judged, second.matched, second.mismatched)
    assert first.ways == second.ways[::-1]
    assert {key.partition(":")[0] for key in first.mismatches} == {key.partition(":")[0] for key in second.mismatches}
    assert (one.agreement, one.agreed_at, one.applications) == (other.agreement, other.agreed_at, other.applications)


@settings(max_examples=300, deadline=None)
@given(ROWS, ROWS)
def test_counts_are_those_of_the_sets(left, right):
    (reference,) = judged(declared(LEFT, RIGHT, tolerate=0, required=False), left=left, right=right).references
    ours, theirs = ({key for _, key, _ in rows if key} for rows in (left, right))
    assert reference.judged == bool(ours and theirs)
    if reference.judged:
        forward, backward = reference.ways
        assert (forward.keys, forward.dangling) == (len(ours), len(ours - theirs))
        assert (backward.keys, backward.dangling) == (len(theirs), len(theirs - ours))
        assert reference.matched == len(ours & theirs)
        patients = {key: {patient for _, other, patient in (*left, *right) if other == key} for key in ours & theirs}
        assert reference.mismatched == sum(len(those) > 1 for those in patients.values())


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 30), st.lists(st.integers(0, 40), max_size=10), st.booleans())
def test_numbers_in_use_from_the_next_one_on_would_be_issued_again(upcoming, used, prefixed):
    prefix = "IMG" if prefixed else ""
    declaration = Reconciliation(
        records=tuple(RecordSource(name=name, application=name, reader="sim") for name in ("left", "right")),
        identifiers=(
            Identifier(
                name="n",
                issued_by=FieldOf(records="left", field="next"),
                used_in=(RIGHT,),
                prefix=prefix,
                bump="{next}",
            ),
        ),
    )
    collected = {name: Collected(declaration, name) for name in ("left", "right")}
    collected["left"].receive((None, (str(upcoming),)))
    for number in used:
        collected["right"].receive((None, (f"{prefix}{number:03d}",)))
        collected["right"].receive((None, (f"X{number + 1000}",)))
    (found,) = judge(declaration, collected, rolling()).identifiers
    assert found.reissued == len({number for number in used if number >= upcoming})
    assert found.highest == max(used, default=None)
    if found.reissued:
        assert int(found.bump) > max(used)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 20), st.one_of(st.none(), st.integers(1, 10))), max_size=6), max_size=4)
)
def test_the_newest_agreement_of_several_ways_is_found(ways):
    wrongs = [
        Wrongs([begin for begin, _ in way], [begin + length for begin, length in way if length is not None])
        for way in ways
    ]

    def right(until: float) -> bool:
        return not any(
            begin <= until and (length is None or until < begin + length) for way in ways for begin, length in way
        )

    expected = FOREVER if right(float("inf")) else max((at for at in range(-1, 40) if right(at)), default=ALWAYS)
    assert newest_agreement(wrongs) == expected
