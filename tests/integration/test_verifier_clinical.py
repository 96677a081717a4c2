"""Verifiers of clinical applications on restored applications that are really damaged: what catches what.

Every case starts the application on its damaged copy. That it starts and answers proves nothing: most of them do.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.gnuhealth import GnuHealthOptions, GnuHealthVerifier
from drp_verifiers.orthanc import OrthancOptions, OrthancVerifier
from tests.hospital import backups, restores
from tests.hospital.backups import Backup
from tests.hospital.gnuhealth import USER, Instance
from tests.hospital.gnuhealth import template as empty_database
from tests.hospital.hospital import Hospital
from tests.hospital.orthanc import Orthanc
from tests.hospital.postgres import Cluster
from tests.hospital.processes import HospitalError, write_private
from tests.hospital.target import NamespaceTarget

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]


def expecting(backup: Backup, **facts: object) -> Expectation:
    """Return what a drill right after the backup expects."""
    now = datetime.now(UTC)
    return Expectation(
        facts={**backup.facts, **facts},
        consistent_at=backup.consistent_at,
        disaster_at=now,
        declared_at=now,
        timeout_seconds=120,
    )


def outcomes(results: list[CheckResult]) -> dict[str, str]:
    """Return the outcome of every check, those about single studies under one name."""
    found: dict[str, str] = {}
    for result in results:
        name = result.check.split(" ")[0]
        if found.get(name) in {None, "passed"}:
            found[name] = result.outcome
    return found


def failures(results: list[CheckResult]) -> set[str]:
    return {name for name, outcome in outcomes(results).items() if outcome == "failed"}


# --- the PACS -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pacs_backup(hospital: Hospital, hospital_folder: Path) -> Backup:
    folder = hospital_folder / "pacs-backup"
    folder.mkdir()
    return backups.orthanc_cold(hospital.pacs, folder)


@dataclass
class Copy:
    """A PACS that came back beside the original, on other ports."""

    pacs: Orthanc
    target: NamespaceTarget

    def verify(self, expectation: Expectation, **changes: object) -> list[CheckResult]:
        options = OrthancOptions(
            host=self.pacs.host,
            port=self.pacs.http_port,
            configuration=str(self.pacs.configuration),
            storage=str(self.pacs.storage),
            dicom_port=self.pacs.dicom_port,
        )
        return list(OrthancVerifier().verify(self.target, replace(options, **changes), expectation))  # type: ignore[arg-type]

    def images(self) -> list[Path]:
        """Return the stored DICOM files, biggest first; the small ones beside them are Orthanc's summaries."""
        files = [path for path in self.pacs.storage.glob("??/??/*") if path.is_file()]
        return sorted((path for path in files if path.stat().st_size > 30_000), reverse=True)


@pytest.fixture
def restored_pacs(
    hospital: Hospital, hospital_folder: Path, pacs_backup: Backup, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Copy]]:
    made: list[Orthanc] = []

    def restore(damage: Callable[[Copy], None] | None = None, backup: Backup = pacs_backup) -> Copy:
        root = hospital_folder / f"pacs-{len(list(hospital_folder.iterdir()))}"
        pacs = Orthanc(root, hospital.pacs.host, hospital.namespace, 8060, 4260)
        made.append(pacs)
        restores.orthanc(backup.path, pacs)
        settings = json.loads(pacs.configuration.read_text())
        settings |= {"HttpPort": 8060, "DicomPort": 4260, "StorageDirectory": str(pacs.storage)}
        settings |= {"IndexDirectory": str(pacs.storage)}
        write_private(pacs.configuration, json.dumps(settings), pacs.user)
        copy = Copy(pacs, NamespaceTarget(hospital.namespace))
        if damage is not None:
            damage(copy)
        pacs.start()
        return copy

    yield restore
    for pacs in made:
        pacs.kill()
        shutil.rmtree(pacs.root, ignore_errors=True)


