"""The real hospital after recoveries to different instants, and after damage that no application notices by itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.reconciliation.findings import findings_of
from drp.domain.reconciliation.result import ReconciliationResult, ReferenceResult
from tests.hospital import restores
from tests.hospital.gnuhealth import Instance
from tests.hospital.hospital import Hospital
from tests.hospital.postgres import Cluster
from tests.support.reconciling import declaration, reconciled

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Parted:
    """An EHR that came back older than LIS and PACS, which go on beside it."""

    hospital: Hospital
    ehr: Instance
    restored_at: datetime
    """Until when the EHR knows everything."""

    def compare(self, *rolls: str) -> ReconciliationResult:
        return reconciled({"ehr": self.ehr, "lis": self.hospital.lis, "pacs": self.hospital.pacs}, rolls=rolls)

    def sql(self, statement: str) -> str:
        return self.ehr.cluster.sql(statement, self.ehr.database)


@pytest.fixture(scope="module")
def parted(hospital: Hospital) -> Iterator[Parted]:
    backup = hospital.backup("ehr")
    hospital.traffic(patients=2)
    root = hospital.work / "parted" / "ehr"
    (root / "log").mkdir(parents=True)
    for folder in (root.parent, root):
        folder.chmod(0o755)
    cluster = Cluster(root / "postgres", 5491, hospital.namespace, root / "wal")
    original = hospital.ehr
    copy = Instance("ehr", root, original.host, 8091, original.database, cluster, hospital.namespace)
    try:
        restores.logical(backup.path, copy)
        copy.configuration.write_text(
            copy.configuration.read_text()
            .replace(":8000", ":8091")
            .replace(":5432/", ":5491/")
            .replace(str(original.root), str(root))
        )
        copy.start()
        yield Parted(hospital, copy, backup.consistent_at)
    finally:
        copy.abandon()
        shutil.rmtree(root, ignore_errors=True)


def by_name(result: ReconciliationResult) -> dict[str, ReferenceResult]:
    return {reference.name: reference for reference in result.references}


def codes(result: ReconciliationResult) -> set[tuple[str, str]]:
    return {(name, finding.code) for name, finding in findings_of(declaration(), result)}


def test_the_living_hospital_agrees(hospital: Hospital) -> None:
    ward = hospital.ward()
    ward.collect_studies()
    ward.close()
    result = reconciled({"ehr": hospital.ehr, "lis": hospital.lis, "pacs": hospital.pacs})
    assert all(reference.holds for reference in result.references), result.references
    assert [identifier.reissued for identifier in result.identifiers] == [0, 0]
    assert result.agreement == "as-restored"
    assert codes(result) == set()


def test_an_ehr_older_than_laboratory_and_pacs_lacks_orders_and_would_issue_their_numbers_again(parted: Parted) -> None:
    result = parted.compare("lis")
    references = by_name(result)
    (results,) = references["a result has its order"].ways
    assert (results.lacking, results.keys - results.dangling) == ("ehr", references["a result has its order"].matched)
    assert results.dangling >= 2
    for name in ("images have their order", "a study is the one that was ordered"):
        (way,) = references[name].ways
        assert (way.lacking, way.dangling) == ("ehr", results.dangling), name
    (patients,) = references["a patient of the laboratory is known"].ways
    assert all(key.startswith("sha256:") for key in patients.listed)
    assert len(patients.listed) == patients.dangling == results.dangling

    orders, accessions = result.identifiers
    assert orders.reissued == accessions.reissued == results.dangling
    assert orders.highest_in == "lis"
    assert accessions.highest_in == "pacs"
    assert codes(result) >= {("ehr", "DRP-A001"), ("ehr", "DRP-A004"), ("lis", "DRP-A006")}

    assert result.agreement == "earlier"
    assert result.agreed_at is not None
    assert parted.restored_at - timedelta(seconds=10) < result.agreed_at < datetime.now(UTC)
    advice = {state.application: state.advice for state in result.applications}
    assert advice == {"ehr": "keep", "lis": "roll-back", "pacs": "ahead"}


def test_the_bump_that_is_told_keeps_numbers_from_being_issued_again(parted: Parted) -> None:
    for identifier in parted.compare().identifiers:
        parted.sql(identifier.bump)
    after = parted.compare()
    assert [identifier.reissued for identifier in after.identifiers] == [0, 0]
    assert [identifier.next for identifier in after.identifiers] == [(i.highest or 0) + 1 for i in after.identifiers]
    with parted.ehr.client() as client:
        doctor = client.search("gnuhealth.healthprofessional", limit=1)[0]
        patient, kind = (client.search(model, limit=1)[0] for model in ("gnuhealth.patient", "gnuhealth.lab.test_type"))
        model = "gnuhealth.patient.lab.test"
        record = client.create(
            model, {"patient_id": patient, "test_type": kind, "doctor_id": doctor, "date": datetime.now(UTC)}
        )
        assert client.read(model, [record], ["request"])[0]["request"] == after.identifiers[0].next


def test_swapped_patients_are_named_by_key_and_not_by_patient(parted: Parted) -> None:
    swap = (
        "update gnuhealth_patient_lab_test o set patient_id = (select p.patient_id from gnuhealth_patient_lab_test p "
        "where p.request = 3 - o.request) where o.request in (1, 2)"
    )
    parted.sql(swap)
    try:
        result = parted.compare()
    finally:
        parted.sql(swap)
    found = by_name(result)["a result has its order"]
    assert found.mismatched == 2
    assert [text.partition(":")[0] for text in found.mismatches] == ["1", "2"]
    assert "PAT" not in "".join(found.mismatches)
    assert ("lis", "DRP-A003") in codes(result)
    assert by_name(parted.compare())["a result has its order"].mismatched == 0


def test_a_result_without_its_order_and_a_study_that_cannot_be_opened(parted: Parted) -> None:
    before = by_name(parted.compare())
    parted.sql("update gnuhealth_patient_lab_test set request = 700001 where request = 1")
    parted.sql("""update gnuhealth_imaging_orthanc_study set "study_instance_UID" = '1.2.3' where id = 1""")
    after = by_name(parted.compare())
    (was,), (now,) = before["a result has its order"].ways, after["a result has its order"].ways
    assert now.dangling == was.dangling + 1
    assert "1" in {key for part in now.kinds for key in part.listed}
    (reported,) = after["a reported order has its result"].ways
    assert (reported.lacking, reported.listed) == ("lis", ("700001",))
    (study,) = after["a study in the patient's file can be opened"].ways
    assert (study.lacking, study.listed) == ("pacs", ("1.2.3",))


def test_an_application_that_is_gone_leaves_its_references_not_judged(parted: Parted) -> None:
    assert parted.ehr.daemon is not None
    parted.ehr.daemon.kill()
    result = parted.compare()
    assert not any(reference.judged for reference in result.references)
    assert result.agreement == "undetermined"
    assert ("ehr", "DRP-A005") in codes(result)
