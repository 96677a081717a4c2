"""The ehr and lis runbooks on real backups of GNU Health: at their production addresses, able to be used, and silent."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import Expectation
from drp.domain.runbook import RunbookResult
from drp_verifiers.gnuhealth import GnuHealthOptions, GnuHealthVerifier
from tests.hospital import backups
from tests.hospital.backups import Backup
from tests.hospital.hospital import Hospital
from tests.support.clinical import expecting, outcomes
from tests.support.fixtures_runbooks import Driver

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROOT = "/data/files/srv/app"
MAIL = """
import base64, json, sys, urllib.request
def call(method, *parameters, token=""):
    body = json.dumps({"id": 1, "method": method, "params": parameters}).encode()
    head = {"Content-Type": "application/json", "Authorization": token}
    answer = json.load(urllib.request.urlopen(urllib.request.Request("http://10.20.0.11:8000/health/", body, head), timeout=60))
    assert not (isinstance(answer, dict) and answer.get("error")), answer
    return answer["result"]
password = open(sys.argv[1]).readline().strip()
user, session = call("common.db.login", "admin", {"password": password})[:2]
token = "Session " + base64.b64encode(f"admin:{user}:{session}".encode()).decode()
context = call("model.res.user.get_preferences", True, {}, token=token)
other = call("model.res.user.create", [{"name": "Ana", "login": sys.argv[2], "email": "ana@hospital.example"}], context, token=token)
call("model.res.user.reset_password", other, context, token=token)
"""
"""A colleague is made and asks for a new password: GNU Health sends a mail."""


@dataclass
class Stream:
    """A base backup with streamed WAL, an instant in the middle of it, and how many patients there were then and in the end."""

    path: Path
    middle: datetime
    counts: tuple[int, int]


@pytest.fixture(scope="module")
def dump(hospital: Hospital) -> Backup:
    return backups.logical(hospital.ehr, hospital.folder("ehr", "dumped"))


@pytest.fixture(scope="module")
def stream(hospital: Hospital) -> Stream:
    lis, into = hospital.lis, hospital.folder("lis", "rolled")
    count = "select count(*) from gnuhealth_patient"
    receiver = backups.receive_wal(lis, into)
    try:
        backups.physical(lis, into)
        hospital.traffic(patients=1)
        middle, first = datetime.now(UTC), int(lis.cluster.sql(count, "lis"))
        time.sleep(1.1)
        hospital.traffic(patients=1)
        last = int(lis.cluster.sql(count, "lis"))
    finally:
        lis.cluster.sql("alter system reset synchronous_standby_names; select pg_reload_conf()")
        receiver.kill()
    return Stream(into, middle, (first, last))


def lay(runbooks: Driver, backup: Path) -> Path:
    root = runbooks.sandbox.data / "files/srv/app"
    shutil.copytree(backup, root)
    runbooks.sandbox.own()
    return root


def start(runbooks: Driver, **inputs: object) -> RunbookResult:
    return runbooks.run("ehr", "start", seconds=240, restored_root=ROOT, **{"dumps": "database", **inputs})


def failure(result: RunbookResult) -> str:
    assert not result.ok
    assert result.failed_task is not None
    return result.failed_task.message


AROUND = """
[wsgi middleware]
around = werkzeug.middleware.proxy_fix.ProxyFix
[wsgi around]
args = (open('/tmp/ran', 'w').write('') or 1,)
"""
"""trytond evaluates this as Python when it starts."""


def held_back(result: RunbookResult) -> set[str]:
    notices = result.outputs["drp_notices"]
    assert isinstance(notices, list)
    return {each["subject"] for each in notices if each["kind"] == "held-back"}


def verify(runbooks: Driver, options: GnuHealthOptions, expectation: Expectation) -> dict[str, str]:
    target = runbooks.sandbox.rig.driver.target(runbooks.sandbox.handle)
    return outcomes(list(GnuHealthVerifier().verify(target, options, expectation)))


def test_a_health_record_comes_back_and_can_be_used(gnuhealth_runbooks: Driver, dump: Backup) -> None:
    runbooks = gnuhealth_runbooks
    lay(runbooks, dump.path)
    started = start(runbooks)
    assert started.ok, started
    assert started.outputs["gnuhealth"] == {
        "listens": "10.20.0.11:8000", "tls": "off", "software": "/opt/gnuhealth", "braked": ["cron"],
    }  # fmt: skip
    scheduled = [each for each in held_back(started) if each.startswith("cron ")]
    assert "cron ir.trigger.trigger_time" in scheduled, scheduled
    options = GnuHealthOptions(database="health", password_file=f"{ROOT}/etc/admin.password", host="10.20.0.11")
    found = verify(runbooks, options, expecting(dump))
    assert set(found.values()) == {"passed"}, found
    again = start(runbooks)
    assert again.ok
    assert "changed" not in {task.outcome for task in again.tasks}
    assert runbooks.sandbox.rig.driver.egress(runbooks.sandbox.handle) == ()
    stops = [runbooks.run("ehr", "stop", restored_root=ROOT, dumps="database") for _ in range(2)]
    assert [sum(task.outcome == "changed" for task in stop.tasks) for stop in stops] == [2, 0]


def test_no_mail_leaves_unless_the_brake_is_taken_off(gnuhealth_runbooks: Driver, dump: Backup) -> None:
    runbooks = gnuhealth_runbooks
    configuration = lay(runbooks, dump.path) / "etc/trytond.conf"
    with configuration.open("a") as file:
        file.write("\n[email]\nuri = smtp://10.66.0.25:25\nfrom = record@hospital.example\n" + AROUND)
    started = start(runbooks)
    assert started.ok, started
    assert {"email", "wsgi middleware around"} <= held_back(started)
    assert runbooks.sandbox.shell("ls /tmp/ran || true") == "", "no code of the configuration has run"
    runbooks.sandbox.write("mail.py", MAIL)
    mail = f"/usr/bin/python3 /data/mail.py {ROOT}/etc/admin.password"
    runbooks.sandbox.shell(f"{mail} ana")
    assert runbooks.sandbox.rig.driver.egress(runbooks.sandbox.handle) == ()
    state = runbooks.sandbox.shell("cat /run/gnuhealth/trytond.conf")
    assert "[email]\nuri = \n" in state
    unbraked = re.sub(r"\[email\]\nuri = \n", "", state)
    assert runbooks.run("service", "stop", restored_root=ROOT, name="trytond").ok
    command = ["/opt/gnuhealth/bin/python", "/opt/gnuhealth/bin/trytond", "-c", f"{ROOT}/etc/trytond.conf",
               "/run/unbraked.conf", "-d", "health"]  # fmt: skip
    free = runbooks.run("service", "start", restored_root=ROOT, name="unbraked", command=command,
                        overlays={"/run/unbraked.conf": unbraked}, ready={"host": "10.20.0.11", "port": 8000})  # fmt: skip
    assert free.ok, free
    assert runbooks.sandbox.shell("ls /tmp/ran") == "/tmp/ran\n", "without the brake it runs"
    runbooks.sandbox.shell(f"{mail} luis")
    sent = {(each.destination, each.port) for each in runbooks.sandbox.rig.driver.egress(runbooks.sandbox.handle)}
    assert sent == {("10.66.0.25", 25)}, "the recorder sees what an application without the brake sends"


def test_what_keeps_it_from_starting_is_named(gnuhealth_runbooks: Driver, dump: Backup) -> None:
    runbooks = gnuhealth_runbooks
    root = lay(runbooks, dump.path)
    configuration = root / "etc/trytond.conf"
    said = configuration.read_text()
    secret = re.search(r"gnuhealth:([^@]*)@", said)
    assert secret
    configuration.write_text(said.replace(secret.group(1), "wrong"))
    message = failure(start(runbooks))
    assert "trytond will not become ready" in message
    assert "password authentication failed" in message
    configuration.write_text(said.replace("[database]", "database"))
    result = start(runbooks)
    assert "is no configuration of trytond: MissingSectionHeaderError" in failure(result)
    assert secret.group(1) not in repr(result), "what cannot be read is not shown: it holds a password"
    configuration.write_text(said)
    assert "there is no /opt/absent/bin/trytond" in failure(start(runbooks, software="/opt/absent"))
    assert "is attachments right?" in failure(start(runbooks, attachments="absent"))
    assert "is configuration right?" in failure(start(runbooks, configuration="etc/absent.conf"))
    message = failure(start(runbooks, database="archive"))
    assert 'trytond will not become ready: it refuses over HTTP: {"id":1,"result":["health"]}' in message


def test_a_laboratory_is_rolled_to_an_instant_on_its_own_port(gnuhealth_runbooks: Driver, stream: Stream) -> None:
    runbooks = gnuhealth_runbooks
    lay(runbooks, stream.path)
    started = runbooks.run(
        "lis", "start", seconds=240, restored_root=ROOT, data_directory="base", wal_stream="stream", database_port=5433,
        database="lis", address="10.20.0.12", port=8001, recovery_target_time=stream.middle.isoformat(),
    )  # fmt: skip
    assert started.ok, started
    options = GnuHealthOptions(
        database="lis",
        password_file=f"{ROOT}/etc/admin.password",
        host="10.20.0.12",
        port=8001,
        signed_reports="required",
    )
    facts = {"gnuhealth": {"counts": {"gnuhealth.patient": stream.counts[0]}, "rule": "exact"}}
    now = datetime.now(UTC)
    expectation = Expectation(
        facts=facts, consistent_at=stream.middle, disaster_at=now, declared_at=now, timeout_seconds=120
    )
    found = verify(runbooks, options, expectation)
    assert found["counts"] == "passed", found
    assert "failed" not in found.values(), found
    assert runbooks.run("lis", "stop", restored_root=ROOT, data_directory="base").ok