def test_a_healthy_pacs_passes_every_check(restored_pacs: Callable[..., Copy], pacs_backup: Backup) -> None:
    results = restored_pacs().verify(expecting(pacs_backup))
    assert {result.check: (result.outcome, result.observed) for result in results if result.outcome != "passed"} == {}
    assert set(outcomes(results)) == {
        "answers", "counts", "stored-images", "newest", "dicomweb", "index-integrity", "index-counts", "stored-files",
        "c-echo", "c-find", "c-get",
    }  # fmt: skip
    newest = next(result for result in results if result.check == "newest").watermark
    assert newest is not None
    assert timedelta(0) <= pacs_backup.consistent_at - newest.at < timedelta(minutes=10), "UTC, and never the restore's"


def lose_all_images(copy: Copy) -> None:
    for folder in copy.pacs.storage.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)


def flip_one_bit_of_a_pixel(copy: Copy) -> None:
    image = copy.images()[0]
    content = bytearray(image.read_bytes())
    content[-1000] ^= 1
    image.write_bytes(content)


def truncate_an_image(copy: Copy) -> None:
    image = copy.images()[0]
    image.write_bytes(image.read_bytes()[:1000])


def lose_one_image(copy: Copy) -> None:
    copy.images()[0].unlink()


def lose_the_index(copy: Copy) -> None:
    (copy.pacs.storage / "index").unlink()


