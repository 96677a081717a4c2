"""The ``gnuhealth`` verifier on a restored EHR and LIS that are really damaged: what catches what."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.gnuhealth import PARTS, GnuHealthOptions, GnuHealthVerifier
from tests.hospital import restores
from tests.hospital.backups import Backup
from tests.hospital.gnuhealth import USER, Instance
from tests.hospital.gnuhealth import template as empty_database
from tests.hospital.hospital import Hospital
from tests.hospital.postgres import Cluster
from tests.hospital.processes import HospitalError, write_private
from tests.hospital.target import NamespaceTarget
from tests.support.clinical import caught, expecting, outcomes

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]


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
    restored.instance.abandon()


@pytest.fixture(scope="module")
def ehr(hospital: Hospital, hospital_folder: Path, ehr_backup: Backup) -> Iterator[Restored]:
    restored = bring_back(hospital, hospital_folder, hospital.ehr, ehr_backup, 5492)
    yield restored
    restored.instance.abandon()


def verify(instance: Instance, expectation: Expectation, **changes: object) -> list[CheckResult]:
    options = GnuHealthOptions(
        host=instance.host,
        port=instance.port,
        database=instance.database,
        password_file=str(instance.root / "etc" / "admin.password"),
        attachments=10_000,
    )
    target = NamespaceTarget(instance.namespace)
    answers = GnuHealthVerifier().verify(target, replace(options, **changes), expectation)  # type: ignore[arg-type]
    return [answer for answer in answers if isinstance(answer, CheckResult)]


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


def test_facts_of_a_running_application_are_those_of_its_backup(
    lis: Restored, lis_backup: Backup, started: Callable[..., Instance]
) -> None:
    instance = started(lis.damaged(""))
    options = GnuHealthOptions(
        host=instance.host,
        port=instance.port,
        database=instance.database,
        password_file=str(instance.root / "etc" / "admin.password"),
    )
    target, expectation = NamespaceTarget(instance.namespace), expecting(lis_backup)
    found = GnuHealthVerifier().facts(target, options, expectation)
    assert isinstance(found["gnuhealth"], dict)
    modules = found["gnuhealth"].pop("modules")
    assert found == lis_backup.facts
    for known, outcome in ((modules, "passed"), (modules[1:], "failed"), ([*modules, "intruder"], "failed")):
        facts = {"gnuhealth": {**found["gnuhealth"], "modules": known}}
        answers = GnuHealthVerifier().verify(target, options, replace(expectation, facts=facts))
        said = {answer.check: answer.outcome for answer in answers if isinstance(answer, CheckResult)}
        assert said["modules"] == outcome
    with pytest.raises(ValueError, match="answered 404"):
        GnuHealthVerifier().facts(target, replace(options, database="absent"), expectation)


def test_an_altered_laboratory_value_is_caught(
    lis: Restored, lis_backup: Backup, started: Callable[..., Instance]
) -> None:
    altered = lis.damaged(
        "update gnuhealth_lab_test_critearea set result = result + 1 where id = "
        "(select min(id) from gnuhealth_lab_test_critearea where result is not null)"
    )
    results = verify(started(altered), expecting(lis_backup))
    assert caught("LIS: signed value altered by SQL", results) == {"signed-reports"}
    assert "TEST" in next(result.observed for result in results if result.check == "signed-reports")


def test_lost_records_are_caught(lis: Restored, lis_backup: Backup, started: Callable[..., Instance]) -> None:
    lost = lis.damaged(
        "delete from gnuhealth_lab_test_critearea where gnuhealth_lab_id = (select max(id) from gnuhealth_lab);"
        "delete from gnuhealth_lab where id = (select max(id) from gnuhealth_lab)"
    )
    results = verify(started(lost), expecting(lis_backup))
    assert "counts" in caught("LIS: record lost", results)
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
    assert {"counts", "signed-reports"} <= caught("LIS: starts with an empty database", results)


def test_lost_and_altered_attachments_are_caught(
    ehr: Restored, ehr_backup: Backup, started: Callable[..., Instance]
) -> None:
    damaged = ehr.damaged("")
    first, second = sorted(path for path in damaged.attachments.rglob("*") if path.is_file())[:2]
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1] + b"?")
    results = verify(started(damaged), expecting(ehr_backup))
    assert caught("EHR: attachments lost and altered", results) == {"attachments"}
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
    assert caught("EHR: wrong database password", results) == {"login"}


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


def test_every_module_and_model_of_the_application_is_in_a_part(ehr: Restored) -> None:
    """The models that are counted are still called so, and no module brings records of which nothing is said."""
    instance = ehr.instance
    modules = instance.cluster.sql("select name from ir_module where state = 'activated'", instance.database).split()
    models = instance.cluster.sql("select model from ir_model", instance.database).split()
    known = {name for part in PARTS for name in part.catalogue}
    assert set(modules) <= known
    assert known - set(modules) <= set(models)
