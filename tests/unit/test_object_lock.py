"""What locks of a repository's objects prove together: the weakest decides, and an odd one proves nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.recovery_point import Immutability
from drp.domain.worm.attestation import Attestation
from drp.domain.worm.judging import SeenObject, immutability_of, weighed
from drp.domain.worm.objects import ObjectLock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = datetime(2027, 1, 1, tzinfo=UTC)
WHOLE = ObjectLock(mode="compliance", until=UNTIL, legal_hold=False)
HELD = ObjectLock(mode="none", until=None, legal_hold=True)


def concluded(**locks: ObjectLock | None) -> Immutability:
    seen = [SeenObject(key=key, lock=lock) for key, lock in locks.items()]
    return immutability_of(weighed(seen, Attestation(at=NOW, needed=len(seen), asked=0)))


def mode(*locks: ObjectLock | None) -> str:
    found = concluded(**{f"data/{number}": lock for number, lock in enumerate(locks)})
    assert found.holds_at(NOW) == (found.mode in {"compliance", "legal-hold"})
    return found.mode


def test_whole_locks_hold_and_holds_too() -> None:
    assert mode(WHOLE, WHOLE) == "compliance"
    assert mode(HELD, HELD) == "legal-hold"
    assert mode(WHOLE, HELD) == "compliance"


@pytest.mark.parametrize(
    "weak",
    [
        None,
        ObjectLock(mode="none", until=None, legal_hold=False),
        ObjectLock(mode="compliance", until=None, legal_hold=False),
        ObjectLock(mode="governance", until=None, legal_hold=False),
        ObjectLock(mode="complianceish", until=UNTIL, legal_hold=False),
        ObjectLock(mode="none", until=UNTIL, legal_hold=False),
    ],
)
def test_one_object_that_is_not_known_to_be_locked_decides(weak: ObjectLock | None) -> None:
    assert mode(WHOLE, weak, HELD) == "none"
    assert mode(weak) == "none"


def test_an_odd_lock_is_named() -> None:
    found = concluded(**{"config": ObjectLock(mode="worm", until=UNTIL, legal_hold=False), "keys/a": WHOLE})
    assert found.remarks == ("locks that are unknown or have no date: worm", "not protected: config")
    assert found.retained_until is None


def test_governance_is_the_weakest_that_is_locked() -> None:
    assert mode(WHOLE, ObjectLock(mode="governance", until=UNTIL, legal_hold=False)) == "governance"


def test_a_lock_that_has_run_out_keeps_its_date_and_holds_no_more() -> None:
    ended = ObjectLock(mode="compliance", until=NOW - timedelta(seconds=1), legal_hold=False)
    for locks in ({"a": ended}, {"a": ended, "b": WHOLE, "c": HELD}):
        found = concluded(**locks)
        assert (found.mode, found.retained_until) == ("compliance", ended.until)
        assert not found.holds_at(NOW)


def test_nothing_is_no_lock() -> None:
    assert concluded().mode == "none"
