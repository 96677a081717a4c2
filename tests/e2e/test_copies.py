"""A whole drill from dated folders: files of many owners, links and holes, as they were when the manifest was made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import left
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]

FILES = {
    "drp.yml": "version: 1\nname: small\n",
    "inventory/repositories.yml": """version: 1
repositories:
  nightly:
    kind: copies
    location: {directory: copies}
    folders: ["{tag}/%Y-%m-%dT%H%M%S.%fZ"]
    complete: "{folder}.done"
    root: ROOT
""",
    "inventory/sandboxes.yml": "version: 1\nsandboxes:\n  default: {memory_bytes: 256MiB, data_bytes: 64MiB, identity: range}\n",
    "inventory/drills/quarterly.yml": """version: 1
name: quarterly
scenario: {title: Fire, disaster_at: now}
recoveries: [letters, scans]
select: {policy: newest}
""",
}
APPLICATION = """version: 1
name: NAME
title: NAME
tier: 1
objectives: {rto: 1h, rpo: 1d}
backup: {repositories: [nightly], points: {tags: [NAME], path: ROOT/NAME}}
runbook: {kind: files}
checks:
  - {name: tree, verifier: files, options: {files_at_least: 20}}
"""


class CopiesSite:
    """A site whose two applications are kept in dated folders."""

    def __init__(self, folder: Path) -> None:
        self.site, self.production = folder / "site", folder / "srv"
        applications = {
            f"inventory/applications/{name}.yml": APPLICATION.replace("NAME", name) for name in ("letters", "scans")
        }
        for name, content in {**FILES, **applications}.items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content.replace("ROOT", str(self.production)))

    def drp(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "drp", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=200, env={"PATH": os.environ["PATH"], "DRP_SITE": str(self.site), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def back_up(self, application: str) -> Path:
        """Fill its tree, make the manifest, then the copy, then its marks, as a job does; return the copied tree."""
        tree = self.production / application
        tree.mkdir(parents=True)
        for number in range(24):
            path = tree / f"{number}.txt"
            path.write_text(f"page {number}\n" * 100)
            path.chmod(0o600)
            os.chown(path, 100 + number, 200 + number)
        os.link(tree / "3.txt", tree / "same.txt")
        manifests = self.site / "manifests"
        made = self.drp("manifest", "create", str(tree), "--into", str(manifests), "--application", application)
        assert made.returncode == 0, made.stderr
        (manifest,) = (manifests / application).iterdir()
        copy = self.site / "copies" / application / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S.%fZ}"
        copy.mkdir(parents=True)
        subprocess.run(["cp", "-a", tree, copy], check=True)
        copy.with_name(f"{copy.name}.drpm-id").write_text(manifest.stem + "\n")
        copy.with_name(f"{copy.name}.done").touch()
        return copy / application

    def drilled(self) -> tuple[int, dict[str, dict[str, Any]]]:
        done = self.drp("drill", "run", "quarterly")
        record = in_words(json.loads(self.drp("report", "latest", "--format", "json").stdout))
        assert record["recoveries"], done.stderr
        return done.returncode, {recovery["recovery"]: recovery for recovery in record["recoveries"]}


def codes(recovery: dict[str, Any]) -> dict[str, str]:
    return {finding["code"]: finding["subject"] for finding in recovery["findings"]}


def test_a_copy_is_drilled_and_a_byte_that_was_changed_in_another_is_named(tmp_path: Path) -> None:
    place = CopiesSite(tmp_path)
    whole, damaged = place.back_up("letters"), place.back_up("scans")
    at_work = whole.parents[1] / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S.%fZ}"  # it has no mark yet
    shutil.copytree(whole, at_work)
    facts = (damaged / "7.txt").stat()
    with (damaged / "7.txt").open("r+b") as stream:
        stream.write(b"P")
    os.utime(damaged / "7.txt", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    status, recoveries = place.drilled()
    letters, scans = recoveries["letters"], recoveries["scans"]
    assert status == 1
    assert letters["restore"]["receipt"]["files_restored"] == letters["hash"]["manifest"]["files"] == 25
    assert {code for code in codes(letters) if code.startswith(("DRP-H", "DRP-R", "DRP-V"))} == set()
    assert "critical" not in {each["severity"] for each in letters["findings"]}, codes(letters)
    assert "DRP-S007" in codes(letters)
    assert codes(scans)["DRP-H001"].endswith("7.txt")
    assert not left(place.site)
