"""What a view does with a store that fails: it asks again for the same version, or says which one it cannot give."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from drp.domain.phrase import Phrase, say
from drp.domain.worm.objects import ObjectVersion
from drp.errors import AccessDenied, ObjectAbsent, RepositoryError, ShortBody, Unreachable
from drp.repositories.locations.stored import Odd
from drp.repositories.pinned import objects as module
from drp.repositories.pinned.objects import WHOLE_BYTES, Entry, NotServed, PinnedObjects, Readings

BYTES = bytes(range(256)) * 400
NAME = hashlib.sha256(BYTES).hexdigest()
KEY = f"data/{NAME[:2]}/{NAME}"
Fault = Callable[[int, int], Iterator[bytes]]


class Store:
    """Objects in memory; each read may meet the next fault of the script."""

    def __init__(self, content: bytes = BYTES, *faults: Exception | Fault) -> None:
        self.content, self.faults = content, list(faults)
        self.asked: list[tuple[str, str | None, int, int]] = []
        self.turn = threading.Lock()

    def versions(self, folder: str = "") -> Iterator[ObjectVersion]:
        raise NotImplementedError

    def everything(self, folder: str = "") -> Iterator[ObjectVersion | Odd]:
        raise NotImplementedError

    def views(self, key: str, version: str | None) -> Iterator[bytes | memoryview]:
        raise NotImplementedError

    def read(self, key: str, version: str | None, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        end = len(self.content) if length is None else offset + length
        with self.turn:
            self.asked.append((key, version, offset, end))
            fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        yield from fault(offset, end) if fault is not None else self.whole(offset, end)

    def whole(self, offset: int, end: int) -> Iterator[bytes]:
        for start in range(offset, end, 10_000):
            yield self.content[start : min(end, start + 10_000)]


def words() -> Phrase:
    return say("no answer")


def objects(store: Store, *, patience: float = 30.0, size: int = len(BYTES)) -> PinnedObjects:
    return PinnedObjects(store, {KEY: Entry("v1", size)}, patience_seconds=patience)


def got(view: PinnedObjects, start: int = 0, end: int = len(BYTES), readings: Readings | None = None) -> bytes:
    try:
        return b"".join(view.pieces(KEY, start, end, readings or Readings()))
    finally:
        view.settle()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSES", (0.0,))


def test_a_whole_object_is_fetched_once_and_its_digest_known() -> None:
    store = Store()
    view = objects(store)
    assert got(view, 5, 60_000) == BYTES[5:60_000]
    assert got(view, 60_000, len(BYTES)) == BYTES[60_000:]
    assert got(view) == BYTES
    assert store.asked == [(KEY, "v1", 0, len(BYTES))]
    assert view.digests == {KEY: NAME}
    assert not view.troubles.altered


def test_a_small_part_is_read_alone_until_enough_was_asked_for() -> None:
    store, readings = Store(), Readings()
    view = objects(store)
    assert got(view, 100, 200, readings) == BYTES[100:200]
    assert store.asked == [(KEY, "v1", 100, 200)]
    assert view.digests == {}
    got(view, 200, len(BYTES) // 2, readings)
    assert store.asked[1:] == [(KEY, "v1", 0, len(BYTES))]


def test_large_objects_pass_through_and_are_hashed_where_most_of_them_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE_BYTES", 1000)
    assert len(BYTES) < WHOLE_BYTES
    store = Store()
    view = objects(store)
    assert got(view, 7, len(BYTES) - 40) == BYTES[7:-40]
    assert view.digests == {KEY: NAME}
    assert got(view, 7, 90) == BYTES[7:90]
    assert store.asked == [(KEY, "v1", 0, len(BYTES)), (KEY, "v1", 7, 90)]


def test_many_readers_share_one_fetch() -> None:
    store = Store()
    view = objects(store)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda start: got(view, start, len(BYTES)), range(0, 4000, 100)))
    assert all(part == BYTES[start:] for part, start in zip(found, range(0, 4000, 100), strict=True))
    assert len(store.asked) == 1


def broken_off(offset: int, end: int) -> Iterator[bytes]:
    yield BYTES[offset : min(end, offset + 12_345)]
    raise Unreachable(words())


def test_what_breaks_off_is_asked_for_again_from_there() -> None:
    store = Store(BYTES, broken_off, Unreachable(words()), broken_off, ShortBody(words(), received=0))
    view = objects(store)
    assert got(view) == BYTES
    assert [offset for _, _, offset, _ in store.asked] == [0, 12_345, 12_345, 24_690, 24_690]
    assert view.digests == {KEY: NAME}
    assert view.troubles.told == {"refused": "", "silent": ""}


def test_a_storm_beyond_patience_is_the_store_s_silence_and_no_damage() -> None:
    view = objects(Store(BYTES, *(Unreachable(words()) for _ in range(50))), patience=0.0)
    readings = Readings()
    with pytest.raises(NotServed) as error:
        got(view, readings=readings)
    assert error.value.status == 503
    assert view.troubles.silent
    assert not view.troubles.gone
    assert not view.troubles.altered
    assert readings.failed == {KEY}
    view = objects(Store())
    assert got(view) == BYTES


def test_a_failed_fetch_is_tried_anew_by_whoever_comes_next() -> None:
    view = objects(Store(BYTES, RepositoryError(words())))
    with pytest.raises(NotServed):
        got(view)
    assert got(view) == BYTES


@pytest.mark.parametrize("whole", [True, False])
def test_a_fault_of_ours_is_no_damage(whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not whole:
        monkeypatch.setattr(module, "WHOLE_BYTES", 1000)
    view, readings = objects(Store(BYTES, MemoryError())), Readings()
    with pytest.raises(NotServed) as error:
        got(view, readings=readings)
    assert error.value.status == 503
    assert "MemoryError" in view.troubles.silent
    assert (view.troubles.gone, view.troubles.altered, readings.failed) == (set(), set(), {KEY})


def test_a_version_that_is_gone_is_told_as_gone() -> None:
    view = objects(Store(BYTES, ObjectAbsent(words())))
    with pytest.raises(NotServed) as error:
        got(view)
    assert error.value.status == 404
    assert view.troubles.gone == {KEY}
    assert not view.troubles.altered


def test_credentials_that_expire_midway_are_no_damage() -> None:
    def midway(offset: int, end: int) -> Iterator[bytes]:
        yield BYTES[offset:10_000]
        raise AccessDenied(words())

    view = objects(Store(BYTES, midway))
    with pytest.raises(NotServed) as error:
        got(view)
    assert error.value.status == 403
    assert view.troubles.refused
    assert not view.troubles.gone


def test_other_bytes_of_the_same_length_are_told_with_their_digest() -> None:
    other = bytes([BYTES[0] ^ 1]) + BYTES[1:]
    view = objects(Store(other))
    assert got(view) == other
    assert view.troubles.altered == {KEY}
    assert view.digests == {KEY: hashlib.sha256(other).hexdigest()}


@pytest.mark.parametrize("content", [BYTES[:-1], b""])
def test_an_object_shorter_than_it_was_listed_is_altered_and_not_waited_for(content: bytes) -> None:
    view = objects(Store(content))
    with pytest.raises(NotServed):
        got(view)
    assert view.troubles.altered == {KEY}


def test_more_than_was_asked_for_is_altered() -> None:
    def more(offset: int, end: int) -> Iterator[bytes]:
        yield BYTES[offset:end] + b"x"

    view = objects(Store(BYTES, more))
    with pytest.raises(NotServed):
        got(view)
    assert view.troubles.altered == {KEY}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHELF_BYTES", 3 * len(BYTES))
    keys = [f"index/{number:064x}" for number in range(10)]
    view = PinnedObjects(Store(), {key: Entry("v", len(BYTES)) for key in keys}, patience_seconds=1)
    for key in keys:
        assert b"".join(view.pieces(key, 0, len(BYTES), Readings())) == BYTES
        view.settle()
    assert list(view._shelf) == keys[-3:]
    view.forget()
    assert not view._shelf


def test_an_empty_object_is_served_as_nothing() -> None:
    assert got(objects(Store(b""), size=0), 0, 0) == b""
