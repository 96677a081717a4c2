"""The mariadb runbook hides no damage, reaches nothing, and reads encrypted backups with the keys that came with them."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.mariadb import MariaDbOptions, MariaDbVerifier
from tests.hospital import backups_pacs
from tests.hospital.mariadb import served
from tests.integration.test_runbooks_mariadb import COUNT, ROOT, ask, lay, start, told
from tests.support.fixtures_mariadb import SEED, Vault
from tests.support.fixtures_runbooks import Driver

pytestmark = [pytest.mark.real, pytest.mark.slow]


def verify(runbooks: Driver) -> dict[str, CheckResult]:
    options = MariaDbOptions(database="pharmacy")
    now = datetime.now(UTC)
    expectation = Expectation(disaster_at=now, consistent_at=now, timeout_seconds=60)
    target = runbooks.sandbox.rig.driver.target(runbooks.sandbox.handle)
    return {each.check: each for each in MariaDbVerifier().verify(target, options, expectation)}


def test_nothing_is_repaired_in_silence(runbooks: Driver, vault: Vault) -> None:
    base = lay(runbooks, vault) / "base"
    data = base / "pharmacy/note.MYD"
    os.truncate(data, data.stat().st_size // 2)
    with (base / "backup-my.cnf").open("a") as file:
        file.write("innodb_force_recovery=6\n")
    runbooks.sandbox.own()
    started = start(runbooks, settings={"myisam-recover-options": "FORCE", "loose_event_scheduler": "ON"})
    assert started.ok, started
    assert {("overridden", "myisam_recover_options"), ("overridden", "innodb_force_recovery")} <= told(started)
    found = verify(runbooks)
    assert found["server"].outcome == "passed", found["server"]
    assert "event_scheduler OFF" in found["server"].observed
    assert found["tables"].outcome == "failed"
    assert "note" in found["tables"].observed


def test_what_reaches_out_is_held_back_by_name(runbooks: Driver, vault: Vault) -> None:
    lay(runbooks, vault)
    assert start(runbooks).ok
    ask(runbooks, "install soname 'ha_federatedx'; create database far")
    where = "host '127.0.0.1', port 3306, user 'app', password 'right', database 'pharmacy'"
    ask(runbooks, f"create server hub foreign data wrapper mysql options ({where})")
    ask(runbooks, "create table far.dose (id int, given_at datetime) engine=FEDERATED connection='hub/dose'")
    ask(
        runbooks,
        "insert into mysql.plugin values ('spider', 'ha_spider.so'); insert into mysql.func values ('f', 0, 'f.so', 'function')",
    )
    ask(runbooks, "change master 'ward' to master_host='10.66.0.8', master_user='r', master_password='secret'")
    again = start(runbooks)
    assert again.ok, again
    assert told(again) == {
        ("held-back", "event pharmacy.nightly"),
        ("held-back", "replication ward"),
        ("held-back", "foreign server hub"),
        ("held-back", "table far.dose"),
        ("held-back", "plugin FEDERATED"),
        ("unused", "plugin spider"),
        ("unused", "function f"),
    }
    assert "secret" not in repr(again.outputs)
    assert runbooks.sandbox.rig.driver.egress(runbooks.sandbox.handle) == ()


@pytest.fixture(scope="module")
def encrypted(hospital_folder: Path) -> Path:
    """A backup of a server whose pages and log are encrypted, and the key beside it."""
    kept = hospital_folder / "encrypted-kept"
    kept.mkdir()
    kept.chmod(0o755)
    with served(hospital_folder / "encrypted") as server:
        server.stop()
        keys = server.root / "etc/keys.txt"
        keys.write_text("1;" + os.urandom(32).hex() + "\n")
        shutil.chown(keys, "mysql", "mysql")
        with server.configuration.open("a") as file:
            file.write("[mariadbd]\nplugin_load_add=file_key_management\ninnodb_encrypt_tables=ON\ninnodb_encrypt_log=ON\n"
                       f"file_key_management_filename={keys}\n[mariadb-backup]\n")  # fmt: skip
        server.start()
        server.sql(SEED)
        backups_pacs.mariadb_physical(server, kept)
        shutil.copy(keys, kept / "keys.txt")
    return kept


def test_an_encrypted_backup_is_read_with_its_keys(runbooks: Driver, encrypted: Path) -> None:
    root = runbooks.sandbox.data / "files/srv/pharmacy"
    shutil.copytree(encrypted, root)
    runbooks.sandbox.own()
    keys = {"plugin_load_add": "file_key_management", "file_key_management_filename": f"{ROOT}/keys.txt"}
    started = start(runbooks, settings={**keys, "innodb_encrypt_log": "ON"})
    assert started.ok, started
    assert ask(runbooks, COUNT) == "300"
