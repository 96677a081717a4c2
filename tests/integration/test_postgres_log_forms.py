"""How far a log carries a base forward: every form in which logs are kept, and what cannot be read here."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_bench import SEGMENT, Bench, Failed, Production, of_kind
from tests.support.postgres_logs import cut_behind, flip, lay, packed, segments, with_rows

pytestmark = pytest.mark.real

# ---- forms


def nested(wal: Path) -> None:
    for path in segments(wal):
        (wal / path.name[:16]).mkdir(exist_ok=True)
        shutil.move(path, wal / path.name[:16] / path.name)
    (wal / "xlog.db").write_text("barman's list\n")


def pgbackrest(wal: Path) -> None:
    for path in segments(wal):
        place = wal / "archive/ehr/15-1" / path.name[:16]
        place.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha1(path.read_bytes()).hexdigest()
        subprocess.run(["zstd", "-q", "--rm", path, "-o", place / f"{path.name}-{digest}.zst"], check=True)
    (wal / "archive/ehr/archive.info").write_text("[db]\n")


def without_suffix(wal: Path) -> None:
    """As barman packs: nothing in the name says so."""
    for path in segments(wal):
        subprocess.run(["gzip", "-q", path], check=True)
        Path(f"{path}.gz").rename(path)


def renamed(wal: Path) -> None:
    for number, path in enumerate(segments(wal)):
        path.rename(wal / f"log-{number:03}.bin")


def unfinished(wal: Path) -> None:
    """The last one as pg_receivewal leaves it."""
    last = with_rows(wal)
    cut_behind(wal, last)
    last.rename(f"{last}.partial")


def cut_short(wal: Path) -> None:
    """The last one as a copy that was under way leaves it, packed."""
    last = with_rows(wal)
    cut_behind(wal, last)
    subprocess.run(["gzip", "-q", last], check=True)
    content = Path(f"{last}.gz").read_bytes()
    Path(f"{last}.gz.partial").write_bytes(content[:-8])
    Path(f"{last}.gz").unlink()


FORMS: dict[str, Callable[[Path], None]] = {
    "as archived": lambda wal: None,
    "barman's sub-folders": nested,
    "pgBackRest's repository": pgbackrest,
    "gzip": packed("gzip", "-q1"),
    "bzip2": packed("bzip2", "-q1"),
    "xz": packed("xz", "-q0"),
    "zstd": packed("zstd", "-q", "--rm"),
    "lz4": packed("lz4", "-q", "--rm", "-m"),
    "packed, and nothing says so": without_suffix,
    "renamed": renamed,
    "unfinished": unfinished,
    "unfinished, packed and cut off": cut_short,
}


@pytest.mark.parametrize("form", list(FORMS))
def test_a_log_is_used_in_whatever_form_it_is_kept(
    postgres_bench: Bench, postgres_production: Production, form: str
) -> None:
    lay(postgres_bench, postgres_production, FORMS[form])
    told = postgres_bench.start(wal_archive="wal")
    assert postgres_bench.rows() == 400
    assert told["notices"] == []
    assert told["log"]["used"] >= 3


def test_what_lies_beside_a_log_is_named(postgres_bench: Bench, postgres_production: Production) -> None:
    def change(wal: Path) -> None:
        (wal / "README").write_text("the archive of the health record\n")
        (wal / "pipe.log").mkdir()
        os.mkfifo(wal / "pipe")
        (wal / "elsewhere").symlink_to("/tmp")
        with_rows(wal).with_name("old.copy").write_bytes(with_rows(wal).read_bytes())

    lay(postgres_bench, postgres_production, change)
    told = postgres_bench.start(wal_archive="wal")
    assert postgres_bench.rows() == 400
    assert {one.partition(":")[0] for one in of_kind(told, "beside")} == {"wal/README", "wal/pipe", "wal/old.copy"}
    assert of_kind(told, "unused") == ["wal/elsewhere: a link to a folder, which is not followed"]


def test_a_stream_that_broke_off_anywhere_is_healthy(postgres_bench: Bench, postgres_production: Production) -> None:
    """A receiver that packs is cut off at any byte, in the middle of a record and of a page: so far it is good."""
    rows = []
    for share in (3, 5, 7, 9):

        def change(wal: Path, share: int = share) -> None:
            last = with_rows(wal)
            cut_behind(wal, last)
            subprocess.run(["gzip", "-q1", last], check=True)
            content = Path(f"{last}.gz").read_bytes()
            Path(f"{last}.gz").unlink()
            Path(f"{last}.gz.partial").write_bytes(content[: len(content) * share // 10])

        lay(postgres_bench, postgres_production, change)
        assert postgres_bench.start(wal_archive="wal")["notices"] == []
        rows.append(postgres_bench.rows())
    assert rows == sorted(rows)
    assert rows[0] < 400


# ---- what cannot be read here


def encrypted(wal: Path) -> None:
    for path in segments(wal)[-3:]:
        path.with_suffix(".age").write_bytes(b"age-encryption.org/v1\n" + os.urandom(1000))
        path.unlink()


def brotli(wal: Path) -> None:
    path = with_rows(wal, 1)
    path.with_suffix(".br").write_bytes(b"\x0b" + os.urandom(1000))
    path.unlink()


def encrypted_and_renamed(wal: Path) -> None:
    last = with_rows(wal)
    cut_behind(wal, last)
    (wal / "5e3f.bin").write_bytes(b"Salted__" + os.urandom(1000))
    last.unlink()


@pytest.mark.parametrize("change", [encrypted, brotli, encrypted_and_renamed])
def test_what_this_machine_cannot_read_is_named_and_not_the_backups_fault(
    postgres_bench: Bench, postgres_production: Production, change: Callable[[Path], None]
) -> None:
    lay(postgres_bench, postgres_production, change)
    told = postgres_bench.start(wal_archive="wal")
    assert postgres_bench.rows() < 400
    assert any("which this runbook does not read" in one for one in of_kind(told, "unused"))


def test_a_program_that_is_not_installed_is_this_machines_limit(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    lay(postgres_bench, postgres_production, packed("lz4", "-q", "--rm", "-m"))
    postgres_bench.parts["pg_wal"] = postgres_bench.parts["pg_wal"].replace(
        "/usr/local/bin:/usr/bin:/bin", "/nonexistent"
    )
    try:
        told = postgres_bench.start(wal_archive="wal")
    finally:
        postgres_bench.parts["pg_wal"] = postgres_bench.parts["pg_wal"].replace(
            "/nonexistent", "/usr/local/bin:/usr/bin:/bin"
        )
    assert any("there is no program lz4" in one for one in of_kind(told, "unused"))


# ---- several folders


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
