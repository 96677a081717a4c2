"""The site that drills the hospital: an application for each kind of backup, the trio's drill, and what must agree."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.hospital.install import gnuhealth_image
from tests.hospital.reconciliation import RECONCILIATION
from tests.hospital.survivors import GNUHEALTH, INSTANCES

if TYPE_CHECKING:
    from tests.hospital.rig import HospitalRig

Mapping = dict[str, Any]

EHR_KINDS = ("patient", "lab-order", "imaging-order", "attachment")
LIS_KINDS = ("patient", "lab-result")
LOGICAL: Mapping = {"dumps": "database"}
ARCHIVE: Mapping = {"data_directory": "base", "wal_archive": "wal"}
STREAM: Mapping = {"data_directory": "base", "wal_archive": "wal", "wal_stream": "stream"}
"""Inputs of the runbooks `ehr` and `lis`, by kind of backup."""


def write_site(rig: HospitalRig) -> None:
    """Write every file of the site; what is not kept is not drilled, and not mentioned."""
    inventory = rig.site / "inventory"
    for folder in (inventory / "applications", inventory / "drills"):
        folder.mkdir(parents=True, exist_ok=True)
    (rig.site / "drp.yml").write_text("version: 1\nname: demo\nlocale: en\n")
    spoiled = SPOILED.format(**_spoiled(rig)) if rig.every_kind else ""
    dated = DATED.format(nightly=rig.nightly, staging=rig.folder / "staging") if rig.nightly.exists() else ""
    (inventory / "repositories.yml").write_text(rig.repositories_file() + dated + spoiled)
    (inventory / "sandboxes.yml").write_text(SANDBOXES)
    for application in applications():
        if application["name"] in rig.kept:
            application["backup"]["repositories"] += ["damaged"] if rig.every_kind else []
            if (rig.nightly / f"app={application['name']}").exists():
                application["backup"]["repositories"].append("nightly")
            _write(inventory / "applications" / f"{application['name']}.yml", application)
    for drill in drills(rig):
        if {entry["application"] for entry in drill["recoveries"]} <= set(rig.kept):
            _write(inventory / "drills" / f"{drill['name']}.yml", drill)


def _write(path: Path, content: Mapping) -> None:
    path.write_text(yaml.safe_dump({"version": 1, **content}, sort_keys=False, allow_unicode=True, width=120))


def _spoiled(rig: HospitalRig) -> dict[str, object]:
    restic = yaml.safe_load(rig.repositories_file())["repositories"]["worm"]["executable"]
    return {"folder": rig.folder / "damaged-restic", "restic": restic}


@cache
def digest_of(image: str) -> str:
    """Return a software image's digest as drp tells it."""
    words = [sys.executable, "-m", "drp", "app", "image", image, "--json"]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    return str(json.loads(done.stdout)["digest"])


def applications() -> list[Mapping]:
    """Return every application that the hospital's backups can bring back."""
    return [
        ehr("ehr", "Electronic health record: PostgreSQL dump and attachments", LOGICAL),
        ehr("ehr-archive", "Electronic health record: base backup and WAL archive", ARCHIVE),
        lis("lis", "Laboratory information system: base backup and streamed WAL", STREAM),
        lis("lis-logical", "Laboratory information system: PostgreSQL dump", LOGICAL),
        pacs("pacs", "Image archive: Orthanc on SQLite, copied while it runs", copied_while_running=True),
        pacs("pacs-cold", "Image archive: Orthanc on SQLite, copied while it stands still"),
        pacs_on_postgresql(),
        pacs_on_mariadb(),
    ]


def _application(name: str, title: str, tier: int, owner: str, repository: str, **rest: Any) -> Mapping:
    return {
        "name": name,
        "title": title,
        "tier": tier,
        "owner": owner,
        "objectives": {"rto": "15m", "rpo": "12h"},
        # what is copied while people work may hold what came during the copy
        "backup": {"repositories": [repository], "points": {"tags": [f"app={name}"]}, "duration": "1m"},
        "ground_truth": "acknowledged.jsonl",
        **rest,
    }


def _gnuhealth_software() -> list[Mapping]:
    image = str(gnuhealth_image().path)
    return [{"image": image, "at": "/opt/gnuhealth", "digest": digest_of(image)}]


def ehr(name: str, title: str, backup: Mapping) -> Mapping:
    return _gnuhealth(name, title, backup, "ehr", "10.20.0.11", 8000, "health", 5432, EHR_KINDS)


def lis(name: str, title: str, backup: Mapping) -> Mapping:
    return _gnuhealth(name, title, backup, "lis", "10.20.0.12", 8001, "lis", 5433, LIS_KINDS)


