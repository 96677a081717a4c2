"""Which findings an attestation has, and that nothing that was not seen is ever taken to be locked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.phrase import fact
from drp.domain.recovery_point import Immutability, RecoveryPoint
from drp.domain.worm.attestation import Attestation, BucketFacts, LockDemand
from drp.domain.worm.judging import SeenObject, immutability_of, needed_until, weighed
from drp.domain.worm.lock_findings import VERSIONING_NOT_SEEN, lock_findings, unseen
from drp.domain.worm.objects import ObjectLock
from drp.drill.phases.attested import seen_of

NOW = datetime(2026, 11, 30, tzinfo=UTC)
DAY = timedelta(days=1)
HEALTHY = BucketFacts(object_lock=True, versioning="Enabled", policy_seen=False)
NONE = LockDemand()


def lock(mode: str = "compliance", days: float | None = 30, *, hold: bool = False) -> ObjectLock:
    return ObjectLock(mode=mode, until=NOW + days * DAY if days is not None else None, legal_hold=hold)


def codes(*seen: SeenObject, bucket: BucketFacts = HEALTHY, mode: str = "compliance", **demand: Any) -> set[str]:
    asked = LockDemand(required=True, **demand)
    facts = Attestation(at=NOW, needed=len(seen), asked=0, bucket=bucket, demanded=mode)
    return {each.code for each in lock_findings("worm", seen, weighed(seen, facts), asked)}


def object_of(held: ObjectLock | None, *, days: float = 10, **more: Any) -> SeenObject:
    return SeenObject(key="data/a", version="v", lock=held, required=NOW + days * DAY, **more)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (object_of(lock()), set()),
        (object_of(lock(mode="none", days=None, hold=True)), set()),
        (object_of(lock(mode="governance", hold=True)), set()),
        (object_of(None), {"DRP-L001"}),
        (object_of(lock(mode="none", days=None)), {"DRP-L001"}),
        (object_of(lock(mode="governance")), {"DRP-L002"}),
        (object_of(lock(days=9)), {"DRP-L003"}),
        (object_of(lock(days=-1)), {"DRP-L003"}),
        (object_of(lock(mode="governance", days=9)), {"DRP-L003"}),
        (object_of(lock(days=None)), {"DRP-L004"}),
        (object_of(lock(mode="worm")), {"DRP-L004"}),
        (object_of(lock(), covered="version"), {"DRP-L005"}),
        (object_of(lock(), covered="marker"), {"DRP-L006"}),
        (object_of(lock(), covered="view"), set()),
    ],
)
def test_an_object_that_falls_short(seen: SeenObject, expected: set[str]) -> None:
    assert codes(seen) == expected
    assert codes(object_of(lock()), seen, object_of(lock())) == expected, "one of many decides"


def test_what_nobody_demands_is_no_finding() -> None:
    for held in (None, lock(days=-1), lock(mode="worm")):
        assert codes(SeenObject(key="a", lock=held)) == set()


def test_governance_is_enough_where_the_site_says_so() -> None:
    assert codes(object_of(lock(mode="governance")), mode="governance") == set()
    assert codes(object_of(lock(mode="governance", days=1)), mode="governance") == {"DRP-L003"}


def test_a_lock_that_ends_before_the_next_drill() -> None:
    assert codes(object_of(lock(days=30)), next_drill=NOW + 31 * DAY) == {"DRP-L013"}
    assert codes(object_of(lock(days=30)), next_drill=NOW + 30 * DAY) == set()
    assert codes(object_of(lock(hold=True)), next_drill=NOW + 99 * DAY) == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"versioning": "Suspended"}, {"DRP-L007"}),
        ({"versioning": ""}, {"DRP-L007"}),
        ({"expires": ("r",)}, set()),
        ({"expires": ("r",), "hides": ("r",)}, {"DRP-L008"}),
        ({"bypass": ("*",)}, set()),
        ({"not_seen": (fact("policy-not-seen", "policy"),)}, {"DRP-L014"}),
        ({"versioning": "", "not_seen": (fact(VERSIONING_NOT_SEEN, "versioning"),)}, {"DRP-L014"}),
    ],
)
def test_what_the_bucket_says(change: dict[str, Any], expected: set[str]) -> None:
    assert codes(object_of(lock()), bucket=replace(HEALTHY, **change)) == expected


def test_a_right_to_bypass_counts_where_there_is_something_to_bypass() -> None:
    bucket = replace(HEALTHY, bypass=("*",))
    assert codes(object_of(lock(mode="governance")), bucket=bucket, mode="governance") == {"DRP-L009"}


def test_what_was_not_seen_is_inconclusive_where_it_is_demanded_and_never_immutable() -> None:
    for demand in (NONE, LockDemand(required=True), LockDemand(until={"a": NOW + DAY})):
        found = unseen("worm", fact("why", "no right"), demand, at=NOW, mode="compliance")
        assert {each.code for each in found.findings} == ({"DRP-L010"} if demand.judges else set())
        seen = immutability_of(found)
        assert (seen.mode, seen.holds_at(NOW)) == ("unknown", False)


def test_until_when_points_must_be_locked() -> None:
    demand = LockDemand(until={"a": NOW + DAY, "b": NOW + 2 * DAY, "old": NOW - DAY})
    assert needed_until(demand, ("a", "b"), NOW) == NOW + 2 * DAY
    assert needed_until(demand, ("old",), NOW) is None, "it was locked for as long as that was asked"
    assert needed_until(demand, ("other",), NOW) is None
    strict = replace(demand, required=True)
    assert needed_until(strict, ("other",), NOW) == NOW
    assert needed_until(strict, ("old",), NOW) is None
    assert needed_until(strict, (), NOW) == NOW


locks = st.one_of(
    st.none(),
    st.builds(
        ObjectLock,
        mode=st.sampled_from(["compliance", "governance", "none", "", "worm", "COMPLIANCE "]),
        until=st.one_of(st.none(), st.integers(-5, 50).map(lambda days: NOW + days * DAY)),
        legal_hold=st.booleans(),
    ),
)


@given(held=st.lists(locks, min_size=1, max_size=60), days=st.integers(0, 60))
def test_immutable_means_that_every_object_is(held: list[ObjectLock | None], days: int) -> None:
    """The oracle says it without any of the code that is tried: at an instant, of each object alone."""
    at = NOW + days * DAY

    def holds(each: ObjectLock | None) -> bool:
        dated = each is not None and each.mode == "compliance" and each.until is not None and each.until > max(at, NOW)
        return each is not None and (each.legal_hold or dated)

    seen = [SeenObject(key=f"data/{number}", lock=each) for number, each in enumerate(held)]
    found = immutability_of(weighed(seen, Attestation(at=NOW, needed=len(seen), asked=0)))
    assert found.holds_at(at) == all(map(holds, held))


POINT = RecoveryPoint(id="a" * 64, repository="worm", application="ehr", consistent_at=NOW, size_bytes=1)


def test_what_a_drill_says_of_a_points_immutability_follows_from_the_attestation() -> None:
    before = Immutability(mode="none", provenance="observed")
    good = weighed([object_of(lock())], Attestation(at=NOW, needed=1, asked=0, bucket=HEALTHY))
    immutability, found = seen_of(POINT, before, good, NOW)
    assert immutability is not None
    assert (immutability.mode, found) == ("compliance", ())
    late = seen_of(POINT, before, good, NOW + 40 * DAY)[1]
    assert [each.code for each in late] == ["DRP-W001"]
    dark = unseen("worm", fact("why", "no right"), LockDemand(until={POINT.id: NOW + DAY}), at=NOW, mode="compliance")
    immutability, found = seen_of(POINT, before, dark, NOW)
    assert (immutability, [each.code for each in found]) == (before, ["DRP-W001", "DRP-L010"])
    assert seen_of(None, None, None, NOW) == (None, ())