def corrupt_the_index(copy: Copy) -> None:
    index = copy.pacs.storage / "index"
    connection = sqlite3.connect(index)
    root = connection.execute("select rootpage from sqlite_master where name = 'AttachedFiles'").fetchone()[0]
    size = connection.execute("pragma page_size").fetchone()[0]
    connection.close()
    content = bytearray(index.read_bytes())
    content[(root - 1) * size + 200 : root * size] = b"\xa5" * (size - 200)
    index.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "caught_by"),
    [
        (lose_all_images, {"stored-images", "stored-files", "dicomweb", "c-get"}),
        (flip_one_bit_of_a_pixel, {"stored-images", "stored-files"}),
        (truncate_an_image, {"stored-images", "stored-files"}),
        (lose_one_image, {"stored-images", "stored-files"}),
        (lose_the_index, {"counts", "index-counts"}),
        (corrupt_the_index, {"index-integrity"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_damage_to_the_pacs_is_caught(
    restored_pacs: Callable[..., Copy], pacs_backup: Backup, damage: Callable[[Copy], None], caught_by: set[str]
) -> None:
    copy = restored_pacs(damage)
    results = copy.verify(expecting(pacs_backup))
    assert copy.pacs.client().request("GET", "/statistics")[0] == 200, "it starts and answers all the same"
    assert failures(results) >= caught_by, [(result.check, result.outcome, result.observed) for result in results]


def test_an_index_without_its_write_ahead_log_is_caught(
    restored_pacs: Callable[..., Copy], hospital: Hospital, hospital_folder: Path
) -> None:
    folder = hospital_folder / "without-wal"
    hospital.traffic(1)
    backup = backups.orthanc_hot_without_wal(hospital.pacs, folder)
    results = restored_pacs(None, backup).verify(expecting(backup))
    assert outcomes(results)["answers"] == "passed"
    assert {"counts", "index-counts"} <= failures(results)
    assert outcomes(results)["index-integrity"] == "passed", "an integrity check cannot see it"


def test_wrong_credentials_are_caught(restored_pacs: Callable[..., Copy], pacs_backup: Backup, tmp_path: Path) -> None:
    copy = restored_pacs()
    wrong = tmp_path / "orthanc.json"
    wrong.write_text(json.dumps({"RegisteredUsers": {"drill": "wrong"}}))
    results = copy.verify(expecting(pacs_backup), configuration=str(wrong))
    assert outcomes(results)["answers"] == "failed"
    assert outcomes(results)["counts"] == "undetermined"


def test_a_sample_is_never_passed_as_all(restored_pacs: Callable[..., Copy], pacs_backup: Backup) -> None:
    results = restored_pacs().verify(expecting(pacs_backup), most_instances=2)
    assert outcomes(results)["stored-images"] == "undetermined"


def test_a_pacs_without_facts_is_not_judged_complete(restored_pacs: Callable[..., Copy], pacs_backup: Backup) -> None:
    results = restored_pacs().verify(expecting(replace(pacs_backup, facts={})))
    assert outcomes(results)["counts"] == "undetermined"


# --- EHR and LIS --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lis_backup(hospital: Hospital) -> Backup:
    return hospital.backup("lis")


@pytest.fixture(scope="module")
def ehr_backup(hospital: Hospital) -> Backup:
    return hospital.backup("ehr")


@dataclass
class Restored:
    """A GNU Health that came back beside the original; damage is done to databases copied from what came back."""

    instance: Instance
    count: int = 0

    def damaged(self, statements: str, *, dump: Path | None = None) -> Instance:
        """Start an instance on a damaged copy of the restored database, or on a dump in its place."""
        self.count += 1
        original, name = self.instance, f"damaged{self.count}"
        cluster = original.cluster
        if dump is None:
            cluster.sql(f"create database {name} owner gnuhealth template {original.database}")
        else:
            cluster.sql(f"create database {name} owner gnuhealth template template0")
            cluster.load(dump, name)
        if statements:
            cluster.sql(statements, name)
        copy = replace(original, port=original.port + self.count, database=name, daemon=None)
        copy.root = original.root.parent / f"{original.name}-{name}"
        shutil.copytree(original.root / "etc", copy.root / "etc")
        (copy.root / "log").mkdir()
        copy.attachments.mkdir()
        if (original.attachments / original.database).exists():
            shutil.copytree(original.attachments / original.database, copy.attachments / name)
        text = original.configuration.read_text().replace(f":{original.port}\n", f":{copy.port}\n")
        text = text.replace(str(original.attachments), str(copy.attachments))
        write_private(copy.configuration, text, USER)
        write_private(copy.root / "etc" / "admin.password", original.password, USER)
        for path in (copy.root / "etc", copy.attachments, *copy.attachments.rglob("*")):
            shutil.chown(path, USER.uid, USER.gid)
        return copy


def bring_back(hospital: Hospital, folder: Path, original: Instance, backup: Backup, port: int) -> Restored:
    root = folder / f"{original.name}-back"
    (root / "log").mkdir(parents=True)
    root.chmod(0o755)
    cluster = Cluster(root / "postgres", port, hospital.namespace, root / "wal")
    copy = Instance(
        original.name,
        root,
        original.host,
        8100 if original.name == "lis" else 8200,
        original.database,
        cluster,
        hospital.namespace,
    )
    restores.logical(backup.path, copy)
    text = re.sub(r"127\.0\.0\.1:\d+/", f"127.0.0.1:{port}/", copy.configuration.read_text())
    text = re.sub(r"(listen = .*):\d+", rf"\1:{copy.port}", text).replace(
        str(original.attachments), str(copy.attachments)
    )
    write_private(copy.configuration, text, USER)
    return Restored(copy)


@pytest.fixture(scope="module")
def lis(hospital: Hospital, hospital_folder: Path, lis_backup: Backup) -> Iterator[Restored]:
    restored = bring_back(hospital, hospital_folder, hospital.lis, lis_backup, 5491)
    yield restored
    restored.instance.stop()


@pytest.fixture(scope="module")
def ehr(hospital: Hospital, hospital_folder: Path, ehr_backup: Backup) -> Iterator[Restored]:
    restored = bring_back(hospital, hospital_folder, hospital.ehr, ehr_backup, 5492)
    yield restored
    restored.instance.stop()


def verify(instance: Instance, expectation: Expectation, **changes: object) -> list[CheckResult]:
    options = GnuHealthOptions(
        host=instance.host,
        port=instance.port,
        database=instance.database,
        password_file=str(instance.root / "etc" / "admin.password"),
    )
    target = NamespaceTarget(instance.namespace)
    return list(GnuHealthVerifier().verify(target, replace(options, **changes), expectation))  # type: ignore[arg-type]


@pytest.fixture
def started() -> Iterator[Callable[..., Instance]]:
    running: list[Instance] = []

    def start(instance: Instance, timeout: float = 60) -> Instance:
        running.append(instance)
        instance.start(timeout)
        return instance

    yield start
    for instance in running:
        if instance.daemon:
            instance.daemon.kill()


def test_a_healthy_lis_passes_and_dates_its_data(
    lis: Restored, lis_backup: Backup, started: Callable[..., Instance]
) -> None:
    lis.instance.cluster.sql("alter role gnuhealth set timezone = 'America/New_York'")
    results = verify(started(lis.damaged("")), expecting(lis_backup), signed_reports="required")
    assert {result.check: (result.outcome, result.observed) for result in results if result.outcome != "passed"} == {}
    newest = next(result for result in results if result.check == "newest").watermark
    assert newest is not None
    assert newest.at < lis_backup.consistent_at, "a logical restore must not take its own time for the newest datum"
    assert lis_backup.consistent_at - newest.at < timedelta(minutes=10), "and the time zone of the role is no matter"


def test_an_altered_laboratory_value_is_caught(
    lis: Restored, lis_backup: Backup, started: Callable[..., Instance]
) -> None:
    altered = lis.damaged(
        "update gnuhealth_lab_test_critearea set result = result + 1 where id = "
        "(select min(id) from gnuhealth_lab_test_critearea where result is not null)"
    )
    results = verify(started(altered), expecting(lis_backup))
    assert failures(results) == {"signed-reports"}
    assert "TEST" in next(result.observed for result in results if result.check == "signed-reports")


def test_lost_records_are_caught(lis: Restored, lis_backup: Backup, started: Callable[..., Instance]) -> None:
    lost = lis.damaged(
        "delete from gnuhealth_lab_test_critearea where gnuhealth_lab_id = (select max(id) from gnuhealth_lab);"
        "delete from gnuhealth_lab where id = (select max(id) from gnuhealth_lab)"
    )
    results = verify(started(lost), expecting(lis_backup))
    assert "counts" in failures(results)
    assert "gnuhealth.lab" in next(result.observed for result in results if result.check == "counts")


def test_an_application_that_answers_with_an_empty_database_is_caught(
    hospital: Hospital,
    hospital_folder: Path,
    lis: Restored,
    lis_backup: Backup,
    started: Callable[..., Instance],
) -> None:
    empty = lis.damaged("", dump=empty_database(hospital_folder, hospital.namespace).dump)
    results = verify(started(empty), expecting(lis_backup), signed_reports="required")
    assert outcomes(results)["login"] == "passed"
    assert {"counts", "signed-reports"} <= failures(results)


def test_lost_and_altered_attachments_are_caught(
    ehr: Restored, ehr_backup: Backup, started: Callable[..., Instance]
) -> None:
    damaged = ehr.damaged("")
    first, second = sorted(path for path in damaged.attachments.rglob("*") if path.is_file())[:2]
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1] + b"?")
    results = verify(started(damaged), expecting(ehr_backup))
    assert failures(results) == {"attachments"}
    assert "2 of" in next(result.observed for result in results if result.check == "attachments")


def test_a_wrong_password_in_the_restored_configuration_is_caught(
    ehr: Restored, ehr_backup: Backup, started: Callable[..., Instance]
) -> None:
    damaged = ehr.damaged("")
    text = re.sub(r"gnuhealth:[^@]+@", "gnuhealth:wrong@", damaged.configuration.read_text())
    write_private(damaged.configuration, text, USER)
    with pytest.raises(HospitalError, match="password authentication failed"):
        started(damaged, 6)
    results = verify(damaged, expecting(ehr_backup))
    assert outcomes(results)["login"] == "failed"


def test_a_user_who_is_refused_is_caught(
    ehr: Restored, ehr_backup: Backup, started: Callable[..., Instance], tmp_path: Path
) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("wrong")
    results = verify(started(ehr.damaged("")), expecting(ehr_backup), password_file=str(wrong))
    assert outcomes(results) == {
        "login": "failed", "counts": "undetermined", "newest": "undetermined", "signed-reports": "undetermined",
        "attachments": "undetermined",
    }  # fmt: skip
