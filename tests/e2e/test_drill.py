"""Whole drills with real parts, run as a user runs them: what they print, what they leave, what they catch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.findings import of_lines
from tests.support.processes import left
from tests.support.restic_tools import flip, packs
from tests.support.rig import Rig, wait
from tests.support.waiting import PATIENCE
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]
SCHEMA = in_words(
    json.loads((Path(__file__).resolve().parents[2] / "reports/schemas/evidence-record-1.json").read_text())
)


def run(stage: Rig, *arguments: str, **options: Any) -> tuple[int, list[dict[str, Any]], str]:
    """Run a drill with --json and return exit status, events and standard error."""
    done = stage.drp("drill", "run", *arguments, "--json", check=False, **options)
    return done.returncode, [in_words(json.loads(line)) for line in done.stdout.splitlines()], done.stderr


def of_type(entries: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [entry["event"] for entry in entries if entry["event"]["type"] == kind]


def findings(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {finding["code"]: finding for _, finding in of_lines(entry["event"] for entry in entries)}


def record_of(stage: Rig) -> dict[str, Any]:
    record = in_words(json.loads(stage.drp("report", "latest", "--format", "json").stdout))
    jsonschema.validate(record, SCHEMA)
    return record


@pytest.mark.parametrize("name", ["ehr-worm", "ehr-airgap"])
def test_a_drill_passes_records_and_leaves_nothing(stage: Rig, name: str):
    status, entries, errors = run(stage, name)
    assert status == 0, errors + json.dumps(entries[-3:])
    record = record_of(stage)
    (recovery,) = record["recoveries"]
    assert record["verdict"] == "passed"
    assert recovery["prepare"]["proof"]["denied"] == 81
    assert recovery["prepare"]["proof"]["allowed"] == 0
    assert recovery["hash"]["difference"]["files_hashed"] > 900
    assert recovery["restore"]["receipt"]["files_restored"] >= recovery["hash"]["difference"]["files_hashed"]
    assert {check["outcome"] for check in recovery["verify"]["checks"]} == {"passed"}
    assert recovery["verify"]["watermark"]["at"] < record["declared_at"]
    assert recovery["measurement"]["rto_attainment"] == recovery["measurement"]["rpo_attainment"] == "met"
    assert recovery["residue"]["processes"] == 0
    lock = recovery["select"]["immutability"]
    assert lock["mode"] == ("compliance" if name == "ehr-worm" else "offline")
    horizon = recovery["select"]["horizon"]
    if name == "ehr-worm":
        assert (horizon["until"] is not None, horizon["unknown"]) == (True, ""), horizon
    else:
        assert horizon is None, "a medium has no date"
    assert of_type(entries, "progressed"), "a restore shows signs of life"
    assert not left(stage.site)


def test_ad_hoc_without_any_plan(stage: Rig):
    status, entries, errors = run(stage, "--app", "ehr", "--repo", "medium", "--point", stage.points["medium"][:10])
    assert status == 0, errors
    (declared,) = of_type(entries, "drill-declared")
    assert declared["ad_hoc"] is True
    assert declared["plan"]["recoveries"][0]["selection"]["policy"] == "specific"


def test_what_the_user_sees_in_a_pipe(stage: Rig):
    done = stage.drp("drill", "run", "ehr-airgap")
    lines = [line.split()[0] for line in done.stderr.splitlines() if line.startswith("  ")]
    phases = ["select", "prepare", "restore", "hash", "start", "verify", "destroy"]
    assert [line for line in lines if line in phases] == phases
    assert "\r" not in done.stderr
    assert "PASSED" in done.stderr
    listed = stage.drp("drill", "list").stdout
    assert "ehr-airgap-" in listed
    shown = in_words(json.loads(stage.drp("drill", "show", "latest", "--json").stdout))
    assert shown["schema"] == "drp/drill/1"
    assert shown["verdict"] == "passed"
    planned = in_words(json.loads(stage.drp("drill", "plan", "ehr-worm", "--json").stdout))
    assert planned["waves"][0][0]["point"]["id"] == stage.points["worm"]
    assert planned["waves"][0][0]["last_rta_ms"] > 0


def test_the_report_is_one_file_without_scripts_or_requests(stage: Rig, tmp_path: Path):
    for language, word in (("en", "Recovery"), ("fr", "Exercice")):
        path = tmp_path / f"{language}.html"
        stage.drp("report", "latest", "--format", "html", "--lang", language, "-o", str(path))
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "http://" not in text.replace("http://www.w3.org", "").replace(stage.server.endpoint, "")
        assert word in text


def test_wrong_repository_password(stage: Rig):
    secret = stage.site / "secrets" / "worm-password"
    kept = secret.read_text()
    try:
        secret.write_text("not the password\n")
        status, entries, _ = run(stage, "ehr-worm")
    finally:
        secret.write_text(kept)
    assert status == 12
    assert of_type(entries, "drill-concluded")[0]["verdict"] == "inconclusive"


def test_an_unreachable_store_is_known_in_seconds(stage: Rig):
    stage.server.stop()
    try:
        begun = time.monotonic()
        status, entries, _ = run(stage, "ehr-worm")
        assert time.monotonic() - begun < 250
    finally:
        stage.server.start()
    assert status == 13
    assert of_type(entries, "drill-concluded")[0]["verdict"] == "inconclusive"


@pytest.mark.parametrize("state", ["absent", "wrong label"])
def test_a_medium_that_is_absent_or_another_one(stage: Rig, state: str):
    label = stage.medium / ".drp-medium"
    kept = label.read_text()
    try:
        if state == "absent":
            stage.medium.rename(stage.folder / "unplugged")
        else:
            label.write_text("ANOTHER\n")
        status, entries, _ = run(stage, "ehr-airgap")
    finally:
        if state == "absent":
            (stage.folder / "unplugged").rename(stage.medium)
        label.write_text(kept)
    assert status == 13
    assert "DRP-M001" in findings(entries)
    assert any("DRP-MEDIUM-01" in event["message"] for event in of_type(entries, "progressed"))


def damaged(stage: Rig, how: str) -> tuple[int, list[dict[str, Any]], Path]:
    """Damage one pack of the medium, drill, and put the pack back."""
    pack = packs(stage.medium / "restic")[-1]
    kept = pack.read_bytes()
    try:
        if how == "flipped":
            flip(pack, 100_000)
        elif how == "truncated":
            pack.chmod(0o600)
            pack.write_bytes(kept[: len(kept) // 2])
        else:
            pack.unlink()
        status, entries, _ = run(stage, "ehr-airgap")
    finally:
        pack.unlink(missing_ok=True)
        pack.write_bytes(kept)
        pack.chmod(0o400)
    return status, entries, pack


@pytest.mark.parametrize("how", ["flipped", "truncated", "missing"])
def test_a_damaged_pack_fails_the_drill_and_is_named(stage: Rig, how: str):
    status, entries, pack = damaged(stage, how)
    assert status == 1
    found = [finding for _, finding in of_lines(entry["event"] for entry in entries)]
    codes = {finding["code"] for finding in found}
    assert "DRP-R001" in codes
    assert codes & {"DRP-H001", "DRP-H002"}, "the hash phase names the files"
    text = json.dumps([finding for finding in found if finding["code"] == "DRP-R001"])
    assert pack.name[:8] in text or "/documents/" in text or "/pg/" in text


def test_no_eligible_recovery_point_fails(stage: Rig):
    drill = (stage.site / "inventory/drills/ehr-worm.yml").read_text()
    stage.write_site(
        **{
            "inventory/drills/ehr-worm.yml": drill.replace(
                "policy: newest-immutable", "policy: newest, not_newer_than: 40d"
            )
        }
    )
    try:
        status, entries, _ = run(stage, "ehr-worm")
    finally:
        stage.write_site()
    assert status == 1
    assert "DRP-S001" in findings(entries)


def test_a_missing_manifest_is_inconclusive_and_so_is_a_damaged_one(stage: Rig):
    manifest = stage.site / "manifests" / "ehr" / f"{stage.points['manifest']}.drpm"
    kept = manifest.read_bytes()
    try:
        manifest.unlink()
        status, entries, _ = run(stage, "ehr-airgap")
        assert status == 3
        assert "DRP-H006" in findings(entries)
        manifest.write_bytes(kept[:-20] + bytes([kept[-20] ^ 1]) + kept[-19:])
        status, entries, _ = run(stage, "ehr-airgap")
        assert status == 3, "a bit that flipped here says nothing about the backup"
        assert "DRP-H011" in findings(entries)
    finally:
        manifest.write_bytes(kept)


def test_two_drp_at_once(stage: Rig):
    first = subprocess.Popen(
        [sys.executable, "-m", "drp", "--quiet", "drill", "run", "ehr-worm"],
        env={**os.environ, "DRP_SITE": str(stage.site)},
        stdin=subprocess.DEVNULL,
    )
    try:
        lock = stage.site / "state" / "lock"  # which keeps the name of whoever held it last
        assert wait(lambda: lock.exists() and lock.read_text().startswith(f"pid {first.pid}, ehr-worm for "))
        first.send_signal(signal.SIGSTOP)  # it does not end before the second has looked
        second = stage.drp("drill", "run", "ehr-airgap", check=False)
        first.send_signal(signal.SIGCONT)
        assert second.returncode == 11
        assert "DRP-E020" in second.stderr
    finally:
        first.send_signal(signal.SIGCONT)
        assert first.wait(PATIENCE) == 0


def test_the_canary_secrets_are_nowhere(stage: Rig):
    stage.drp("drill", "run", "ehr-worm")
    secrets = [stage.secret(name).encode() for name in ("worm-password", "s3-secret-key", "s3-access-key")]
    for path in [*(stage.site / "state").rglob("*"), *(stage.site / "evidence").rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret in content for secret in secrets), path
