"""Drills of the EHR's air-gapped medium with backups, manifests and application files of a test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.rig import APPLICATION, DRILL, Rig
from tests.support.words import in_words


@contextmanager
def backed_up(stage: Rig, root: Path, *tags: str, manifest: str | None = None) -> Iterator[str]:
    """Back a tree up to the medium for the time of a test, as its newest recovery point."""
    named = [f"drp-manifest={manifest}"] if manifest is not None else []
    point = stage.air_gap().backup(root, tags=["app=ehr", *named, *tags])
    try:
        yield point
    finally:
        stage.air_gap().run("forget", *{one["id"] for one in stage.air_gap().snapshots()} - {stage.points["medium"]})
        stage.drp("repo", "points", "medium", check=False)
        stage.drp("repo", "accept", "medium", "--all", "--reason", "the test is over", check=False)


@contextmanager
def site(stage: Rig, application: str = APPLICATION, drill: str = "") -> Iterator[None]:
    """Give the site another application file, and its drill on the medium more lines."""
    plan = DRILL.format(name="ehr-airgap", repository="medium", policy="newest")
    changes = {"inventory/applications/ehr.yml": application, "inventory/drills/ehr-airgap.yml": plan + drill}
    stage.write_site(**changes)
    try:
        yield
    finally:
        stage.write_site()


def drilled(stage: Rig, *words: str) -> tuple[str, dict[str, dict[str, Any]], dict[str, Any]]:
    """Hold a drill; return its verdict, its findings by code, and the recovery in its record."""
    stage.drp("drill", *(words or ("run", "ehr-airgap")), check=False)
    record = in_words(json.loads(stage.drp("report", "latest", "--format", "json").stdout))
    (recovery,) = record["recoveries"]
    return record["verdict"], {finding["code"]: finding for finding in recovery["findings"]}, recovery


def manifest_of(stage: Rig, root: Path) -> str:
    words = ["--facts", str(stage.folder / "facts.json"), "--into", str(stage.site / "manifests"), "--json"]
    made = stage.drp("manifest", "create", str(root), "--application", "ehr", *words)
    return str(in_words(json.loads(made.stdout))["id"])
