"""The hospital that demo and tests back up: its applications agree, its backups hold what they promise, no more."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hospital import backups, backups_pacs, ledger, restores, survivors
from tests.hospital.gnuhealth import Instance
from tests.hospital.hospital import Hospital
from tests.hospital.mariadb import MariaDB
from tests.hospital.orthanc import Orthanc, OrthancClient
from tests.hospital.postgres import Cluster
from tests.hospital.processes import HospitalError
from tests.hospital.rpc import GnuHealth
from tests.support.fixtures_hospital import LOSSES

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]


def restored(hospital: Hospital, original: Instance, name: str) -> Instance:
    """Return where a copy of an instance comes back: beside the original, on another port."""
    root = hospital.work / name / original.name
    (root / "log").mkdir(parents=True)
    for folder in (root.parent, root):
        folder.chmod(0o755)
    cluster = Cluster(root / "postgres", 5490, hospital.namespace, root / "wal")
    return Instance(original.name, root, original.host, 8090, original.database, cluster, hospital.namespace)


def lost(
    hospital: Hospital, application: str, present: object, until: datetime, kind: str = ""
) -> tuple[int, list[ledger.Write]]:
    """Return how many writes were acknowledged until an instant, and which of them are not there.

    With ``kind`` the figures go into the table that ends the run.
    """
    writes = [write for write in ledger.read(hospital.ledger.path) if write.at <= until]
    found = ledger.losses(writes, application, present)  # type: ignore[arg-type]
    acknowledged, missing = sum(loss.acknowledged for loss in found), [write for loss in found for write in loss.lost]
    if kind:
        reach = max(loss.measured(until) for loss in found).total_seconds()
        LOSSES.append((kind, str(acknowledged), str(len(missing)), f"{reach:.1f} s"))
    return acknowledged, missing


def test_the_applications_refer_to_each_other(hospital: Hospital) -> None:
    ward = hospital.ward()
    ward.collect_studies()  # the EHR's list of studies follows the PACS only now and then
    ward.close()
    with hospital.ehr.client() as ehr, hospital.lis.client() as lis:
        references_agree(ehr, lis, hospital.pacs.client())


def references_agree(ehr: GnuHealth, lis: GnuHealth, pacs: OrthancClient) -> None:
    orders = {row["request"] for row in ehr.rows("gnuhealth.patient.lab.test", ["request"])}
    results = {row["request_order"] for row in lis.rows("gnuhealth.lab", ["request_order"])}
    assert orders == results
    assert len(orders) >= 4
    imaging = {
        row["merge_id"]: row["request"] for row in ehr.rows("gnuhealth.imaging.test.request", ["request", "merge_id"])
    }
    studies = {
        s["MainDicomTags"]["StudyInstanceUID"]: s["MainDicomTags"]["AccessionNumber"]
        for s in pacs.json("/studies?expand")
    }
    assert imaging == studies
    listed = {row["study_instance_UID"] for row in ehr.rows("gnuhealth.imaging_orthanc.study", ["study_instance_UID"])}
    assert listed == set(studies)
    signed = lis.rows("gnuhealth.lab", ["state", "digest_status"])
    assert all(row["state"] == "validated" and not row["digest_status"] for row in signed)


def test_everything_acknowledged_is_there_without_a_disaster(hospital: Hospital) -> None:
    now = datetime.now(UTC)
    for instance in (hospital.ehr, hospital.lis):
        present = survivors.gnuhealth(instance.cluster, instance.database, instance.name)
        assert lost(hospital, instance.name, present, now)[1] == []
    assert lost(hospital, "pacs", survivors.orthanc(hospital.pacs.storage), now)[1] == []


def test_a_logical_dump_loses_exactly_what_came_after_it(hospital: Hospital) -> None:
    with hospital.under_traffic() as team:
        team.see(1)
        backup = hospital.backup("ehr")
        team.see(2)
    disaster = datetime.now(UTC)
    copy = restored(hospital, hospital.ehr, "logical")
    try:
        restores.logical(backup.path, copy)
        acknowledged, missing = lost(
            hospital,
            "ehr",
            survivors.gnuhealth(copy.cluster, "health", "ehr"),
            disaster,
            "EHR: PostgreSQL logical dump",
        )
        assert acknowledged > len(missing) > 0
        assert all(write.at > backup.consistent_at for write in missing)
        counts = backup.facts["gnuhealth"]["counts"]
        assert counts["gnuhealth.patient"] == int(copy.cluster.sql("select count(*) from gnuhealth_patient", "health"))
        copy.configuration.write_text(
            copy.configuration.read_text()
            .replace(":8000", ":8090")
            .replace(":5432/", ":5490/")
            .replace(str(hospital.ehr.root), str(copy.root))
        )
        copy.start()
        with copy.client() as client:
            row = client.rows("ir.attachment", ["name", "data"])[0]
        assert row["data"].startswith(b"%PDF-1.4"), "the attachment's file came back beside the database"
    finally:
        copy.abandon()


def test_base_backup_and_archive_lose_the_open_segment(hospital: Hospital) -> None:
    hospital.backup("ehr", "physical")
    with hospital.under_traffic() as team:
        team.see(1)
        backup = backups.archived_wal(hospital.ehr, hospital.folder("ehr", "physical"), switch=True)
        team.see(2)
    disaster = datetime.now(UTC)
    copy = restored(hospital, hospital.ehr, "archive")
    try:
        restores.physical(backup.path, copy)
        acknowledged, missing = lost(
            hospital,
            "ehr",
            survivors.gnuhealth(copy.cluster, "health", "ehr"),
            disaster,
            "EHR: PostgreSQL base backup + WAL archive",
        )
        assert acknowledged > len(missing) > 0, "what was written after the last archived segment is lost"
        assert min(write.at for write in missing) > backup.consistent_at - timedelta(seconds=2)
    finally:
        copy.abandon()


def test_streamed_wal_loses_nothing_and_reaches_any_instant(hospital: Hospital) -> None:
    hospital.backup("lis", "physical")
    receiver = backups.receive_wal(hospital.lis, hospital.folder("lis", "physical"))
    hospital.traffic(patients=2)
    middle = datetime.now(UTC)
    time.sleep(1.1)
    hospital.traffic(patients=2)
    disaster = datetime.now(UTC)
    hospital.lis.cluster.sql("alter system reset synchronous_standby_names; select pg_reload_conf()")
    receiver.kill()
    backup = hospital.folder("lis", "physical")
    whole, earlier, beyond = (restored(hospital, hospital.lis, name) for name in ("whole", "earlier", "beyond"))
    try:
        restores.physical(backup, whole)
        acknowledged, missing = lost(
            hospital,
            "lis",
            survivors.gnuhealth(whole.cluster, "lis", "lis"),
            disaster,
            "LIS: PostgreSQL base backup + pg_receivewal",
        )
        assert (acknowledged > 0, missing) == (True, [])
        whole.abandon()
        restores.physical(backup, earlier, target_time=middle)
        present = survivors.gnuhealth(earlier.cluster, "lis", "lis")
        assert lost(hospital, "lis", present, middle)[1] == []
        missing = lost(hospital, "lis", present, disaster)[1]
        assert missing
        assert all(write.at > middle for write in missing)
        earlier.abandon()
        with pytest.raises(HospitalError, match="before configured recovery target"):
            restores.physical(backup, beyond, target_time=disaster + timedelta(hours=1))
    finally:
        for copy in (whole, earlier, beyond):
            copy.abandon()


def test_a_hot_copy_in_the_right_order_has_no_dangling_row(hospital: Hospital) -> None:
    with hospital.under_traffic() as team:
        team.see(1)
        backup = hospital.backup("pacs", "hot")
        team.see(2)
    storage = backup.path / "storage"
    assert dangling(storage) == []
    assert backup.facts["orthanc"]["counts"]["instances"] == len(survivors.orthanc(storage)["instance"])
    missing = lost(hospital, "pacs", survivors.orthanc(storage), datetime.now(UTC), "PACS: SQLite hot copy")[1]
    assert missing
    assert all(write.at > backup.consistent_at for write in missing)


def test_a_copy_without_the_write_ahead_log_is_a_defective_backup(hospital: Hospital, tmp_path: Path) -> None:
    backup = backups_pacs.orthanc_hot_without_wal(
        hospital.pacs, tmp_path / "defective", lambda: hospital.traffic(patients=1)
    )
    found = (
        survivors.orthanc(backup.path / "storage")["instance"]
        if (backup.path / "storage" / "index").stat().st_size
        else set()
    )
    assert len(found) < backup.facts["orthanc"]["counts"]["instances"]


def test_a_cold_copy_is_complete(hospital: Hospital, tmp_path: Path) -> None:
    backup = backups_pacs.orthanc_cold(hospital.pacs, tmp_path / "cold")
    assert not (backup.path / "storage" / "index-wal").exists()
    assert lost(hospital, "pacs", survivors.orthanc(backup.path / "storage"), datetime.now(UTC))[1] == []


def dangling(storage: Path) -> list[str]:
    """Return attachments that the index names and the folder lacks."""
    import sqlite3

    connection = sqlite3.connect(storage / "index")
    try:
        names = [row[0] for row in connection.execute("select uuid from AttachedFiles")]
    finally:
        connection.close()
    return [name for name in names if not (storage / name[:2] / name[2:4] / name).exists()]


@pytest.mark.parametrize("engine", ["mariadb", "postgresql"])
def test_an_index_on_a_database_server(hospital: Hospital, engine: str) -> None:
    from tests.hospital import dicom

    root = hospital.work / f"pacs-on-{engine}"
    (root / "log").mkdir(parents=True)
    for folder in (root,):
        folder.chmod(0o755)
    server: MariaDB | Cluster
    if engine == "mariadb":
        server = MariaDB(root / "mariadb", hospital.namespace)
        port = 3306
    else:
        server, port = Cluster(root / "postgres", 5434, hospital.namespace, root / "wal"), 5434
    server.create()
    server.start()
    password = (
        server.create_database("orthanc", "orthanc")
        if isinstance(server, Cluster)
        else server.create_database("orthanc")
    )
    database = {"Host": "127.0.0.1", "Port": port, "Database": "orthanc", "Username": "orthanc", "Password": password}
    pacs = Orthanc(root / "pacs", "127.0.0.1", hospital.namespace, 8050, 4250, engine, database)  # type: ignore[arg-type]
    pacs.create()
    try:
        pacs.start()
        study, series = dicom.new_uid(), dicom.new_uid()

        def store(count: int) -> set[str]:
            uids = [dicom.new_uid() for _ in range(count)]
            for uid in uids:
                image = dicom.Image("PAT900001", "Doe^J", "900", study, series, 1, datetime.now(UTC))
                pacs.client().upload(dicom.instance(image, uid))
            return set(uids)

        before = store(5)
        vault = hospital.folder("pacs", engine)
        dump = backups_pacs.orthanc_on_database(pacs, server, vault)
        assert dump.facts["orthanc"] == {
            "counts": {"patients": 1, "studies": 1, "series": 1, "instances": 5},
            "rule": "at-least",
        }
        if not isinstance(server, MariaDB):
            return
        backups_pacs.mariadb_physical(server, vault)
        receiver = backups_pacs.receive_binlog(server, vault)
        after = store(5)
        time.sleep(0.5)
        pacs.kill()
        server.kill()
        receiver.kill()
        restores.mariadb(vault, server)
        present = survivors.orthanc_on_database(server, "orthanc")["instance"]
        acknowledged = before | after
        lost_images = str(len(acknowledged - set(present)))
        LOSSES.append(("PACS: MariaDB physical + binary log", str(len(acknowledged)), lost_images, "0.0 s"))
        assert present == acknowledged
    finally:
        pacs.kill()
        server.kill()
