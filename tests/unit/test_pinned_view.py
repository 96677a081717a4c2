"""Which version of each key counts at an instant."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from drp.domain.worm.objects import ObjectVersion
from drp.domain.worm.pinned import View, view_at
from drp.repositories.pinned.layout import belongs, digest_in, key_of, named, unsucceeded

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAME = "ab" * 32
PACK = f"data/ab/{NAME}"


def version(key: str, at: int, number: str = "", *, marker: bool = False, latest: bool = False) -> ObjectVersion:
    return ObjectVersion(
        key=key,
        version=number or f"{key}@{at}",
        size=1,
        modified=NOON + timedelta(seconds=at),
        latest=latest,
        marker=marker,
    )


def seen(*versions: ObjectVersion, at: int) -> dict[str, str]:
    view = view_at(versions, NOON + timedelta(seconds=at), wanted=lambda _: True)
    return {key: each.version for key, each in view.objects.items()}


def test_the_newest_version_of_then_counts_and_what_a_marker_hides_is_not_there() -> None:
    history = (
        version("config", 9, marker=True, latest=True),
        version("config", 5, "second"),
        version("config", 1, "first"),
    )
    assert seen(*history, at=0) == {}
    assert seen(*history, at=1) == {"config": "first"}
    assert seen(*history, at=8) == {"config": "second"}
    assert seen(*history, at=9) == {}


def test_of_versions_of_one_second_the_one_listed_first_counts() -> None:
    assert seen(version("config", 5, "newer"), version("config", 5, "older"), at=5) == {"config": "newer"}


def test_a_marker_of_the_same_second_hides_only_where_it_is_the_latest() -> None:
    kept, hidden = version("config", 5, "kept"), version("config", 5, "hidden")
    assert seen(kept, version("config", 5, "marker", marker=True), at=5) == {"config": "kept"}
    assert seen(version("config", 5, "marker", marker=True), kept, at=5) == {"config": "kept"}
    assert seen(hidden, version("config", 5, "marker", marker=True, latest=True), at=5) == {}
    assert seen(version("config", 5, "marker", marker=True, latest=True), hidden, at=5) == {}


def test_what_comes_later_is_counted_and_not_seen() -> None:
    view = view_at([version("config", 5), version("config", 9), version(PACK, 8)], NOON, wanted=belongs)
    assert (view.objects, view.later, view.newest) == ({}, 3, NOON + timedelta(seconds=9))
    assert view_at([], NOON, wanted=belongs).newest is None


def test_the_digest_names_keys_and_versions_in_the_order_of_their_bytes() -> None:
    names = ("index/b", "config", "data/é")
    view = View(at=NOON, objects={key: version(key, 0, "v") for key in names})
    told = b"config\0v\ndata/\xc3\xa9\0v\nindex/b\0v\n"
    assert view.digest == hashlib.sha256(told).hexdigest()


@given(
    st.permutations([("config", 1), ("config", 4), ("config", 7), (PACK, 2), (PACK, 6), (f"keys/{NAME}", 3)]),
    st.integers(0, 8),
)
def test_later_writes_never_change_a_view(order: list[tuple[str, int]], at: int) -> None:
    whole = [version(key, when) for key, when in order]
    before = [each for each in whole if each.modified <= NOON + timedelta(seconds=at)]
    assert seen(*whole, at=at) == seen(*before, at=at)


def test_locks_and_foreign_names_are_in_no_view() -> None:
    for key in ("config", f"keys/{NAME}", f"snapshots/{NAME}", f"index/{NAME}", PACK):
        assert belongs(key)
        assert key_of(*named(key)) == key
    for key in (
        f"locks/{NAME}",
        f"data/{NAME}",
        f"data/ac/{NAME}",
        f"keys/{NAME.upper()}",
        f"keys/{NAME}0",
        "keys/",
        "config/",
        "notes",
        f"keys/../{NAME}",
        f"keys/{NAME}\n",
    ):
        assert not belongs(key), key
    assert digest_in("config") == ""
    assert digest_in(PACK) == NAME


def contested(*versions: ObjectVersion) -> View:
    return view_at(
        versions,
        NOON + timedelta(seconds=9),
        wanted=belongs,
        provable=lambda key: bool(digest_in(key)),
        below_markers=lambda key: key.startswith("data/"),
    )


def test_a_pack_that_a_marker_hides_stays_and_a_point_does_not() -> None:
    point, marker = f"snapshots/{NAME}", version(PACK, 5, "m", marker=True, latest=True)
    view = contested(
        marker, version(PACK, 1, "pack"), version(point, 5, "gone", marker=True, latest=True), version(point, 1)
    )
    assert {key: each.version for key, each in view.objects.items()} == {PACK: "pack"}
    assert view.over == {PACK: marker}
    assert view.digest == View(at=NOON).digest


def test_of_versions_with_different_bytes_the_proven_one_counts_and_what_lies_over_it_is_known() -> None:
    newer, right = version(PACK, 5, "rubbish"), version(PACK, 1, "right")
    view = contested(newer, right, version("config", 5), version("config", 1, "first"))
    assert view.disputed == {PACK: (newer, right)}
    assert view.objects[PACK] is newer
    settled = view.settled({PACK: right})
    assert (settled.objects[PACK], settled.over, settled.disputed) == (right, {PACK: newer}, {})
    assert view.settled({PACK: newer}).over == {}
    assert view.settled({}).objects[PACK] is newer
    assert settled.digest != view.digest


def test_the_same_bytes_written_twice_are_no_dispute() -> None:
    twice = [replace(version(PACK, at, str(at)), etag="same") for at in (5, 1)]
    assert contested(*twice).disputed == {}
    assert contested(*(replace(each, size=at) for at, each in enumerate(twice))).disputed


def index(number: int, at: int, *, marker: bool = False) -> ObjectVersion:
    return version(f"index/{number:064x}", at, f"{number}@{at}{marker}", marker=marker, latest=marker)


def lost(*versions: ObjectVersion, at: int = 10**6) -> set[int]:
    found = unsucceeded(versions, NOON + timedelta(seconds=at))
    return {int(key.removeprefix("index/"), 16) for key in found}


def test_an_index_file_that_nothing_took_the_place_of_was_not_removed_by_restic() -> None:
    backups = (index(1, 0), index(2, 1000), index(3, 2000))
    assert lost(*backups, index(3, 5000, marker=True)) == {3}
    assert lost(*backups, index(3, 5000, marker=True), at=4999) == set()
    assert lost(*backups, index(3, 5000, marker=True), index(2, 5100, marker=True)) == {2, 3}
    everything = (index(number, 5000 + number, marker=True) for number in (1, 2, 3))
    assert lost(*backups, *everything) == {1, 2, 3}


def test_index_files_that_prune_wrote_anew_stay_removed() -> None:
    backups = (index(1, 0), index(2, 1000), index(3, 2000))
    pruned = (*(index(number, 5001, marker=True) for number in (1, 2, 3)), index(4, 5000))
    assert lost(*backups, *pruned) == set()
    assert lost(*backups, *pruned, index(5, 90_000), index(4, 90_001, marker=True)) == set()
    at_once = (index(1, 0), index(2, 0), index(1, 0, marker=True))
    assert lost(*at_once) == set()
    undone = (index(1, 0), index(1, 10, marker=True), index(1, 20))
    assert lost(*undone) == set()
