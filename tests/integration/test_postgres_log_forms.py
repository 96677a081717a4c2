"""How far a log carries a base forward: every form in which logs are kept, and what cannot be read here."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_bench import Bench, Production, of_kind
from tests.support.postgres_logs import cut_behind, lay, packed, segments, with_rows

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


def test_an_unfinished_segment_that_holds_no_log_is_not_taken_for_an_empty_one(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    def change(wal: Path) -> None:
        last = with_rows(wal)
        cut_behind(wal, last)
        Path(f"{last}.partial").write_bytes(b"\xff" * 8 + last.read_bytes()[8:])
        last.unlink()

    lay(postgres_bench, postgres_production, change)
    (said,) = of_kind(postgres_bench.start(wal_archive="wal"), "unused")
    assert said.endswith(".partial: unfinished, and holds no log")
    assert postgres_bench.rows() < 400

    def harmless(wal: Path) -> None:
        Path(f"{with_rows(wal)}.tmp").write_bytes(b"x" * 5000)
        (wal / "0000000100000000000000F0.partial").write_bytes(b"")

    lay(postgres_bench, postgres_production, harmless)
    told = postgres_bench.start(wal_archive="wal")
    assert (postgres_bench.rows(), of_kind(told, "unused"), len(of_kind(told, "beside"))) == (400, [], 2)


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
