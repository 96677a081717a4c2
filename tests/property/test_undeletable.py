"""Whatever a record holds of locks: nothing is told as undeletable that any part of it speaks against."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from drp.domain.phase import Selected
from drp.reporting.undeletable import undeletable
from tests.support.events import values
from tests.support.fixtures_records import sample_record
from tests.support.sample_worm import T0, UNTIL, horizon, locks, probe, seen, weak

MODES = st.sampled_from(["compliance", "legal-hold", "governance", "none", "expired", "unknown", "WORM-ish"])
RECOVERY = sample_record("immutable").recoveries[0]
DATES = st.sampled_from([None, T0, UNTIL, T0.replace(year=2020)])


@st.composite
def selected(draw: st.DrawFn) -> Selected:
    """Return what select gave, mostly healthy, with any part of it changed."""
    base = seen()
    assert base.immutability is not None
    mode = draw(st.sampled_from(["compliance", "legal-hold", "governance", "none", "unknown", "offline"]))
    lock = replace(base.immutability, mode=mode, retained_until=draw(DATES))
    found = locks(
        earliest=draw(DATES),
        forever=draw(st.booleans()),
        asked=draw(st.sampled_from([0, 127, 128])),
        modes=draw(st.dictionaries(MODES, st.integers(0, 2), max_size=3)),
        unknown=draw(st.sampled_from(["", "no answer"])),
    )
    until = horizon(
        until=draw(DATES),
        forever=draw(st.booleans()),
        unknown=draw(st.sampled_from(["", "no key"])),
        weakest=tuple(weak(mode=each) for each in draw(st.lists(MODES, max_size=2))),
    )
    known = replace(base.known, probe=draw(st.sampled_from([None, probe()]))) if base.known is not None else None
    return replace(
        base,
        immutability=lock,
        locks=draw(st.sampled_from([None, found])),
        horizon=draw(st.sampled_from([None, until])),
        known=draw(st.sampled_from([None, known])),
    )


@given(selected())
def test_nothing_is_undeletable_that_something_speaks_against(select: Selected):
    told = undeletable(replace(RECOVERY, select=select), T0)
    if told is None or told.kind not in {"until", "forever"}:
        return
    assert select.immutability is not None
    assert select.immutability.mode in {"compliance", "legal-hold"}
    modes = {name for name, number in (select.locks.modes if select.locks is not None else {}).items() if number}
    modes |= {each.mode for each in select.horizon.weakest} if select.horizon is not None else set()
    assert modes <= {"compliance", "legal-hold"}
    judge = select.horizon or select.locks
    assert judge is not None
    assert not judge.unknown
    dates = [select.immutability.retained_until, judge.until if select.horizon is not None else select.locks.earliest]
    told_until: list[datetime] = [each for each in dates if each is not None]
    if told.kind == "until":
        assert told.until == min(told_until) > T0
    else:
        assert judge.forever


@settings(max_examples=60)
@given(values(Selected))
def test_whatever_a_record_holds_is_judged(select: Selected):
    undeletable(replace(RECOVERY, select=select), T0)
