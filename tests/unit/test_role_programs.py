"""Programs of the roles on restored configuration: what acts by itself is found, and nothing that is no file is read."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drp_verifiers.inside import whole_program
from tests.support.role_programs import load, prepare, taken

brake, orthanc, jobs = load("orthanc", "brake", "configuration", "jobs")
client, production = load("mariadb", "client", "production")
postgres, base = load("postgres", "pg_common", "pg_base")


@pytest.fixture(params=["pipe", "device", "endless", "folder"])
def no_file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "settings.json"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    elif request.param == "endless":
        path.touch()
        os.truncate(path, 1 << 40)
    else:
        path.mkdir()
    return path


def test_what_stands_in_place_of_a_configuration_is_named_and_not_read(no_file: Path) -> None:
    with pytest.raises(orthanc.Failure, match=r"no configuration of Orthanc|is configuration right"):
        orthanc.configuration(no_file)
    program = prepare("gnuhealth")
    with pytest.raises(program.Failure, match="no configuration of trytond"):
        program.settings(no_file)
    notices = client.Notices()
    production.tell(no_file, notices)
    assert notices.told() == []


def test_what_stands_in_place_of_a_file_of_postgresql_is_named_and_not_read(no_file: Path, tmp_path: Path) -> None:
    refused = r"is no regular file|is longer than|Is a directory"
    with pytest.raises(OSError, match=refused):
        postgres.text_of(no_file)
    for name, read in {
        "backup_label": lambda: base.what_it_is(tmp_path, None, ""),
        "tablespace_map": lambda: base.lead_map(tmp_path, tmp_path),
        "recovery.conf": lambda: base.put_right(tmp_path),
    }.items():
        os.symlink(no_file, tmp_path / name)
        with pytest.raises(OSError, match=refused):
            read()
        (tmp_path / name).unlink()
    os.symlink(no_file, tmp_path / "postmaster.pid")
    assert postgres.running(tmp_path) == 0


def test_a_pipe_in_a_physical_backup_is_named_before_its_tool_waits_for_it(tmp_path: Path) -> None:
    (prepare,) = load("mariadb", "prepare")
    (tmp_path / "xtrabackup_checkpoints").write_text("backup_type = full-backuped\n")
    (tmp_path / "ris").mkdir()
    os.mkfifo(tmp_path / "ris/exam.ibd")
    with pytest.raises(client.Failure, match=r"^exam\.ibd in the physical backup is a pipe"):
        prepare.prepare_physical(tmp_path, "")


def test_a_program_that_waits_for_ever_is_a_failure_with_its_name() -> None:
    with pytest.raises(postgres.Failure, match=r"^sleep did not end within 0 s$"):
        postgres.run_tool(["sleep", "1000"], seconds=0.2)


def test_nothing_is_told_of_an_orthanc_that_does_nothing_by_itself(tmp_path: Path) -> None:
    (tmp_path / "libOrthancDicomWeb.so").touch()
    settings = {"Name": "PACS", "Plugins": ["/opt/libOrthancDicomWeb.so"], "MaximumStorageSize": 0, "LuaScripts": []}
    found = taken(settings, software=tmp_path)
    assert (found.notices, found.found) == ([], [])
    assert settings["Plugins"] == [str(tmp_path / "libOrthancDicomWeb.so")]
    assert (settings["SaveJobs"], settings["MaximumPatientCount"]) == (False, 0)


def test_plugins_are_known_or_held_back(tmp_path: Path) -> None:
    for name in ("libWard.so", "libOrthancPython.so", "libModalityWorklists.so.1.10.1"):
        (tmp_path / name).touch()
    settings = {"Plugins": [str(tmp_path)], "PythonScript": "/etc/route.py"}
    found = taken(settings, software=tmp_path)
    assert {(each["kind"], each["subject"]) for each in found.notices} == {
        ("held-back", "PythonScript route.py"),
        ("held-back", "plugin libWard.so"),
    }
    assert "PythonScript" not in settings
    assert len(settings["Plugins"]) == 2
    settings = {"Plugins": [str(tmp_path)]}
    assert taken(settings, "libWard.so", software=tmp_path).notices == []
    assert len(settings["Plugins"]) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Plugins": ["libOrthancAwsS3Storage.so"]}, "in a store that no drill reaches"),
        (
            {"Plugins": ["libOrthancMySQLIndex.so"], "MySQL": {"EnableIndex": True}},
            "libOrthancMySQLIndex.so is not here",
        ),
    ],
)
def test_what_this_machine_lacks_is_no_fault_of_the_backup(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(orthanc.Limit, match=message):
        taken(settings)


def test_a_plugin_that_is_not_needed_may_be_absent() -> None:
    found = taken({"Plugins": ["libOrthancMySQLStorage.so", "/opt/plugins"], "MySQL": {"EnableStorage": False}})
    assert [(each["kind"], each["subject"]) for each in found.notices] == [
        ("unused", "plugin libOrthancMySQLStorage.so"),
        ("unused", "plugins /opt/plugins"),
    ]


def test_odd_values_break_nothing() -> None:
    found = taken({"LuaScripts": "a\x1b[31m.lua", "Housekeeper": [], "AdvancedStorage": 7, "Plugins": None,
                   "MaximumPatientCount": [1], "Indexer": {"Enable": True}})  # fmt: skip
    assert {each["subject"] for each in found.notices} == {
        "LuaScripts a\\u001b[31m.lua",
        "Indexer",
        "MaximumPatientCount",
    }
    found.jobs({"Jobs": {"a": 7, "b": {"State": "Pending"}, "c": {"State": "Success"}}})
    found.jobs([])
    assert sum(each["subject"].startswith("job") for each in found.notices) == 1


def test_production_settings_are_told_where_the_drill_has_others(tmp_path: Path) -> None:
    (tmp_path / "server.cnf").write_text(
        "[mariadb-10.11]\nloose-innodb-checksum-algorithm=none # fast\nplugin_load_add = ha_spider\nfeedback=ON\n"
        "!includedir /etc\n[mysqldump]\ninit_file=/x\n[server]\ndefault_time_zone='+00:00'\n"
    )
    notices = client.Notices()
    production.tell(tmp_path, notices)
    assert {(each["kind"], each["subject"]) for each in notices.told()} == {
        ("overridden", "innodb_checksum_algorithm"),
        ("held-back", "plugin_load_add"),
        ("held-back", "feedback"),
    }
    with pytest.raises(client.Failure, match="is configuration right"):
        production.tell(tmp_path / "absent", notices)


def test_production_settings_are_told_from_files_that_are_included(tmp_path: Path) -> None:
    """By the path that they had in production; one that includes itself ends."""
    folder = tmp_path / "etc/mysql/conf.d"
    folder.mkdir(parents=True)
    main = folder.parent / "my.cnf"
    main.write_text("!includedir /etc/mysql/conf.d/\n!include /etc/mysql/my.cnf\n!include /absent.cnf\n!includedir /\n")
    (folder / "steer.cnf").write_text("[mysqld]\ninit_connect='SET sql_select_limit = 1'\ninnodb_force_recovery=6\n")
    (folder / "notes.txt").write_text("[mysqld]\ninit_file=/x\n")
    notices = client.Notices()
    production.tell(main, notices)
    assert {each["subject"] for each in notices.told()} == {"init_connect", "innodb_force_recovery"}


def test_notices_name_the_first_and_count_the_rest() -> None:
    notices = client.Notices()
    for number in range(25):
        notices.add("unused", f"file {number}", "why")
    told = notices.told()
    assert (len(told), told[-1]["subject"]) == (11, "file 10 and 14 more")


ODD = {
    "latin": '{"Name": "Hôpital"}'.encode("latin-1"),
    "words after the end": b'{"Name": "H\xc3\xb4pital"} }\n-- old\n',
    "line end in a text": '{"Name": "Hôpital", "Note": "two\n\tlines"}'.encode(),
    "variables": '{"Name": "${DRP_NOT_SET:-Hôpital}", "Limit": ${DRP_NOT_SET:-7}}'.encode(),
    "quoted default": '{"Name": "${DRP_NOT_SET:-\'Hôpital\'}"}'.encode(),
    "mark and comments": '\ufeff// old\n{"Name": "old", /* } */ "Name": "Hôpital",}'.encode(),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_configuration_that_orthanc_takes_is_taken(odd: str, tmp_path: Path) -> None:
    """Each was tried with Orthanc 1.10, which starts with it and has the same name."""
    (tmp_path / "orthanc.json").write_bytes(ODD[odd])
    assert orthanc.configuration(tmp_path / "orthanc.json")["Name"] == "Hôpital"


def test_the_check_of_an_orthanc_reads_its_users_alike(tmp_path: Path) -> None:
    """What starts it and what asks it must not differ in whom they take for its users."""
    (tmp_path / "old.json").mkdir()
    (tmp_path / "A.JSON").write_bytes(
        '{"Name": "Hôpital", "RegisteredUsers": {"${DRP_NOT_SET:-ward}": "s\n"}} }'.encode("latin-1")
    )
    program = whole_program("orthanc_configuration") + "\nprint(json.dumps(registered_users(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-I", "-c", program, tmp_path], capture_output=True, check=True)
    assert json.loads(done.stdout) == orthanc.configuration(tmp_path)["RegisteredUsers"] == {"ward": "s\n"}


def test_a_folder_of_configuration_is_read_as_orthanc_reads_it(tmp_path: Path) -> None:
    (tmp_path / "old.json").mkdir()
    (tmp_path / "old.json/a.json").write_text('{"Name": "not read"}')
    (tmp_path / "ROUTES.JSON").write_text('{"${DRP_NOT_SET:-LuaScripts}": ["/etc/route.lua"]}')
    (tmp_path / ".hidden.json").write_text('{"DicomAet": "PACS"}')
    (tmp_path / "notes.txt").write_text("no configuration")
    settings = orthanc.configuration(tmp_path)
    assert settings == {"DicomAet": "PACS", "LuaScripts": ["/etc/route.lua"]}
    assert [each["subject"] for each in taken(settings).notices] == ["LuaScripts route.lua"]


@pytest.mark.parametrize("damage", [b'{"Name": "Ward', b"", b'{"Name": a}', b'["Name"]', b'{"Name": "a\\qb"}'])
def test_a_configuration_that_orthanc_refuses_is_refused(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / "orthanc.json").write_bytes(damage)
    with pytest.raises(orthanc.Failure, match="no configuration of Orthanc"):
        orthanc.configuration(tmp_path / "orthanc.json")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("postgresql://orthanc:p#[s?s@db.ward:5433/pacs", ("orthanc", "p#[s?s", "db.ward", "5433", "pacs")),
        ("postgresql://orthanc:p%40ss@[::1]/pacs?sslmode=require", ("orthanc", "p@ss", "::1", "", "pacs")),
        (
            r"host=db.ward user=orthanc password='it\'s p ss' dbname=pacs",
            ("orthanc", "it's p ss", "db.ward", "", "pacs"),
        ),
    ],
)
def test_a_database_is_found_whatever_its_password_is_made_of(said: str, meant: tuple[str, ...]) -> None:
    found = prepare("orthanc").connection(said)
    assert tuple(found.get(word, "") for word in ("user", "password", "host", "port", "dbname")) == meant


def test_what_cannot_be_asked_holds_up_no_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert jobs.ask({"index": "mariadb", "database": "orthanc"}, "SELECT 1") is None
    restored = configparser.ConfigParser(interpolation=None)
    restored.read_string("[email]\nuri = smtps://a:s[cret#1@mail.ward:465\n[database]\nuri = postgresql://a:b[c@db:x\n")
    program = prepare("gnuhealth")
    monkeypatch.setattr(program, "SECONDS", 1)
    told = program.held_back(restored, "health")
    assert {name: told[0][name] for name in ("kind", "subject", "observed")} == {
        "kind": "held-back",
        "subject": "email",
        "observed": "goes to smtps://mail.ward",
    }
    assert told[0]["said"]["observed"]["values"] == {"place": "smtps://mail.ward"}
    assert [each["observed"] for each in told[1:]] == ["could not be asked for; nothing of it is run"] * 2
    assert program.port_of("postgresql://a:p:4@[::1]:5433/") == 5433
