"""The postgres runbook on the kinds of backup that a hospital makes: dumps, base backup with archive, streamed WAL."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.runbook import RunbookResult
from tests.hospital import backups
from tests.hospital.backups import Backup
from tests.hospital.hospital import Hospital
from tests.support.fixtures_runbooks import Driver

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROOT = "/data/files/srv/lis"
PATIENTS = "select count(*) from gnuhealth_patient"


def lay(runbooks: Driver, backup: Path) -> Path:
    """Lay a backup into the sandbox's volume, as a restore would."""
    root = runbooks.sandbox.data / "files/srv/lis"
    shutil.copytree(backup, root)
    runbooks.sandbox.own()
    return root


def failure(result: RunbookResult) -> str:
    assert not result.ok
    assert result.failed_task is not None
    return result.failed_task.message


def ask(runbooks: Driver, sql: str, *, database: str = "lis", port: int = 5432) -> str:
    return runbooks.sandbox.shell(f"psql -h /data/sockets -p {port} -U postgres -d {database} -AtXc '{sql}'").strip()


# ---- dumps


@pytest.fixture(scope="module")
def dump(hospital: Hospital) -> Backup:
    return backups.logical(hospital.lis, hospital.folder("lis", "dumped"))


def start_dump(runbooks: Driver, **inputs: object) -> RunbookResult:
    return runbooks.run("postgres", "start", restored_root=ROOT, dumps="database", **inputs)


def test_a_dump_is_loaded_once_with_its_roles(runbooks: Driver, dump: Backup) -> None:
    lay(runbooks, dump.path)
    started = start_dump(runbooks, passwords="required")
    assert started.ok, started
    assert started.outputs["postgres"]["databases"] == ["lis"]  # type: ignore[index]
    counts = {model: int(ask(runbooks, f"select count(*) from {backups.table(model)}")) for model in backups.MODELS}
    assert counts == dump.facts["gnuhealth"]["counts"]
    assert ask(runbooks, "show data_checksums; show fsync") == "on\non"
    login = "psql -h 127.0.0.1 -U gnuhealth -d lis -w -Atc 'select 1' 2>&1 || true"
    assert "no password supplied" in runbooks.sandbox.shell(login)
    again = start_dump(runbooks, passwords="required")
    assert "changed" not in {task.outcome for task in again.tasks}
    ask(runbooks, "delete from ir_attachment")
    stopped = runbooks.run("postgres", "stop", restored_root=ROOT, dumps="database")
    assert [task.outcome for task in stopped.tasks][-1] == "changed"
    assert start_dump(runbooks).ok
    assert ask(runbooks, "select count(*) from ir_attachment") == "0", "a second start must not load the dump again"


def test_a_load_that_failed_begins_anew(runbooks: Driver, dump: Backup) -> None:
    root = lay(runbooks, dump.path)
    roles = root / "database/globals.sql"
    kept = roles.read_text()
    roles.unlink()
    message = failure(start_dump(runbooks))
    assert "the dump lis.dump could not be loaded: pg_restore ended with 1" in message
    assert 'role "gnuhealth" does not exist' in message
    assert message.endswith("there is no globals.sql with the roles beside the dumps")
    roles.write_text(kept)
    runbooks.sandbox.own()
    assert start_dump(runbooks).ok
    assert int(ask(runbooks, PATIENTS)) == dump.facts["gnuhealth"]["counts"]["gnuhealth.patient"]


