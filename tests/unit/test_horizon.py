"""The horizon of a point: the weakest of all that it needs decides, and what nobody saw is never taken to hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.cli.repo_horizon import instant_of
from drp.domain.phrase import quoted
from drp.domain.worm.horizon import Horizon, brief, horizon_of, safest, unknown
from drp.domain.worm.horizon_findings import horizon_findings
from drp.domain.worm.judging import SeenObject
from drp.domain.worm.objects import ObjectLock
from drp.errors import UsageError
from drp.repositories.restic.needs.listing import Packs

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
OWN = "snapshots/own"


def day(number: float) -> datetime:
    return NOW + timedelta(days=number)


def seen(
    key: str, until: datetime | None, mode: str = "compliance", *, hold: bool = False, size: int = 10
) -> SeenObject:
    return SeenObject(key=key, version="v", size=size, lock=ObjectLock(mode=mode, until=until, legal_hold=hold))


def horizon(
    *objects: SeenObject, mode: Literal["compliance", "governance"] = "compliance", required: datetime | None = None
) -> Horizon:
    return horizon_of("point", day(-3), objects, own=OWN, at=NOW, mode=mode, required_until=required)


def test_the_earliest_date_decides_and_is_named():
    found = horizon(seen(OWN, day(30)), seen("data/old", day(2)), seen("data/new", day(30)), required=day(10))
    assert (found.until, found.own_until, found.open) == (day(2), day(30), 0)
    assert found.weakest[0].key == "data/old"
    assert (found.below, found.below_bytes, found.requests) == (1, 10, 3)
    assert found.margin == timedelta(days=-8)
    assert found.is_enough is False
    assert [finding.code for finding in horizon_findings(found, NOW)] == ["DRP-L031"]


def test_one_object_that_can_be_deleted_leaves_no_date():
    for weak in (
        seen("data/a", None, "none"),
        seen("data/a", day(-1)),
        seen("data/a", NOW),
        seen("data/a", day(9), "governance"),
        seen("data/a", day(9), "strange"),
        seen("data/a", None, "compliance"),
    ):
        found = horizon(seen(OWN, day(30)), weak, required=day(1))
        assert (found.until, found.open, found.is_enough) == (None, 1, False), weak
        assert not found.holds(NOW)
        assert [finding.code for finding in horizon_findings(found, NOW)] == ["DRP-L030"]
        assert safest([found], NOW) is None


def test_governance_counts_where_the_site_says_so():
    found = horizon(seen(OWN, day(30), "governance"), seen("data/a", day(9), "governance"), mode="governance")
    assert (found.until, found.open) == (day(9), 0)


def test_legal_holds_have_no_end_and_do_not_lend_it():
    assert horizon(seen(OWN, None, "none", hold=True)).forever
    mixed = horizon(seen(OWN, None, "none", hold=True), seen("data/a", day(5)))
    assert (mixed.forever, mixed.until) == (False, day(5))
    assert not horizon().forever, "nothing is no proof"
    assert horizon().until is None


def test_what_is_missing_is_unknown_and_never_safe():
    found = horizon(seen(OWN, day(30)), SeenObject(key="data/gone", lock=None), required=day(1))
    assert found.until is None
    assert "data/gone" in found.unknown
    assert found.is_enough is None
    assert [finding.code for finding in horizon_findings(found, NOW)] == ["DRP-L032"]


def test_the_newest_point_that_holds_is_the_safest():
    old = horizon_of("old", day(-9), [seen(OWN, day(3))], own=OWN, at=NOW)
    new = horizon_of("new", day(-1), [seen(OWN, None, "none")], own=OWN, at=NOW)
    dark = unknown("dark", day(0), quoted("nobody could see"))
    assert safest([dark, new, old], NOW) is old
    assert [each.point for each in brief([old, dark, new], 2)] == ["dark", "new"]


LOCKS = st.builds(
    ObjectLock,
    mode=st.sampled_from(["compliance", "governance", "none", "other"]),
    until=st.none() | st.integers(-20, 60).map(day),
    legal_hold=st.booleans(),
)


@given(st.lists(LOCKS, min_size=1, max_size=60))
def test_no_date_is_later_than_what_holds_each_object(locks: list[ObjectLock]):
    objects = [SeenObject(key=f"data/{number}", version="v", size=1, lock=lock) for number, lock in enumerate(locks)]
    found = horizon(*objects)
    dated = [lock for lock in locks if not lock.legal_hold]
    firm = [lock for lock in dated if lock.mode == "compliance" and lock.until is not None and lock.until > NOW]
    assert found.forever == (not dated)
    if found.until is not None:
        assert firm == dated
        assert found.until == min(lock.until for lock in dated if lock.until is not None)
    else:
        assert found.forever or len(firm) < len(dated)
    assert found.open == len(dated) - len(firm)
    assert len(found.weakest) == min(20, len(dated))
    counted = [each.until for each in found.weakest if each.mode == "compliance"]
    assert counted == sorted(counted, key=lambda until: until or NOW)


def test_a_plain_date_is_its_end_and_nonsense_is_refused():
    assert instant_of("2026-12-20") == datetime(2026, 12, 20, 23, 59, 59, tzinfo=UTC)
    assert instant_of("2026-12-20T01:00:00+01:00") == datetime(2026, 12, 20, tzinfo=UTC)
    for wrong in ("2026-13-01", "tomorrow", "2026-12-20T01:00:00"):
        with pytest.raises(UsageError):
            instant_of(wrong)


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=50), st.booleans())
def test_packs_are_found_by_their_ids_in_whatever_order_they_are_listed(ids: list[bytes], near: bool):
    ids = [bytes(30) + each[:2] for each in ids] if near else ids  # all below the same first bytes
    ids = list(dict.fromkeys(ids))
    packs = Packs()
    for number, each in enumerate(ids):
        packs.add(each, str(number), number)
    assert sorted(packs) == sorted(ids)
    assert {each: packs[each].size for each in ids} == {each: number for number, each in enumerate(ids)}
    assert {packs[each].version for each in ids} == set(map(str, range(len(ids))))
    assert bytes(32) in ids or bytes(32) not in packs
    assert b"" not in packs
    assert b"\0" not in packs
