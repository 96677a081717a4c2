"""What a restored data directory is, and whose word counts in it: copies that prove nothing, settings that would steer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_bench import (
    NEWER,
    SEGMENT,
    Bench,
    Failed,
    Production,
    Server,
    as_postgres,
    copies_to,
    of_kind,
)

pytestmark = pytest.mark.real


def lay(bench: Bench, production: Production, change: Callable[[Path], None] | None = None, base: str = "base") -> None:
    bench.lay((production.folder / base, "pg"), change=change and (lambda root: change(root / "pg")))


# ---- kinds of copy


def test_a_base_backup_alone_holds_what_it_held(postgres_bench: Bench, postgres_production: Production) -> None:
    lay(postgres_bench, postgres_production)
    told = postgres_bench.start()
    assert (postgres_bench.rows(), told["base_verified"], told["notices"]) == (100, True, [])
    assert told["base"] == "base backup with its backup_label; the same as its own backup_manifest says"
    again = postgres_bench.start()
    assert (again["changed"], again["notices"]) == (False, [])
    assert postgres_bench.program("stop")["changed"] is True
    assert postgres_bench.program("stop")["changed"] is False
    assert postgres_bench.start()["changed"] is True
    assert postgres_bench.rows() == 100


def test_a_cold_copy_is_healthy(postgres_bench: Bench, postgres_production: Production) -> None:
    lay(postgres_bench, postgres_production, base="cold")
    told = postgres_bench.start()
    assert (postgres_bench.rows(), told["notices"]) == (400, [])
    assert told["base"] == "cold copy of a server that was shut down; not compared: it brought no backup_manifest"


def test_a_copy_whose_server_was_started_again_is_no_cold_one(
    postgres_bench: Bench, postgres_production: Production, running_copy: Path
) -> None:
    """Its control file was copied while it was down, its log later."""

    def change(root: Path) -> None:
        shutil.copy(postgres_production.folder / "cold/global/pg_control", root / "pg/global/pg_control")
        (root / "pg/postmaster.pid").unlink()

    postgres_bench.lay((running_copy, "pg"), change=change)
    with pytest.raises(Failed, match="was copied while its server was started again"):
        postgres_bench.start()


def test_a_server_that_was_once_made_of_a_backup_still_has_its_manifest(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    """Of a backup that is long past: it neither misses a label nor says what the files are."""
    folder = postgres_production.folder

    def old(pg: Path) -> None:
        shutil.copy(folder / "base/backup_manifest", pg)

    lay(postgres_bench, postgres_production, old, base="cold")
    told = postgres_bench.start()
    assert (postgres_bench.rows(), told["notices"]) == (400, [])
    assert told["base"].endswith("not compared: its backup_manifest is of an earlier backup")
    lay(postgres_bench, postgres_production, old, base="base2")
    told = postgres_bench.start()
    assert (postgres_bench.rows(), told["base_verified"]) == (200, False)


def test_a_manifest_that_is_a_pipe_is_not_waited_for(postgres_bench: Bench, postgres_production: Production) -> None:
    def change(pg: Path) -> None:
        (pg / "backup_manifest").unlink()
        os.mkfifo(pg / "backup_manifest")

    lay(postgres_bench, postgres_production, change)
    with pytest.raises(Failed, match="backup_manifest is no regular file"):
        postgres_bench.start()


def test_a_label_that_was_deleted_is_missed(postgres_bench: Bench, postgres_production: Production) -> None:
    lay(postgres_bench, postgres_production, lambda pg: (pg / "backup_label").unlink())
    with pytest.raises(Failed, match="backup_manifest names backup_label, which is missing"):
        postgres_bench.start()


@pytest.fixture(scope="module")
def running_copy(postgres_production: Production) -> Path:
    """A copy of a server that was running, with its newest rows in the log alone."""
    folder = postgres_production.folder / "running"
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    server = Server(folder / "data")
    subprocess.run(["cp", "-a", str(postgres_production.folder / "cold"), str(server.data)], check=True)
    server.configure("archive_mode = off\ncheckpoint_timeout = 1h")
    server.start()
    try:
        server.sql("insert into encounter (id) select g from generate_series(401, 450) g")
        subprocess.run(["cp", "-a", str(server.data), str(folder / "copy")], check=True)
    finally:
        server.stop()
    return folder / "copy"


def test_a_copy_of_a_running_server_is_said_to_be_one(postgres_bench: Bench, running_copy: Path) -> None:
    postgres_bench.lay((running_copy, "pg"))
    with pytest.raises(Failed) as failed:
        postgres_bench.start()
    assert "is a copy of a server that was running (in production) and has no backup_label" in str(failed.value)
    assert "declare copied_while_running: atomic-snapshot" in str(failed.value)
    told = postgres_bench.start(copied_while_running="atomic-snapshot")
    assert postgres_bench.rows() == 450
    assert "nothing here proves that it was atomic" in told["base"]
    assert told["notices"] == []


def own(path: Path) -> bool:
    """Return whether a segment holds what its name says; recycled ones hold older log."""
    return (
        len(path.name) == 24 and int.from_bytes(path.read_bytes()[8:16], "little") == int(path.name[16:], 16) * SEGMENT
    )


def test_rot_in_the_log_of_a_snapshot_is_said(postgres_bench: Bench, running_copy: Path) -> None:
    def change(root: Path) -> None:
        newest = max(
            path
            for path in (root / "pg/pg_wal").iterdir()
            if path.is_file() and own(path) and b"x" * 50 in path.read_bytes()
        )
        content = newest.read_bytes()
        place = content.rindex(b"x" * 50)
        newest.write_bytes(content[:place] + b"y" * 50 + content[place + 50 :])

    postgres_bench.lay((running_copy, "pg"), change=change)
    told = postgres_bench.start(copied_while_running="atomic-snapshot")
    assert postgres_bench.rows() < 450
    (said,) = of_kind(told, "unused")
    assert "goes on behind it" in said


def test_an_older_server_left_half_way_is_named(postgres_bench: Bench, postgres_production: Production) -> None:
    damages: dict[str, tuple[Callable[[Path], object], str]] = {
        "no version": (lambda pg: (pg / "PG_VERSION").unlink(), "there is no PG_VERSION"),
        "no number": (lambda pg: (pg / "PG_VERSION").write_text("../../evil\n"), "does not hold a version"),
        "old": (lambda pg: (pg / "PG_VERSION").write_text("9.6\n"), "PostgreSQL 9.6 is too old for this runbook"),
        "absent": (
            lambda pg: (pg / "PG_VERSION").write_text("99\n"),
            "PostgreSQL 99 is not installed where drills run",
        ),
        "control file": (lambda pg: flip(pg / "global/pg_control", 40), "global/pg_control is damaged"),
        "label": (lambda pg: (pg / "backup_label").write_text("LABEL: x\n"), "backup_label is damaged"),
        "incremental": (
            lambda pg: (pg / "backup_label").write_text("INCREMENTAL FROM LSN: 0/2000028\n"),
            "the base is an incremental backup",
        ),
        "table": (
            lambda pg: flip(biggest(pg / "base"), 5000),
            "the base backup is damaged: checksum mismatch for file",
        ),
    }
    for change, said in damages.values():
        lay(postgres_bench, postgres_production, lambda pg, change=change: change(pg) and None)  # type: ignore[misc]
        with pytest.raises(Failed) as failed:
            postgres_bench.start()
        assert said in str(failed.value)
    lay(postgres_bench, postgres_production)
    told = postgres_bench.start(verify_base=False)
    assert (told["base_verified"], told["base"].endswith("verify_base is false")) == (False, True)


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.write_bytes(content)


def biggest(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def test_another_version_is_brought_back_by_the_programs_that_are_declared(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    """A PostgreSQL 17, out of a software image or installed: base backup, log, unfinished segment, catalogues."""
    folder = postgres_production.folder / "seventeen"
    archive = folder / "wal"
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    as_postgres(["mkdir", archive])
    programs = Path("/usr/lib/postgresql/17/bin")
    if NEWER.is_dir():
        subprocess.run(["cp", "-a", str(NEWER), str(folder / "programs")], check=True)
        programs = folder / "programs/bin"
    live = Server(folder / "live", programs)
    live.create(f"archive_mode = on\narchive_command = '{copies_to(archive)}'\nevent_triggers = on\n")
    live.start()
    try:
        live.sql("create database ehr", "postgres")
        live.sql("create table encounter (id bigint primary key); alter database ehr set zero_damaged_pages = on")
        live.base(folder / "base")
        live.add(1, 50, archive=archive)
        live.add(51, 60)
        unfinished = live.sql("select pg_walfile_name(pg_current_wal_lsn())")
        subprocess.run(["cp", live.data / "pg_wal" / unfinished, archive / f"{unfinished}.partial"], check=True)
    finally:
        live.stop("immediate")
    postgres_bench.lay((folder / "base", "pg"), (archive, "wal"))
    told = postgres_bench.start(wal_archive="wal", programs="/opt/postgresql-17/bin" if NEWER.is_dir() else "")
    assert (told["version"], postgres_bench.rows(), told["base_verified"]) == ("17", 60, True)
    assert of_kind(told, "overridden") == ["zero_damaged_pages: on for database ehr; taken back in the restored copy"]


def test_marks_that_a_backup_brings_along_are_not_the_drills(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    """A backup must not say about itself that it was recovered already, nor make a standby wait."""
    folder = postgres_production.folder

    def change(root: Path) -> None:
        for name in ("drp-recovered", "drp-loaded", "standby.signal", "recovery.signal", "promote", "postmaster.pid"):
            (root / "pg" / name).write_text("1\n")
        (root / "pg/recovery.conf").write_text("standby_mode = on\n")
        (root / "pg").chmod(0o755)

    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"), change=change)
    told = postgres_bench.start(wal_archive="wal", verify_base=False)
    assert postgres_bench.rows() == 400
    assert of_kind(told, "overridden") == ["recovery.conf: left by a version before 12, and put aside"]
