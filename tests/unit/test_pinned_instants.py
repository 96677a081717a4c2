"""At which instant a bucket is seen, by its own clock, while others write to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from drp.domain.worm.objects import ObjectVersion
from drp.errors import RepositoryError
from drp.repositories.restic import pinning
from drp.repositories.restic.pinning import listed
from tests.unit.test_pinned_view import NAME, NOON, version

CONFIG, KEY, PACK = "config", f"keys/{NAME}", f"data/ab/{NAME}"


class Reader:
    """A bucket whose clock goes on by a step with each answer."""

    def __init__(self, *versions: ObjectVersion, at: int = 0, step: float = 0, versioning: str = "Enabled") -> None:
        self.held, self.state, self.step = list(versions), versioning, step
        self.clock = NOON + timedelta(seconds=at)
        self.told_at: datetime | None = None
        self.listings: list[list[ObjectVersion]] = []
        """What the next listings of parts show, instead of what is held."""

    def versioning(self) -> str:
        self._answer()
        return self.state

    def versions(self, folder: str = "") -> Iterator[ObjectVersion]:
        self._answer()
        held = self.listings.pop(0) if folder and self.listings else self.held
        return iter([each for each in held if each.key.startswith(folder)])

    def _answer(self) -> None:
        self.clock += timedelta(seconds=self.step)
        self.told_at = self.clock.replace(microsecond=0)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinning, "_TURN_SECONDS", 0.0)


def test_the_instant_is_the_store_s_less_what_its_dates_leave_out() -> None:
    found = listed(Reader(version(CONFIG, 0), at=100), "vault")  # type: ignore[arg-type]
    assert found is not None
    assert found.now == NOON + timedelta(seconds=99)


@pytest.mark.parametrize("written", [99.4, 100])
def test_the_backup_of_the_last_second_is_waited_for_by_the_store_s_clock(written: float) -> None:
    reader = Reader(version(CONFIG, 0), at=100, step=0.02)
    reader.held.append(
        ObjectVersion(
            key=KEY, version="new", size=1, modified=NOON + timedelta(seconds=written), latest=True, marker=False
        )
    )
    found = listed(reader, "vault")  # type: ignore[arg-type]
    assert found is not None
    assert found.now == NOON + timedelta(seconds=100)
    assert reader.clock > found.now + timedelta(seconds=1)


def test_a_clock_that_stands_still_is_not_waited_for_without_end() -> None:
    found = listed(Reader(version(CONFIG, 100), at=100), "vault")  # type: ignore[arg-type]
    assert found is not None
    assert found.now == NOON + timedelta(seconds=99)


def test_versions_that_arrive_while_the_view_is_made_change_nothing() -> None:
    reader = Reader(version(CONFIG, 0), version(KEY, 0), at=100)
    reader.listings = [[version(CONFIG, 0)], [version(KEY, 0)]]
    reader.held += [version(f"snapshots/{NAME}", 105), version(KEY, 106, "m", marker=True, latest=True)]
    found = listed(reader, "vault")  # type: ignore[arg-type]
    assert found is not None
    assert found.unsteady == ()


def test_what_one_listing_has_and_another_has_not_is_told() -> None:
    reader = Reader(version(CONFIG, 0), version(KEY, 0), version(PACK, 0), version("locks/x", 0), at=100)
    reader.listings = [[version(CONFIG, 0)], [], [version(f"snapshots/{NAME}", 3)], []]
    found = listed(reader, "vault")  # type: ignore[arg-type]
    assert found is not None
    assert found.unsteady == (KEY, f"snapshots/{NAME}")


def test_a_bucket_without_versions_is_not_listed() -> None:
    assert listed(Reader(versioning=""), "vault") is None  # type: ignore[arg-type]
    assert listed(Reader(version(CONFIG, 0), at=9, versioning="Suspended"), "vault") is not None  # type: ignore[arg-type]


def test_a_store_without_a_clock_cannot_be_pinned() -> None:
    reader = Reader()
    reader._answer = lambda: None  # type: ignore[method-assign]
    with pytest.raises(RepositoryError):
        listed(reader, "vault")  # type: ignore[arg-type]