def test_a_dump_with_flipped_bytes_is_named(runbooks: Driver, dump: Backup) -> None:
    path = lay(runbooks, dump.path) / "database/lis.dump"
    whole = path.read_bytes()
    damages = {
        "cut off": whole[: len(whole) // 2],
        "flipped data": whole[:-60_000] + bytes(255 - byte for byte in whole[-60_000:-50_000]) + whole[-50_000:],
        "flipped head": b"PGDUMP" + whole[6:],
    }
    for damage, content in damages.items():
        path.write_bytes(content)
        message = failure(start_dump(runbooks))
        assert "the dump lis.dump" in message, damage
        assert "pg_restore" in message, damage
    path.write_bytes(killing(runbooks, path, whole))
    assert "the dump lis.dump is damaged: pg_restore died by signal 11" in failure(start_dump(runbooks))


def killing(runbooks: Driver, path: Path, whole: bytes) -> bytes:
    """Return the dump with flipped bytes in its table of contents that kill pg_restore."""
    generator = random.Random(4)
    listing = f"pg_restore -l {ROOT}/database/{path.name} >/dev/null 2>&1; echo $?"
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(40):
            content[generator.randrange(40, 60_000)] ^= 0xFF
        path.write_bytes(content)
        if runbooks.sandbox.shell(listing).strip() == "139":
            return bytes(content)
    raise AssertionError("no damage killed pg_restore")


def test_what_cannot_be_a_dump_is_said(runbooks: Driver, dump: Backup) -> None:
    root = lay(runbooks, dump.path)
    assert "there is no dump in" in failure(runbooks.run("postgres", "start", restored_root=ROOT, dumps="etc"))
    (root / "packed").mkdir()
    (root / "packed/lis.dmp.gz").write_bytes(b"\x1f\x8b\x08")
    lacking = runbooks.run("postgres", "start", restored_root=ROOT, dumps="packed")
    assert not lacking.ok
    assert "packed, and not unpacked here" in str(lacking.outputs["drp_limit"]), "a limit of the runbook, not damage"
    assert "is dumps right?" in failure(runbooks.run("postgres", "start", restored_root=ROOT, dumps="absent"))
    message = failure(start_dump(runbooks, recovery_target_time="2026-01-01T00:00:00Z"))
    assert "a dump holds one instant" in message
    assert root.exists()


# ---- base backup, archive, stream


@dataclass
class Stream:
    """A base backup, the WAL archived after it, and the WAL that was streamed; what there was in the middle and in the end."""

    path: Path
    middle: datetime
    counts: tuple[int, int]


@pytest.fixture(scope="module")
def stream(hospital: Hospital) -> Stream:
    lis, into = hospital.lis, hospital.folder("lis", "streamed")

    def patients() -> int:
        return int(lis.cluster.sql(PATIENTS, "lis"))

    receiver = backups.receive_wal(lis, into)
    try:
        backups.physical(lis, into)
        hospital.traffic(patients=1)
        middle, first = datetime.now(UTC), patients()
        time.sleep(1.1)
        backups.archived_wal(lis, into, switch=True)
        hospital.traffic(patients=1)
        last = patients()
    finally:
        lis.cluster.sql("alter system reset synchronous_standby_names; select pg_reload_conf()")
        receiver.kill()
    shutil.copytree(lis.cluster.archive, into / "wal")
    return Stream(into, middle, (first, last))


def start_stream(runbooks: Driver, **inputs: object) -> RunbookResult:
    given = {"data_directory": "base", "wal_archive": "wal", "wal_stream": "stream", "port": 5433, **inputs}
    return runbooks.run("postgres", "start", restored_root=ROOT, **given)


def test_streamed_wal_brings_everything_back(runbooks: Driver, stream: Stream) -> None:
    lay(runbooks, stream.path)
    started = start_stream(runbooks)
    assert started.ok, started
    state = started.outputs["postgres"]
    assert isinstance(state, dict)
    assert (state["base_verified"], state["recovered"]) == (True, True)
    assert datetime.fromisoformat(state["newest_transaction"]) > stream.middle
    assert int(ask(runbooks, PATIENTS, port=5433)) == stream.counts[1]
    assert ask(runbooks, "show synchronous_standby_names", port=5433) == ""
    assert runbooks.run("postgres", "stop", restored_root=ROOT, data_directory="base").ok
    again = start_stream(runbooks)
    assert again.ok, "recovered once, it starts like any other server"
    assert int(ask(runbooks, PATIENTS, port=5433)) == stream.counts[1]


def test_the_archive_alone_ends_earlier(runbooks: Driver, stream: Stream) -> None:
    lay(runbooks, stream.path)
    assert start_stream(runbooks, wal_stream="").ok
    assert int(ask(runbooks, PATIENTS, port=5433)) < stream.counts[1]


def test_an_instant_is_reached(runbooks: Driver, stream: Stream) -> None:
    lay(runbooks, stream.path)
    started = start_stream(runbooks, recovery_target_time=stream.middle.isoformat())
    assert started.ok, started
    state = started.outputs["postgres"]
    assert datetime.fromisoformat(state["newest_transaction"]) <= stream.middle  # type: ignore[index]
    assert datetime.fromisoformat(state["stopped_before"]) > stream.middle  # type: ignore[index]
    assert int(ask(runbooks, PATIENTS, port=5433)) == stream.counts[0]


def test_a_gap_in_the_wal_is_named_with_and_without_a_target(runbooks: Driver, stream: Stream) -> None:
    root = lay(runbooks, stream.path)
    base = max(path.name for path in (root / "base/pg_wal").iterdir() if len(path.name) == 24)  # brings its own
    gone = min(path.name for path in (root / "wal").iterdir() if len(path.name) == 24 and path.name > base)
    for folder in ("wal", "stream"):
        (root / folder / gone).unlink(missing_ok=True)
    kept = runbooks.sandbox.data / "kept"
    shutil.copytree(root / "base", kept)
    message = failure(start_stream(runbooks))
    assert "the WAL archive has a gap: recovery ended at" in message
    assert gone in message
    assert runbooks.run("postgres", "stop", restored_root=ROOT, data_directory="base").ok
    shutil.rmtree(root / "base")
    kept.rename(root / "base")
    runbooks.sandbox.own()
    runbooks.sandbox.shell("rm -r /run/pg")  # as in a sandbox of its own
    message = failure(start_stream(runbooks, recovery_target_time=stream.middle.isoformat()))
    assert "cannot be reached" in message
