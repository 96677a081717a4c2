"""What attempts on a lock show: no answer of a store ever makes a broken lock hold, and no silence does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from drp.domain.worm.judging_probe import Control, Sight, harm, judge
from drp.domain.worm.probe import Attempt, Probe, Tried, needed_of
from drp.domain.worm.probe_findings import findings_of, with_past

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LOCKED = Sight(mode="compliance", until=NOW)
SAID = st.sampled_from(["done", "refused", "unclear"])
CONTROLS = st.builds(
    Control, able=st.sampled_from([True, False, None]), answer=st.sampled_from(["", "403 AccessDenied"])
)
HARMED = st.sampled_from(
    [
        Sight(there=False),
        Sight(whole=False, mode="compliance", until=NOW),
        Sight(mode="", until=None),
        Sight(mode="compliance", until=NOW - timedelta(seconds=1)),
        Sight(mode="governance", until=NOW),
        Sight(mode="governance", until=NOW + timedelta(days=9)),
        Sight(mode="something", until=NOW),
    ]
)
UNHARMED = st.sampled_from([LOCKED, Sight(mode="compliance", until=NOW + timedelta(days=1))])
ASKED = st.fixed_dictionaries({"allowed": st.booleans(), "proves_lock": st.booleans()})


@given(HARMED, SAID, CONTROLS, ASKED)
def test_what_was_harmed_is_never_anything_else(after, said, control, asked) -> None:
    assert harm(LOCKED, after)
    assert judge(LOCKED, after, said, "403 AccessDenied", control, **asked).came == "succeeded"


@given(st.one_of(HARMED, UNHARMED), SAID, CONTROLS, ASKED)
def test_what_nobody_could_look_at_is_undecided(after, said, control, asked) -> None:
    unseen = Sight(unseen="503 SlowDown", there=after.there, whole=after.whole, mode=after.mode, until=after.until)
    assert judge(LOCKED, unseen, said, "403", control, **asked).came == "undecided"


@given(UNHARMED, SAID, CONTROLS, ASKED)
def test_the_lock_is_said_to_refuse_only_what_was_refused_and_could_have_been_done(after, said, control, asked) -> None:
    outcome = judge(LOCKED, after, said, "403 AccessDenied", control, **asked)
    assert outcome.came != "succeeded"
    if outcome.ground == "lock":
        assert outcome.came == "refused"
        assert (said == "refused" and control.able) or (said == "done" and asked["allowed"])
    if said == "unclear":
        assert outcome.came == "undecided"
    if said == "done" and not asked["allowed"]:
        assert outcome.came == "ignored"
    if outcome.came in {"undecided", "ignored"}:
        assert outcome.why


TRIED = st.builds(
    Tried,
    attempt=st.sampled_from(sorted(needed_of("compliance"))),
    came=st.sampled_from(["refused", "succeeded", "ignored", "undecided", "not-probed"]),
    by=st.sampled_from(["probe", "reader"]),
    ground=st.sampled_from(["", "lock", "rights"]),
)


@given(st.lists(TRIED, max_size=12), st.sampled_from(["compliance", "governance"]))
def test_nothing_is_proven_beside_what_came_through_or_was_not_tried(tried: list[Tried], mode: str) -> None:
    probe = Probe(at=NOW, subject="x", retained_until=NOW, tried=tuple(tried), mode=mode)
    held: set[Attempt] = {each.attempt for each in tried if each.came == "refused" and each.ground == "lock"}
    through = [each for each in tried if each.came in {"succeeded", "ignored"}]
    assert probe.proven == (not through and needed_of(mode) <= held)
    found = list(findings_of(tried, mode))
    assert sum(each.severity == "critical" for each in found) == len(through)
    open_ones = {each.attempt for each in tried if each.came == "undecided"} - held
    assert sum(each.code == "DRP-L023" for each in found) == len(open_ones & needed_of(mode))


@given(st.lists(TRIED, max_size=4), st.lists(st.lists(TRIED, max_size=4), min_size=1, max_size=4))
def test_a_success_does_not_undo_that_something_came_through(first: list[Tried], later: list[list[Tried]]) -> None:
    def made(tried: list[Tried], day: int) -> Probe:
        at, mode = NOW + timedelta(days=day), "compliance"
        found = tuple(findings_of(tried, mode))
        return Probe(at=at, subject="", retained_until=None, tried=tuple(tried), mode=mode, findings=found)

    last = with_past(made(first, 0), None)
    broken = [0] if last.broken else []
    for day, tried in enumerate(later, start=1):
        probe = made(tried, day)
        broken += [day] if probe.broken else []
        last = with_past(probe, last)
        assert last.broken_at == (NOW + timedelta(days=broken[-1]) if broken else None)
        assert ("DRP-L028" in {each.code for each in last.findings}) == (bool(broken) and not probe.broken)
    long_after = with_past(made([], 200), last)
    assert long_after.broken_at == last.broken_at
    assert "DRP-L028" not in {each.code for each in long_after.findings}
