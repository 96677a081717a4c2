"""What locks of a repository's objects prove together: the weakest decides, and an odd one proves nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drp.domain.worm.objects import ObjectLock
from drp.repositories.restic.object_lock import conclude

UNTIL = datetime(2027, 1, 1, tzinfo=UTC)
WHOLE = ObjectLock(mode="compliance", until=UNTIL, legal_hold=False)
HELD = ObjectLock(mode="none", until=None, legal_hold=True)


def mode(*locks: ObjectLock | None) -> str:
    found = conclude({f"data/{number}": lock for number, lock in enumerate(locks)}, len(locks), [])
    assert found.holds_at(datetime(2026, 1, 1, tzinfo=UTC)) == (found.mode in {"compliance", "legal-hold"})
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
    ],
)
def test_one_object_that_is_not_known_to_be_locked_decides(weak: ObjectLock | None) -> None:
    assert mode(WHOLE, weak, HELD) == "none"
    assert mode(weak) == "none"


def test_an_odd_lock_is_named() -> None:
    locks = {"config": ObjectLock(mode="worm", until=UNTIL, legal_hold=False), "keys/a": WHOLE}
    found = conclude(locks, 2, [])
    assert found.remarks == ("locks that are unknown or have no date: worm", "not protected: config")
    assert found.retained_until is None


def test_governance_is_the_weakest_that_is_locked() -> None:
    assert mode(WHOLE, ObjectLock(mode="governance", until=UNTIL, legal_hold=False)) == "governance"
