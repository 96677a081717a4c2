"""The ``orthanc`` verifier on a restored PACS that is really damaged: what catches what.

Every case starts Orthanc on its damaged copy. That it starts and answers proves nothing: it nearly always does.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.orthanc import OrthancOptions, OrthancVerifier
from tests.hospital import backups_pacs, restores
from tests.hospital.backups import Backup
from tests.hospital.hospital import Hospital
from tests.hospital.orthanc import Orthanc
from tests.hospital.processes import write_private
from tests.hospital.target import NamespaceTarget
from tests.support.clinical import caught, everything, expecting, failures, outcomes

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def pacs_backup(hospital: Hospital, hospital_folder: Path) -> Backup:
    folder = hospital_folder / "pacs-backup"
    folder.mkdir()
    return backups_pacs.orthanc_cold(hospital.pacs, folder)


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
        answers = everything(OrthancVerifier(), self.target, replace(options, **changes), expectation)  # type: ignore[arg-type]
        return [answer for answer in answers if isinstance(answer, CheckResult)]

    def images(self) -> list[Path]:
        """Return the stored DICOM files, biggest first; the small ones beside them are Orthanc's summaries."""
        files = [path for path in self.pacs.storage.glob("??/??/*") if path.is_file()]
        return sorted((path for path in files if path.stat().st_size > 30_000), reverse=True)


@pytest.fixture
def restored_pacs(hospital: Hospital, hospital_folder: Path, pacs_backup: Backup) -> Iterator[Callable[..., Copy]]:
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
        "answers", "counts", "stored-images", "newest", "study-uids", "dicomweb", "index-integrity", "index-counts",
        "stored-files", "index-identities", "index-tags", "index-lookups", "index-images", "c-echo", "c-find", "c-get",
        "counts-of-files",
    }  # fmt: skip
    newest = next(result for result in results if result.check == "newest").watermark
    assert newest is not None
    assert timedelta(0) <= pacs_backup.consistent_at - newest.at < timedelta(minutes=10), "UTC, and never the restore's"


def test_facts_of_a_running_pacs_are_those_of_its_backup(
    restored_pacs: Callable[..., Copy], pacs_backup: Backup
) -> None:
    copy = restored_pacs()
    options = OrthancOptions(host=copy.pacs.host, port=copy.pacs.http_port, configuration=str(copy.pacs.configuration))
    counts = pacs_backup.facts["orthanc"]["counts"]
    facts = OrthancVerifier().facts(copy.target, options, expecting(pacs_backup))
    assert facts == {"orthanc": {"counts": counts, "rule": "exact"}}
    copy.pacs.kill()
    with pytest.raises(ValueError, match="refused"):
        OrthancVerifier().facts(copy.target, options, expecting(pacs_backup))


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
    assert caught(f"PACS: {damage.__name__}", results) >= caught_by, [
        (result.check, result.outcome, result.observed) for result in results
    ]


def test_an_index_without_its_write_ahead_log_is_caught(
    restored_pacs: Callable[..., Copy], hospital: Hospital, hospital_folder: Path
) -> None:
    folder = hospital_folder / "without-wal"
    backup = backups_pacs.orthanc_hot_without_wal(hospital.pacs, folder, lambda: hospital.traffic(patients=1))
    results = restored_pacs(None, backup).verify(expecting(backup))
    assert outcomes(results)["answers"] == "passed"
    assert {"counts", "index-counts"} <= caught("PACS: index without its write-ahead log", results)
    assert outcomes(results)["index-integrity"] == "passed", "an integrity check cannot see it"


def test_a_copy_in_the_wrong_order_is_caught(
    restored_pacs: Callable[..., Copy], hospital: Hospital, hospital_folder: Path
) -> None:
    folder = hospital_folder / "wrong-order"
    backup = backups_pacs.orthanc_hot_in_the_wrong_order(hospital.pacs, folder, lambda: hospital.traffic(patients=1))
    results = restored_pacs(None, backup).verify(expecting(backup))
    assert outcomes(results)["counts"] == "passed", "the index counts images that are not there"
    assert {"stored-images", "stored-files"} <= caught("PACS: attachments copied before the index", results)


def test_an_index_on_a_database_server_is_compared_by_a_command(
    restored_pacs: Callable[..., Copy], pacs_backup: Backup, tmp_path: Path
) -> None:
    copy = restored_pacs()
    rows = tmp_path / "rows"
    connection = sqlite3.connect(pacs_backup.path / "storage" / "index")
    found = connection.execute("select uuid, compressedSize, compressedMD5 from AttachedFiles").fetchall()
    connection.close()
    rows.write_text("".join(f"{uuid}|{size}|{digest}\n" for uuid, size, digest in found))
    command = ("cat", str(rows))
    assert outcomes(copy.verify(expecting(pacs_backup), index_command=command))["stored-files"] == "passed"
    flip_one_bit_of_a_pixel(copy)
    assert "stored-files" in failures(copy.verify(expecting(pacs_backup), index_command=command))
    assert outcomes(copy.verify(expecting(pacs_backup), index_command=("false",)))["stored-files"] == "failed"
    absent = copy.verify(expecting(pacs_backup), index_command=("absent-program",))
    assert outcomes(absent)["stored-files"] in {"undetermined", "failed"}


def test_wrong_credentials_are_caught(restored_pacs: Callable[..., Copy], pacs_backup: Backup, tmp_path: Path) -> None:
    copy = restored_pacs()
    wrong = tmp_path / "orthanc.json"
    wrong.write_text(json.dumps({"RegisteredUsers": {"drill": "wrong"}}))
    results = copy.verify(expecting(pacs_backup), configuration=str(wrong))
    assert caught("PACS: wrong credentials", results) >= {"answers"}
    assert outcomes(results)["counts"] == "undetermined"


def test_a_sample_is_never_passed_as_all(restored_pacs: Callable[..., Copy], pacs_backup: Backup) -> None:
    results = restored_pacs().verify(expecting(pacs_backup), most_instances=2)
    assert outcomes(results)["stored-images"] == "undetermined"


def test_a_pacs_without_facts_is_not_judged_complete(restored_pacs: Callable[..., Copy], pacs_backup: Backup) -> None:
    results = restored_pacs().verify(expecting(replace(pacs_backup, facts={})))
    assert outcomes(results)["counts"] == "undetermined"
