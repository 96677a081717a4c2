"""The pacs runbook on real backups of Orthanc: its index on SQLite, PostgreSQL and MariaDB, and nothing sent anywhere."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from drp.domain.check import CheckResult
from drp.domain.runbook import RunbookResult
from drp_verifiers.orthanc import OrthancOptions, OrthancVerifier
from tests.hospital import backups_pacs, dicom
from tests.hospital.backups import Backup
from tests.hospital.hospital import Hospital
from tests.hospital.second_pacs import SecondPacs
from tests.support.clinical import everything, expecting, outcomes
from tests.support.fixtures_runbooks import Driver
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROOT = "/data/files/srv/pacs"
ROUTE = "function OnStoredInstance(id, tags, metadata, origin) SendToModality(id, 'archive') end\n"


@pytest.fixture(scope="module")
def hot(hospital: Hospital) -> Backup:
    return backups_pacs.orthanc_hot(hospital.pacs, hospital.folder("pacs", "runbook"))


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def second(hospital: Hospital, request: pytest.FixtureRequest) -> Iterator[tuple[str, Backup]]:
    """Another PACS, with its index on a database server, lost after its backup."""
    engine: Literal["postgresql", "mariadb"] = request.param
    archive = SecondPacs(hospital, engine)
    archive.create()
    try:
        time.sleep(1.5)
        backup = archive.backup()
    finally:
        archive.kill()
    yield engine, backup
    shutil.rmtree(backup.path)
    shutil.rmtree(hospital.work / archive.name)


def lay(runbooks: Driver, backup: Backup) -> Path:
    root = runbooks.sandbox.data / "files/srv/pacs"
    shutil.copytree(backup.path, root)
    runbooks.sandbox.own()
    return root


def start(runbooks: Driver, **inputs: object) -> RunbookResult:
    return runbooks.run("pacs", "start", restored_root=ROOT, **inputs)


def failure(result: RunbookResult) -> str:
    assert not result.ok
    assert result.failed_task is not None
    return result.failed_task.message


def told(result: RunbookResult) -> set[tuple[str, str]]:
    notices = result.outputs["drp_notices"]
    assert isinstance(notices, list)
    return {(each["kind"], each["subject"]) for each in notices}


def verify(runbooks: Driver, backup: Backup, **options: object) -> dict[str, str]:
    given = OrthancOptions(configuration=f"{ROOT}/etc/orthanc.json", storage=f"{ROOT}/storage", **options)  # type: ignore[arg-type]
    target = runbooks.sandbox.rig.driver.target(runbooks.sandbox.handle)
    results = list(everything(OrthancVerifier(), target, given, expecting(backup)))
    print(
        *(one for one in results if isinstance(one, CheckResult) and one.outcome != "passed"), sep="\n"
    )  # told when a test fails
    return outcomes(results)


def test_a_hot_copy_comes_back_once_and_stops_once(runbooks: Driver, hot: Backup) -> None:
    root = lay(runbooks, hot)
    before = (root / "etc/orthanc.json").read_bytes()
    started = start(runbooks, copied_while_running=True)
    assert started.ok, started
    assert started.outputs["pacs"] == {
        "braked": [], "index": "sqlite", "title": "PACS", "port": 8042, "dicom_port": 4242, "tls": "off",
    }  # fmt: skip
    found = verify(runbooks, hot, port=8042, dicom_port=4242)
    assert set(found.values()) == {"passed"}, found
    again = start(runbooks, copied_while_running=True)
    assert again.ok
    assert "changed" not in {task.outcome for task in again.tasks}
    stops = [runbooks.run("pacs", "stop", restored_root=ROOT) for _ in range(2)]
    assert [sum(task.outcome == "changed" for task in stop.tasks) for stop in stops] == [1, 0]
    assert not (root / "storage/index-wal").exists(), "its end was not awaited"
    assert runbooks.sandbox.rig.driver.egress(runbooks.sandbox.handle) == ()
    assert before == (root / "etc/orthanc.json").read_bytes()


def inputs_of(engine: str) -> dict[str, object]:
    kind = {"dumps": "database"} if engine == "postgresql" else {"data_directory": "base", "binlog": "binlog"}
    return {"index": engine, **kind}


def test_an_index_on_a_database_server_comes_back(runbooks: Driver, second: tuple[str, Backup]) -> None:
    engine, backup = second
    root = lay(runbooks, backup)
    for roles in (root / "database").glob("globals.sql"):
        roles.unlink()  # the account is then that of Orthanc's configuration
    path = root / "etc/orthanc.json"
    said = json.loads(path.read_text())
    section = "PostgreSQL" if engine == "postgresql" else "MySQL"
    started = start(runbooks, **inputs_of(engine))
    assert started.ok, started
    assert said[section]["Password"] not in json.dumps(started.outputs)
    found = verify(
        runbooks, backup, port=said["HttpPort"], dicom_port=said["DicomPort"], index_command=index_command(engine)
    )
    assert set(found.values()) == {"passed"}, found
    job = json.dumps({"Jobs": {"a": {"State": "Pending", "Job": {"Type": "OrthancPeerStore", "Peer": "ward"}}}})
    runbooks.sandbox.shell(asking(engine, f"insert into ServerProperties values ('lost', 5, '{job}')"))
    again = start(runbooks, **inputs_of(engine))
    assert again.ok
    assert "changed" not in {task.outcome for task in again.tasks}
    assert ("held-back", "job OrthancPeerStore") in told(again)
    assert runbooks.run("service", "stop", restored_root=ROOT, name="orthanc").ok
    once = {"MaximumConnectionRetries": 0, "ConnectionRetryInterval": 1}
    path.write_text(json.dumps({**said, section: {**said[section], **once, "Password": "wrong"}}))
    message = failure(start(runbooks, **inputs_of(engine)))
    assert "orthanc ended with" in message
    assert "its last words" in message
    stops = [runbooks.run("pacs", "stop", restored_root=ROOT, **inputs_of(engine)) for _ in range(2)]
    assert [sum(task.outcome == "changed" for task in stop.tasks) for stop in stops] == [1, 0]


def index_command(engine: str) -> tuple[str, ...]:
    query = "select concat(uuid, '|', compressedSize, '|', compressedHash) from AttachedFiles"
    return ("/bin/sh", "-c", asking(engine, query))


def asking(engine: str, query: str) -> str:
    if engine == "postgresql":
        return f"psql -h /data/sockets -p 5434 -U postgres -d orthanc -XAtc {shlex.quote(query)}"
    return f"mariadb --no-defaults -BN orthanc -e {shlex.quote(query)}"


def send(runbooks: Driver, root: Path) -> None:
    """Store an image, as a modality would."""
    image = dicom.Image("PAT900009", "Doe^J", "909", dicom.new_uid(), dicom.new_uid(), 1, datetime.now(UTC))
    (runbooks.sandbox.data / "image.dcm").write_bytes(dicom.instance(image, dicom.new_uid()))
    runbooks.sandbox.own()
    user, password = next(iter(json.loads((root / "etc/orthanc.json").read_text())["RegisteredUsers"].items()))
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    runbooks.sandbox.write(
        "send.py",
        "import urllib.request as u\nbody = open('/data/image.dcm', 'rb').read()\n"
        f"r = u.Request('http://127.0.0.1:8042/instances', body, {{'Authorization': 'Basic {token}'}})\nu.urlopen(r).read()\n",
    )
    runbooks.sandbox.shell("/usr/bin/python3 /data/send.py")


def test_no_image_is_routed_unless_the_brake_is_taken_off(runbooks: Driver, hot: Backup) -> None:
    root = lay(runbooks, hot)
    runbooks.sandbox.write("files/srv/pacs/etc/route.lua", ROUTE)
    path = root / "etc/orthanc.json"
    said = json.loads(path.read_text())
    routing = {
        **said,
        "LuaScripts": [f"{ROOT}/etc/route.lua"],
        "DicomModalities": {"archive": ["ARCHIVE", "10.66.0.104", 11112]},
        "SaveJobs": True,
        "MaximumPatientCount": 2,
        "Housekeeper": {"Enable": True},
        "Indexer": {"Enable": True, "Folders": ["/mnt/modality"]},
        "AdvancedStorage": {"Enable": False, "DelayedDeletion": {"Enable": True}},
        "Plugins": [*said["Plugins"], "/opt/orthanc/libRouter.so", "/usr/share/orthanc/plugins/libOrthancExplorer2.so"],
    }
    jobs = {"a": {"State": "Retry", "Job": {"Type": "DicomModalityStore", "Remote": {"AET": "ARCHIVE"}}},
            "b": {"State": "Success", "Job": {"Type": "DicomModalityStore"}}}  # fmt: skip
    with closing(sqlite3.connect(root / "storage/index")) as index:
        index.execute("REPLACE INTO GlobalProperties VALUES (5, ?)", (json.dumps({"Jobs": jobs}),))
        index.commit()
    runbooks.sandbox.own()
    path.write_text("// production\n" + json.dumps(routing, indent=1).replace("{", "{ /* kept */", 1))
    started = start(runbooks)
    assert started.ok, started
    assert told(started) == {
        ("held-back", "LuaScripts route.lua"),
        ("held-back", "Housekeeper"),
        ("held-back", "Indexer"),
        ("held-back", "AdvancedStorage.DelayedDeletion"),
        ("held-back", "plugin libRouter.so"),
        ("held-back", "job DicomModalityStore"),
        ("overridden", "MaximumPatientCount"),
        ("unused", "plugin libOrthancExplorer2.so"),
    }
    found = verify(runbooks, hot, port=8042, dicom_port=4242)
    assert set(found.values()) == {"passed"}, found  # no patient was deleted to get below the limit
    path.write_text(json.dumps(routing))
    send(runbooks, root)
    time.sleep(2)
    driver, handle = runbooks.sandbox.rig.driver, runbooks.sandbox.handle
    assert driver.egress(handle) == ()
    assert runbooks.run("pacs", "stop", restored_root=ROOT).ok
    fitted = {**routing, "StorageDirectory": f"{ROOT}/storage", "IndexDirectory": f"{ROOT}/storage"}
    free = runbooks.run("service", "start", restored_root=ROOT, command=["Orthanc", "/run/unbraked.json"],
                        overlays={"/run/unbraked.json": json.dumps(fitted)}, ready={"port": 4242})  # fmt: skip
    assert free.ok, free
    send(runbooks, root)
    assert eventually(lambda: driver.egress(handle))
    assert {(each.destination, each.port) for each in driver.egress(handle)} == {("10.66.0.104", 11112)}


def test_what_keeps_it_from_starting_is_named(runbooks: Driver, hot: Backup) -> None:
    root = lay(runbooks, hot)
    path, storage = root / "etc/orthanc.json", root / "storage"
    said = json.loads(path.read_text())
    broken: dict[str, str] = {
        "{": "is no configuration of Orthanc: it cannot be read at line 1",
        json.dumps({**said, "Plugins": ["/opt/orthanc/libOrthancAwsS3Storage.so"]}): "in a store that no drill reaches",
    }
    for text, message in broken.items():
        path.write_text(text)
        assert message in failure(start(runbooks))
    path.write_text(json.dumps({**said, "Plugins": ["/opt/orthanc/libRouter.so"]}))
    assert "libRouter.so is not here" in str(start(runbooks, plugins=["libRouter.so"]).outputs["drp_limit"])
    path.write_text(json.dumps({**said, "Plugins": ["/opt/production/libOrthancDicomWeb.so"]}))
    assert "is index right?" in failure(start(runbooks, index="postgresql", dumps="database"))
    assert "is storage right?" in failure(start(runbooks, storage="absent"))
    assert "is configuration right?" in failure(start(runbooks, configuration="etc/absent.json"))
    taken = runbooks.run("service", "start", restored_root=ROOT, name="other", ready={"port": 4242},
                         command=["/usr/bin/python3", "-m", "http.server", "4242"])  # fmt: skip
    assert taken.ok, taken
    assert "orthanc cannot start: port 4242 is already taken" in failure(start(runbooks))
    assert runbooks.run("service", "stop", restored_root=ROOT, name="other").ok
    assert start(runbooks).ok, "a plugin is found where it is installed here"
    assert runbooks.run("pacs", "stop", restored_root=ROOT).ok
    message = failure(start(runbooks, copied_while_running=True))
    assert "was copied from a running Orthanc without index-wal" in message
    (storage / "index").unlink()
    assert "there is no index in" in failure(start(runbooks))
