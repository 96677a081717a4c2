"""What a list of snapshots says: instants, tags and manifests, each looked at before it is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drp.domain.application import PointFilter
from drp.domain.recovery_point import Selection, refusal
from drp.repositories.restic.snapshots import points_of, read_snapshots, read_time
from tests.support.fixtures_repositories import application

SNAPSHOT: dict[str, Any] = {
    "id": "a" * 64,
    "time": "2026-11-21T23:55:43.912605456+01:00",
    "paths": ["/srv/ehr"],
    "hostname": "ehr-db",
    "tags": ["ehr", "drp-manifest=" + "b" * 64],
    "summary": {"total_bytes_processed": 42},
}


def test_a_snapshot_becomes_a_point() -> None:
    listing = points_of([SNAPSHOT], application(tags=("ehr",)), "main")
    (point,) = listing.points
    assert listing.unreadable == ()
    assert point.consistent_at == datetime(2026, 11, 21, 22, 55, 43, 912605, tzinfo=UTC)
    assert (point.size_bytes, point.manifest_id, point.host) == (42, "b" * 64, "ehr-db")


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        (PointFilter(), True),
        (PointFilter(tags=("ehr",), host="ehr-db", path="/srv/ehr"), True),
        (PointFilter(tags=("ehr", "weekly")), False),
        (PointFilter(host="other"), False),
        (PointFilter(path="/srv"), False),
    ],
)
def test_the_filter_asks_for_all_of_it(wanted: PointFilter, there: bool) -> None:
    points = points_of([SNAPSHOT], application(tags=wanted.tags, host=wanted.host, path=wanted.path), "main").points
    assert bool(points) is there


@pytest.mark.parametrize(
    "change",
    [
        {"id": "--help"},
        {"id": None},
        {"time": "yesterday"},
        {"time": "2026-11-21T23:55:43"},
        {"time": "0001-01-01T00:00:00+14:00"},
        {"tags": "ehr"},
        {"paths": 7},
        {"paths": ["/srv/ehr\0/../../etc"]},
    ],
)
def test_a_snapshot_that_makes_no_sense_is_named_and_not_dropped(change: dict[str, object]) -> None:
    listing = points_of([{**SNAPSHOT, **change}], application(), "main")
    points, unreadable = listing.points, listing.unreadable
    assert points == ()
    assert len(unreadable) == 1


@pytest.mark.parametrize(
    "tags", [None, [], ["drp-manifest=zz"], [f"drp-manifest={'a' * 64}", f"drp-manifest={'b' * 64}"]]
)
def test_a_manifest_is_named_by_one_whole_digest_or_not_at_all(tags: list[str] | None) -> None:
    (point,) = points_of([{**SNAPSHOT, "tags": tags}], application(), "main").points
    assert point.manifest_id is None


@pytest.mark.parametrize(
    "tag",
    [
        f"DRP-Manifest={'b' * 64}",
        f" drp-manifest={'b' * 64}",
        f"drp-manifest ={'b' * 64}",
        f"drp-manifest={'B' * 64}",
        f"drp-manifest={'b' * 64} ",
        "drp-manifest=",
        f"d\u200brp-manifest={'b' * 64}",
        f"\uff44\uff52\uff50-manifest={'b' * 64}",
        f"drp-m\u0430nifest={'b' * 64}",
        f"drp-mainfest={'b' * 64}",
        f"drp={'b' * 64}",
    ],
)
def test_a_tag_that_is_meant_to_name_a_manifest_is_never_taken_for_none(tag: str) -> None:
    (point,) = points_of([{**SNAPSHOT, "tags": ["ehr", tag]}], application(), "main").points
    assert point.manifest_id is None
    assert point.manifest_trouble


@pytest.mark.parametrize("tag", ["drp", "drp-nightly", "drp-job=2026-11-21", f"git={'b' * 40}", f"drp-git-{'b' * 40}"])
def test_other_tags_name_no_manifest(tag: str) -> None:
    (point,) = points_of([{**SNAPSHOT, "tags": [tag]}], application(), "main").points
    assert (point.manifest_id, point.manifest_trouble) == (None, "")


@pytest.mark.parametrize("tag", ["Consistent_At=", "consistent-at=", "c\u200bonsistent_at=", "consistent_at ="])
def test_a_tag_that_is_meant_to_state_an_instant_is_never_passed_over(tag: str) -> None:
    listing = points_of([{**SNAPSHOT, "tags": [f"{tag}2026-11-21T22:40:00Z"]}], application(), "main")
    points, unreadable = listing.points, listing.unreadable
    assert points == ()
    assert len(unreadable) == 1


@pytest.mark.parametrize(
    ("hours", "taken"),
    [(2, True), (4, True), (4 + 0.5 / 60, True), (5, False), (9 * 8760, False)],
)
def test_a_point_that_was_being_made_at_the_disaster_was_not_there(hours: float, taken: bool) -> None:
    began = datetime(2026, 11, 21, 2, tzinfo=UTC)
    times = {"backup_start": began.isoformat(), "backup_end": (began + timedelta(hours=hours)).isoformat()}
    (point,) = points_of([{**SNAPSHOT, "time": began.isoformat(), "summary": times}], application(), "main").points
    refused = refusal(point, Selection(), began + timedelta(hours=4))
    assert refused == (None if taken else "still being made at the disaster")


def test_a_point_that_was_read_later_from_a_snapshot_of_its_volume_was_there() -> None:
    stated, read = datetime(2026, 8, 21, 2, tzinfo=UTC), datetime(2026, 11, 21, 2, tzinfo=UTC)
    times = {"backup_start": read.isoformat(), "backup_end": (read + timedelta(hours=1)).isoformat()}
    (point,) = points_of([{**SNAPSHOT, "time": stated.isoformat(), "summary": times}], application(), "main").points
    assert refusal(point, Selection(), stated + timedelta(hours=2)) is None
    assert refusal(point, Selection(), stated + timedelta(minutes=5)) == "still being made at the disaster"


def test_a_size_that_is_no_number_is_unknown() -> None:
    for summary in (None, {}, {"total_bytes_processed": "x"}, {"total_bytes_processed": -1}):
        (point,) = points_of([{**SNAPSHOT, "summary": summary}], application(), "main").points
        assert point.size_bytes is None


def test_the_list_is_found_between_other_lines() -> None:
    text = "repository 1a2b opened\n" + json.dumps([SNAPSHOT]) + "\nwarning: x\n"
    assert [entry["id"] for entry in read_snapshots(text)] == ["a" * 64]
    assert read_snapshots("null\n") == ()
    for nonsense in ("", "no list", "[broken"):
        with pytest.raises(ValueError, match=r"list|Expecting"):
            read_snapshots(nonsense)


def test_nanoseconds_are_cut() -> None:
    assert read_time("2026-01-01T00:00:00.123456789Z").microsecond == 123456
    assert read_time("2026-01-01T00:00:00Z").microsecond == 0


def test_the_instant_of_a_dump_is_that_of_its_tag_and_not_of_the_snapshot() -> None:
    tagged = {**SNAPSHOT, "tags": ["consistent_at=2026-11-21T22:40:00.25Z"]}
    listing = points_of([tagged], application(), "worm")
    ((point,), unreadable) = listing.points, listing.unreadable
    assert point.consistent_at == datetime(2026, 11, 21, 22, 40, 0, 250_000, tzinfo=UTC)
    assert unreadable == ()


@pytest.mark.parametrize(
    "tags",
    [
        ["consistent_at=2026-11-21T23:00:00Z"],  # after the snapshot
        ["consistent_at=2026-11-21T22:00:00Z", "consistent_at=2026-11-21T21:00:00Z"],
        ["consistent_at=yesterday"],
        ["consistent_at=2026-11-21T22:00:00"],
    ],
)
def test_an_instant_that_makes_no_sense_hides_its_point_by_name(tags: list[str]) -> None:
    listing = points_of([{**SNAPSHOT, "tags": tags}], application(), "worm")
    points, unreadable = listing.points, listing.unreadable
    assert points == ()
    (line,) = unreadable
    assert line.startswith(f"snapshots/{'a' * 64}: makes no sense (")
    assert tags[0] in line


@pytest.mark.parametrize(
    ("began", "ended", "taken"),
    [
        ("2026-11-21T22:55:43Z", "2026-11-21T23:00:00Z", "2026-11-21T22:55:43Z"),
        ("2026-11-21T22:58:00Z", "2026-11-21T23:00:00Z", "2026-11-21T22:58:00Z"),  # of a file system's snapshot
        ("9999-12-31T00:00:00Z", "2026-11-21T23:00:00Z", "2026-11-21T22:55:43Z"),
        ("9999-12-31T00:00:00Z", None, "2026-11-21T22:55:43Z"),
        (None, "2026-11-21T23:00:00Z", "2026-11-21T22:55:43Z"),
    ],
)
def test_a_backup_that_began_after_it_ended_began_as_early_as_it_can_have(
    began: str | None, ended: str | None, taken: str
) -> None:
    """A manifest has to be older than the backup: one that began in the year 9999 would clear every manifest."""
    said = {"backup_start": began, "backup_end": ended}
    summary = {name: instant for name, instant in said.items() if instant is not None}
    snapshot = {**SNAPSHOT, "time": "2026-11-21T22:55:43Z", "summary": summary}
    (point,) = points_of([snapshot], application(), "main").points
    assert point.taken_at == read_time(taken)


@pytest.mark.parametrize(
    ("change", "foreign"),
    [
        ({"tags": ["laundry", "consistent_at=2026-11-28"]}, True),
        ({"tags": ["laundry", "consistent_at=2027-01-01T00:00:00Z"]}, True),
        ({"tags": ["laundry"], "time": "yesterday"}, True),
        ({"tags": ["ehr", "consistent_at=2026-11-28"]}, False),
        ({"tags": ["E-H-R", "consistent_at=2026-11-28"]}, False),
        ({"tags": "laundry"}, False),
        ({"tags": ["laundry"], "id": "--help"}, False),
    ],
)
def test_another_applications_bad_point_is_told_apart(change: dict[str, object], foreign: bool) -> None:
    listing = points_of([{**SNAPSHOT, **change}], application(tags=("ehr",)), "main")
    assert listing.points == ()
    assert (len(listing.foreign), len(listing.unreadable)) == ((1, 0) if foreign else (0, 1))