def _gnuhealth(
    name: str, title: str, backup: Mapping, kind: str, host: str, port: int, database: str, server_port: int,
    writes: tuple[str, ...],
) -> Mapping:  # fmt: skip
    server = {"database": database, "port": server_port}
    # the database first: who logs in leaves a session, and rows are counted exactly
    dumped = "dumps" in backup
    checks = [
        {"name": "database", "verifier": "postgres", "options": {**server, "row_counts": dumped}},
        {"name": "application", "verifier": "gnuhealth", "options": {
            "database": database, "host": host, "port": port, "password_file": "etc/admin.password",
            "signed_reports": "required" if kind == "lis" else "if-any",
        }},
        {"name": "losses", "verifier": "ledger", "options": {
            "application": kind, "postgres": server, "kinds": {one: GNUHEALTH[one] for one in writes},
        }},
    ]  # fmt: skip
    return _application(
        name, title, 0, "Chief medical information officer" if kind == "ehr" else "Head of the laboratory", "worm",
        **({} if dumped else {"point_in_time": True}),
        addresses=[{"address": host, "names": [f"{kind}.hospital.example"]}],
        software=_gnuhealth_software(),
        runbook={"kind": kind, "inputs": {**backup, "database": database, "database_port": server_port}},
        checks=checks,
    )  # fmt: skip


def pacs(name: str, title: str, **inputs: Any) -> Mapping:
    losses = {"sqlite": "storage/index"}
    return _pacs(name, title, inputs, "10.20.0.13", (8042, 4242), {"storage": "storage"}, losses, "pacs")


def pacs_on_postgresql() -> Mapping:
    title = "Image archive: Orthanc, index on PostgreSQL, dumped"
    asked = ["/bin/sh", "-c", f'psql -h /data/sockets -p 5434 -U postgres -d orthanc -XAtc "{ATTACHED}"']
    return _pacs(
        "pacs-postgresql", title, {"index": "postgresql", "dumps": "database"}, "127.0.0.1", (8053, 4253),
        {"storage": "storage", "index_command": asked}, {"postgres": {"database": "orthanc", "port": 5434}},
    )  # fmt: skip


def pacs_on_mariadb() -> Mapping:
    title = "Image archive: Orthanc, index on MariaDB, physical copy and binary log"
    client = {"database": "orthanc"}
    asked = ["/bin/sh", "-c", f'mariadb --defaults-file=/data/sockets/mysqld.cnf -BN orthanc -e "{ATTACHED}"']
    return _pacs(
        "pacs-mariadb", title, {"index": "mariadb", "data_directory": "base", "binlog": "binlog"}, "127.0.0.1",
        (8052, 4252), {"storage": "storage", "index_command": asked}, {"mariadb": client},
    )  # fmt: skip


ATTACHED = "select concat(uuid, '|', compressedSize, '|', compressedHash) from AttachedFiles"
"""What the verifier `orthanc` compares with the files."""


def _pacs(
    name: str, title: str, inputs: Mapping, host: str, ports: tuple[int, int], index: Mapping, source: Mapping,
    owner: str = "",
) -> Mapping:  # fmt: skip
    checks = [
        {"name": "archive", "verifier": "orthanc", "options": {
            "host": host, "port": ports[0], "dicom_port": ports[1], "configuration": "etc/orthanc.json", **index,
        }},
        {"name": "images", "verifier": "dicom", "options": {"root": "storage"}},
        {"name": "losses", "verifier": "ledger", "options": {
            "application": owner or name, **source, "kinds": {"instance": INSTANCES},
        }},
    ]  # fmt: skip
    addresses = [{"address": host, "names": ["pacs.hospital.example"]}]
    return _application(
        name, title, 1, "Head of radiology", "medium",
        **({} if host == "127.0.0.1" else {"addresses": addresses}),
        runbook={"kind": "pacs", "inputs": inputs},
        checks=checks,
    )  # fmt: skip


def drills(rig: HospitalRig) -> list[Mapping]:
    """Return the trio's drill, and one for each kind of backup."""
    assert rig.disaster_at is not None
    scenario = {
        "title": "Power cut in the data centre: everything online is lost",
        "disaster_at": rig.disaster_at.isoformat(),
    }
    trio = {
        "name": "hospital",
        "scenario": scenario,
        "recoveries": [
            {"application": "ehr", "select": {"policy": "newest-immutable"}},
            {"application": "lis", "select": {"policy": "newest-immutable"}},
            {"application": "pacs", "select": {"policy": "newest"}},
        ],
        "pod": True,
        "media_deadline": "2s",
        "reconciliation": RECONCILIATION,
    }  # fmt: skip
    alone = [
        {"name": f"{name}-alone", "scenario": scenario, "recoveries": [{"application": name}], "media_deadline": "2s"}
        for name in rig.kept
    ]
    dated = [
        {
            "name": f"{name}-nightly",
            "scenario": scenario,
            "recoveries": [{"application": name, "repository": "nightly"}],
        }
        for name in rig.kept
        if (rig.nightly / f"app={name}").exists()
    ]
    return [trio, *alone, *dated]


SANDBOXES = """version: 1
sandboxes:
  default:
    memory_bytes: 2GiB
    data_bytes: 2GiB
"""
DATED = """  nightly:
    kind: copies
    location: {{directory: {nightly}}}
    folders: ["{{tag}}/%Y-%m-%dT%H%M%S.%fZ"]
    instant: "{{folder}}.instant"
    complete: "{{folder}}.done"
    root: {staging}/pacs
"""
SPOILED = """  damaged:
    kind: restic
    executable: {restic}
    password: {{file: secrets/medium-password}}
    location: {{directory: {folder}}}
"""
