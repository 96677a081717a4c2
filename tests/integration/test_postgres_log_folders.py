"""The folders of a log beside one another and beside the base: empty, older, overlapping, of another cluster."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_bench import SEGMENT, Bench, Failed, Production, of_kind
from tests.support.postgres_logs import cut_behind, flip, lay, segments, with_rows

pytestmark = pytest.mark.real


def test_an_empty_log_is_no_log(postgres_bench: Bench, postgres_production: Production) -> None:
    postgres_bench.lay((postgres_production.folder / "base", "pg"), change=lambda root: (root / "wal").mkdir())
    with pytest.raises(Failed, match="there is no WAL in wal"):
        postgres_bench.start(wal_archive="wal")
    with pytest.raises(Failed, match="are wal_archive and wal_stream right"):
        postgres_bench.start(wal_archive="absent")


def test_a_log_that_is_older_than_the_base_is_stated(postgres_bench: Bench, postgres_production: Production) -> None:
    """A base that was taken right after the last switch needs nothing of the archive; one that is weeks younger does."""
    label = (postgres_production.folder / "base2/backup_label").read_text()
    first = label.partition("file ")[2][:24]

    def keep(below: int) -> Callable[[Path], None]:
        def change(wal: Path) -> None:
            for path in segments(wal):
                if int(path.name[8:], 16) >= int(first[8:], 16) - below:
                    path.unlink()

        return change

    lay(postgres_bench, postgres_production, keep(0), base="base2")
    told = postgres_bench.start(wal_archive="wal")
    assert (told["log"]["used"], of_kind(told, "unused")) == (0, [])
    assert told["log"]["older"] > 0
    lay(postgres_bench, postgres_production, keep(1), base="base2")
    told = postgres_bench.start(wal_archive="wal")
    (said,) = of_kind(told, "unused")
    assert "before the base begins: it does not carry it forward" in said


def test_two_copies_of_a_segment_that_differ_are_named(postgres_bench: Bench, postgres_production: Production) -> None:
    folder = postgres_production.folder

    def change(root: Path) -> None:
        flip(with_rows(root / "stream", 1), 8192 * 2 + 100)

    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"), (folder / "wal", "stream"), change=change)
    with pytest.raises(Failed, match=r"wal/\w+ and stream/\w+ differ: two servers wrote"):
        postgres_bench.start(wal_archive="wal", wal_stream="stream")


def test_a_copy_of_pg_wal_as_archive_holds_files_for_log_to_come(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    """Empty ones, and old ones under a new name; but not where its own status names one as written."""

    def change(wal: Path) -> None:
        (wal / "archive_status").mkdir()
        (wal / "0000000100000000000000F0").write_bytes(segments(wal)[0].read_bytes())
        (wal / "0000000100000000000000F1").write_bytes(bytes(SEGMENT))

    lay(postgres_bench, postgres_production, change)
    told = postgres_bench.start(wal_archive="wal")
    assert (postgres_bench.rows(), told["notices"]) == (400, [])
    lay(postgres_bench, postgres_production, change)
    (postgres_bench.root / "wal/archive_status/0000000100000000000000F0.ready").touch()
    with pytest.raises(Failed, match=r"wal/0000000100000000000000F0 holds 00000001\w+, not what its name says"):
        postgres_bench.start(wal_archive="wal")


def test_a_cold_copy_is_carried_forward_too(postgres_bench: Bench, postgres_production: Production) -> None:
    folder = postgres_production.folder
    postgres_bench.lay((folder / "cold", "pg"), (folder / "wal", "wal"), (folder / "failover", "stream"))
    told = postgres_bench.start(wal_archive="wal", wal_stream="stream")
    assert (postgres_bench.rows(), told["timeline"]) == (400, 1)
    assert [one.partition(": ")[2] for one in of_kind(told, "beside")] == ["time line 2 left before the base"]


def test_a_stream_that_has_just_begun_is_none_the_worse(postgres_bench: Bench, postgres_production: Production) -> None:
    """Its one file was made before anything was written into it; and another cluster's lie in a folder of their own."""
    folder = postgres_production.folder

    def change(root: Path) -> None:
        (root / "stream").mkdir()
        (root / "stream/0000000100000000000000F0.partial").write_bytes(bytes(SEGMENT))
        (root / "wal/other").mkdir()
        for number, path in enumerate(segments(root / "wal")[:2]):
            content = bytearray(path.read_bytes())
            content[24] ^= 1
            (root / "wal/other" / f"0000000700000000000000F{number}").write_bytes(content)

    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"), change=change)
    told = postgres_bench.start(wal_archive="wal", wal_stream="stream")
    assert (postgres_bench.rows(), of_kind(told, "unused")) == (400, [])
    assert [one.partition(":")[2][:27] for one in of_kind(told, "beside")] == [" is of another cluster: sys"] * 2


def test_an_archive_and_a_stream_that_overlap_agree(postgres_bench: Bench, postgres_production: Production) -> None:
    folder = postgres_production.folder

    def change(root: Path) -> None:
        last = with_rows(root / "stream")
        cut_behind(root / "stream", last)
        os.truncate(last, len(last.read_bytes().rstrip(b"\0")))
        last.rename(f"{last}.partial")

    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"), (folder / "wal", "stream"), change=change)
    told = postgres_bench.start(wal_archive="wal", wal_stream="stream")
    assert (postgres_bench.rows(), told["notices"]) == (400, [])


def test_a_segment_of_another_cluster_stands_where_the_log_should_go_on(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    def change(wal: Path) -> None:
        last = with_rows(wal)
        content = bytearray(last.read_bytes())
        content[24] ^= 1  # the system's number
        last.write_bytes(content)
        cut_behind(wal, last)

    lay(postgres_bench, postgres_production, change)
    with pytest.raises(Failed, match="is of another cluster"):
        postgres_bench.start(wal_archive="wal")


def test_a_status_file_that_names_more_than_was_restored(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    def change(wal: Path) -> None:
        (wal / "archive_status").mkdir()
        (wal / "archive_status" / f"{segments(wal)[0].name}.done").touch()
        (wal / "archive_status" / "0000000100000000000000FE.ready").touch()

    lay(postgres_bench, postgres_production, change)
    told = postgres_bench.start(wal_archive="wal")
    assert of_kind(told, "unused") == [
        "wal/archive_status/0000000100000000000000FE.ready: names a segment that was not restored"
    ]


def test_a_link_to_a_folder_of_the_same_log_is_no_log_left_out(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    def change(wal: Path) -> None:
        (wal / "0000000100000000").mkdir()
        for path in segments(wal):
            path.rename(wal / "0000000100000000" / path.name)
        (wal / "latest").symlink_to("0000000100000000")

    lay(postgres_bench, postgres_production, change)
    told = postgres_bench.start(wal_archive="wal")
    assert (postgres_bench.rows(), of_kind(told, "unused")) == (400, [])
    assert of_kind(told, "beside") == ["wal/latest: a link to a folder, which is not followed"]


def test_an_archive_below_the_data_directory_goes_on_behind_the_base(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    """What was archived after the base is not in the base's manifest; anything else that is not there is damage."""
    folder = postgres_production.folder
    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "pg/archive"))
    told = postgres_bench.start(wal_archive="pg/archive")
    assert (postgres_bench.rows(), told["base_verified"], told["notices"]) == (400, True, [])
    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "pg/archive"), (folder / "wal", "wal"))
    with pytest.raises(Failed, match=r'"archive/.*" is present on disk but not in the manifest'):
        postgres_bench.start(wal_archive="wal")
