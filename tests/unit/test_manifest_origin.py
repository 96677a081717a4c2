"""A manifest proves a restore only when it was made of what was backed up, before it was backed up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.application import Application, BackupJob, Objectives
from drp.domain.manifest import ManifestSummary
from drp.domain.origin import origin_findings
from drp.domain.recovery_point import RecoveryPoint
from tests.simulators.world import Script, World
from tests.unit.test_drill_control_flow import codes, run

BEGAN = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
POINT = RecoveryPoint(
    id="a" * 64, repository="vault", application="ehr", consistent_at=BEGAN, taken_at=BEGAN, size_bytes=None,
    host="ehr-db", paths=("/srv/ehr",), manifest_id="m" * 64,
)  # fmt: skip
MANIFEST = ManifestSummary(
    id="m" * 64, application="ehr", root="/srv/ehr", host="ehr-db", tool="drp", algorithms=("blake3",),
    started_at=BEGAN - 2 * MINUTE, finished_at=BEGAN - MINUTE, entries=1, files=1, total_bytes=1, merkle_root="0",
)  # fmt: skip


def told(*, point=None, job=None, **manifest):
    application = Application(
        name="ehr", title="EHR", tier=0, objectives=Objectives(rto=MINUTE, rpo=MINUTE), repositories=("vault",),
        runbook=None, backup_job=BackupJob(**(job or {})),
    )  # fmt: skip
    found = origin_findings(replace(MANIFEST, **manifest), replace(POINT, **(point or {})), application, "drill-host")
    return {finding.code for finding in found}


@pytest.mark.parametrize(
    "healthy",
    [
        {},
        {"finished_at": BEGAN},
        {"root": "/srv/ehr/"},
        {"root": "//srv/ehr"},
        {"host": "EHR-DB.hospital.example"},
        {"recovery_point": "aaaaaaaa"},
        {"point": {"consistent_at": BEGAN - timedelta(hours=5)}},
        {"point": {"paths": ("/srv/ehr/dumps", "/srv/ehr/documents")}},
        {"point": {"paths": ("/srv/\udce9hr",)}, "root": "/srv/\\xe9hr"},
        {"finished_at": BEGAN + MINUTE, "job": {"clock_skew": MINUTE}},
        {"root": "/mnt/snapshot", "job": {"moved_roots": {"/mnt/snapshot": "/srv/ehr"}}},
        {"root": "/srv/ehr", "point": {"paths": ("/mnt/snapshot",)}, "job": {"moved_roots": {"/srv/ehr/": "/mnt/snapshot"}}},
        {"host": "standby", "job": {"manifest_hosts": ("ehr-db", "standby")}},
        {"host": "3f2a9c0d", "job": {"manifest_hosts": ("*",)}},
        {"host": "ehr-db-2.hospital.example", "job": {"manifest_hosts": ("EHR-db-?",)}},
        {"host": "ehr-db.hospital.example", "point": {"host": "ehr-db.hospital.example."}},
        {"host": "10.0.0.5", "point": {"host": "10.0.0.5"}},
        {"host": "ehr-db.b.example", "job": {"manifest_hosts": ("*.b.example",)}},
        {"root": "/srv", "entries": 1, "files": 1, "total_bytes": 9, "point": {"size_bytes": 9}},
        {"host": "drill-host"},
        {"host": "drill-host", "point": {"host": ""}},
        {"point": {"sub_path": "/srv/ehr"}},
        {"root": "/srv", "point": {"paths": ("/srv",), "sub_path": "/srv/ehr"}},
        {"root": "/", "point": {"paths": ("/srv/ehr", "/etc"), "sub_path": "/srv/ehr"}},
        {"root": "/srv", "point": {"paths": ("/mnt",), "sub_path": "/mnt/ehr"}, "job": {"moved_roots": {"/srv": "/mnt"}}},
        {"application": "server", "job": {"manifest_of": "server"}},
    ],
)  # fmt: skip
def test_a_manifest_of_what_was_backed_up_is_used_without_a_word(healthy):
    assert told(**healthy) == set()


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        ({"finished_at": BEGAN + timedelta(milliseconds=1)}, "DRP-H012"),
        ({"finished_at": BEGAN + 2 * MINUTE, "job": {"clock_skew": MINUTE}}, "DRP-H012"),
        ({"started_at": BEGAN}, "DRP-H012"),
        ({"root": "/srv/ehr-test"}, "DRP-H013"),
        ({"root": "/srv"}, "DRP-H013"),
        ({"root": "."}, "DRP-H013"),
        ({"root": ""}, "DRP-H013"),
        ({"point": {"paths": ()}}, "DRP-H013"),
        ({"point": {"paths": ("/srv/ehr", "/etc/ehr")}}, "DRP-H013"),
        ({"root": "/mnt/other", "job": {"moved_roots": {"/mnt/snapshot": "/srv/ehr"}}}, "DRP-H013"),
        ({"job": {"moved_roots": {"/srv/ehr": "/srv/elsewhere"}}}, "DRP-H013"),
        ({"host": "staging"}, "DRP-H014"),
        ({"host": ""}, "DRP-H014"),
        ({"host": "ehr-db.b.example", "point": {"host": "ehr-db.a.example"}}, "DRP-H014"),
        ({"host": "10.1.2.3", "point": {"host": "10.0.0.5"}}, "DRP-H014"),
        ({"host": "10.1.2.3", "point": {"host": "10"}}, "DRP-H014"),
        ({"host": "ehr-db2", "point": {"host": "ehr-db"}}, "DRP-H014"),
        ({"host": "ehr-db.b.example", "job": {"manifest_hosts": ("*.a.example",)}}, "DRP-H014"),
        ({"host": "", "point": {"host": ""}}, "DRP-H014"),
        ({"host": "staging", "point": {"host": ""}}, "DRP-H014"),
        ({"host": "anything", "point": {"host": "*"}}, "DRP-H014"),
        ({"host": "staging", "job": {"manifest_hosts": ("ehr-db",)}}, "DRP-H014"),
        ({"host": "drill-host", "job": {"manifest_hosts": ("ehr-db",)}}, "DRP-H014"),
        ({"host": "", "job": {"manifest_hosts": ("*",)}}, "DRP-H014"),
        ({"application": "ehr-test"}, "DRP-H008"),
        ({"job": {"manifest_of": "server"}}, "DRP-H008"),
        ({"root": "/srv/lis", "point": {"sub_path": "/srv/ehr"}}, "DRP-H013"),
        ({"root": "/srv/ehr/db", "point": {"sub_path": "/srv/ehr"}}, "DRP-H013"),
        ({"root": "/srv", "point": {"paths": ("/mnt",), "sub_path": "/mnt/ehr"}}, "DRP-H013"),
        ({"recovery_point": "bbbbbbbb"}, "DRP-H008"),
    ],
)
def test_any_other_is_not_used(odd, code):
    assert told(**odd) == {code}


@pytest.mark.parametrize(
    ("made", "code", "verdict"),
    [
        ({"finished_at": datetime(2026, 11, 21, 2, 0, tzinfo=UTC)}, "DRP-H012", "inconclusive"),
        ({"root": "/srv/other"}, "DRP-H013", "inconclusive"),
        ({"host": "staging"}, "DRP-H014", "inconclusive"),
        ({"application": "lis"}, "DRP-H008", "failed"),
    ],
)
def test_a_refused_manifest_neither_clears_nor_accuses_the_backup(made, code, verdict):
    world = World(Script(manifest_made=made, difference={"changed": 3}))
    assert run(world).verdict == verdict
    assert codes(world) == {code}
    assert "compare" not in world.calls
    assert "manifest.close" in world.calls


@pytest.mark.parametrize("required", [True, False])
def test_a_point_that_does_not_name_one_manifest_is_never_waived(required):
    world = World(Script(manifest_trouble="'drp-manifest=0123', 'drp-manifest=4567'"))
    world.plan = replace(world.plan, recoveries=(replace(world.plan.recoveries[0], require_manifest=required),))
    assert run(world).verdict == "inconclusive"
    assert codes(world) == {"DRP-H010"}
    assert "expected" not in world.calls


def test_the_manifest_compared_with_must_be_the_one_that_is_named():
    world = World(Script(compared_id="f" * 64))
    ended = run(world)
    assert ended.verdict == "inconclusive"
    assert any("not the one that the recovery point names" in reason for reason in ended.reasons)


def test_another_manifest_under_the_right_name_does_not_pass_either():
    world = World(Script(manifest_made={"id": "f" * 64}, compared_id="f" * 64))
    assert run(world).verdict == "inconclusive"
