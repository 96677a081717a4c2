"""Whole drills that start nothing: from both restic versions and from dated folders at once, of files with odd names."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drp.domain.sample import Sample
from drp.hashing.tree import TreeHasher
from tests.support import warm
from tests.support.restic_tools import KINDS, Restic, executable
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]

APPLICATIONS = {"older": "reduced", "newer": "current", "copied": "copies"}
"""Application → what keeps its backup, and the name of that repository."""
ODD = (b"*", b"[a]", b"!x", b"new\nline", b"caf\xe9", b"{{ 7*7 }}", b"d/e/f", b"-v", b"a b", b"\\")
FILES = 40


class Levels:
    """A site of three applications, each with 40 files; damage is done between manifest and backup."""

    def __init__(self, folder: Path, *names: str, damaged: bool = False) -> None:
        self.site, self.production = folder / "site", folder / "srv"
        for name, content in self._files().items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        (self.site / "secrets" / "password").chmod(0o600)
        for name in names or APPLICATIONS:
            self._back_up(name, damaged=damaged)

    def _files(self) -> dict[str, str]:
        repositories = "".join(
            f"  {kind}: {{kind: restic, executable: {executable(kind)}, password: {{file: secrets/password}}, "
            f"location: {{directory: {kind}}}}}\n"
            for kind in KINDS
        )
        repositories += (
            '  copies: {kind: copies, location: {directory: copies}, folders: ["{tag}/%Y-%m-%dT%H%M%S.%fZ"], '
            f"root: {self.production}}}\n"
        )
        applications = {
            f"inventory/applications/{name}.yml": f"""version: 1
name: {name}
title: {name}
tier: 1
objectives: {{rto: 1h, rpo: 1d}}
backup: {{repositories: [{kept}], points: {{tags: [{name}], path: {self.production}/{name}}}}}
runbook: {{kind: files}}
depends_on: [{"" if name == "older" else "older"}]
checks:
  - {{name: tree, verifier: files, options: {{files_at_least: 1000}}}}
"""
            for name, kept in APPLICATIONS.items()
        }
        return {
            "drp.yml": "version: 1\nname: levels\n",
            "secrets/password": "correct horse\n",
            "inventory/repositories.yml": "version: 1\nrepositories:\n" + repositories,
            "inventory/sandboxes.yml": "version: 1\nsandboxes:\n  default: {memory_bytes: 256MiB, data_bytes: 64MiB}\n",
            "inventory/drills/nightly.yml": "version: 1\nname: nightly\nlevel: hash\nsample: 7\n"
            "scenario: {title: Fire, disaster_at: now}\nrecoveries: [older, newer, copied]\n",
            **applications,
        }

    def _back_up(self, name: str, *, damaged: bool) -> None:
        tree = self.production / name
        tree.mkdir(parents=True)
        for each in (*ODD, *(b"plain-%d" % number for number in range(FILES - len(ODD)))):
            path = os.fsencode(tree) + b"/" + each
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as stream:
                stream.write(each * 100)
        manifests = self.site / "manifests"
        self.drp("manifest", "create", str(tree), "--into", str(manifests), "--application", name)
        (manifest,) = (manifests / name).iterdir()
        if damaged:
            facts = (tree / "plain-3").stat()
            with (tree / "plain-3").open("r+b") as stream:
                stream.write(b"P")
            os.utime(tree / "plain-3", ns=(facts.st_atime_ns, facts.st_mtime_ns))
            (tree / "plain-4").unlink()
        kept = APPLICATIONS[name]
        if kept == "copies":
            day = self.site / "copies" / name / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S.%fZ}"
            day.mkdir(parents=True)
            shutil.copytree(tree, day / name, symlinks=True)
            day.with_name(f"{day.name}.drpm-id").write_text(manifest.stem + "\n")
            return
        restic = Restic(executable(kept), str(self.site / kept), "correct horse").init()
        restic.backup(tree, tags=(name, f"drp-manifest={manifest.stem}"), host=os.uname().nodename)

    def drp(self, *words: str, check: bool = True) -> Any:
        done = warm.drp(*words, environment={**warm.ENVIRONMENT, "DRP_SITE": str(self.site)}, timeout=300)
        assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def drill(self, *words: str) -> tuple[Any, dict[str, Any]]:
        done = self.drp("drill", "run", *words, check=False)
        return done, in_words(json.loads(self.drp("report", "latest", "--format", "json").stdout))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Levels:
    return Levels(tmp_path_factory.mktemp("levels"))


def test_a_hash_drill_of_every_repository_passes_and_starts_nothing(site: Levels) -> None:
    done, record = site.drill("nightly")
    assert done.returncode == 0, done.stderr
    assert "PASSED (hash only: nothing was started)" in done.stderr
    assert record["plan"]["level"] == "hash"
    for recovery in record["recoveries"]:
        assert (recovery["start"], recovery["verify"]) == (None, None)
        assert recovery["hash"]["difference"]["files_hashed"] == FILES
        assert recovery["measurement"]["rto_attainment"] == "not-judged"
        assert recovery["residue"]["processes"] == 0
    assert "passed (hash)" in site.drp("drill", "list").stdout
    assert "PASSED (hash only: nothing was started)" in site.drp("drill", "show", "latest").stdout
    assert "hash only: nothing was started" in site.drp("report", "latest", "--format", "md").stdout.splitlines()[0]
    status = site.drp("status", check=False)
    assert "0 of 3 applications drilled" in status.stdout
    assert "only compared (hash): passed" in status.stdout


def test_a_sample_drill_of_every_repository_compares_what_it_drew(site: Levels) -> None:
    done, record = site.drill("nightly", "--level", "sample")
    assert done.returncode == 0, done.stderr
    for recovery in record["recoveries"]:
        sample = recovery["select"]["sample"]
        assert (sample["drawn"], sample["population"]) == (7, FILES)
        assert recovery["hash"]["difference"]["files_hashed"] == recovery["hash"]["difference"]["sampled"] == 7
    assert len({recovery["select"]["sample"]["seed"] for recovery in record["recoveries"]}) == 3
    shown = site.drp("drill", "show", "latest").stdout
    assert "PASSED (a sample of the files: nothing was started)" in shown
    assert "7 of 40 files, seed" in shown
    assert "a sample of 21 of 120 files" in site.drp("report", "latest", "--format", "md").stdout.splitlines()[0]


def test_names_of_every_kind_come_back_when_all_are_drawn(site: Levels) -> None:
    done, record = site.drill("nightly", "--level", "sample", "--sample", "300")
    assert done.returncode == 0, done.stderr
    assert [recovery["select"]["sample"]["drawn"] for recovery in record["recoveries"]] == [FILES] * 3


def test_damage_fails_a_hash_drill_and_a_sample_that_meets_it(tmp_path: Path) -> None:
    site = Levels(tmp_path, "newer", damaged=True)
    done, record = site.drill("nightly", "--app", "newer")
    assert done.returncode == 1
    codes = {finding["code"] for recovery in record["recoveries"] for finding in recovery["findings"]}
    assert {"DRP-H001", "DRP-H002"} <= codes
    whole, record = site.drill("--app", "newer", "--level", "sample", "--sample", "40")
    assert whole.returncode == 1
    assert record["recoveries"][0]["hash"]["difference"]["counts"] == {"changed": 1, "missing": 1}
    part, record = site.drill("nightly", "--app", "newer", "--level", "sample", "--sample", "2")
    (recovery,) = record["recoveries"]
    drawn = Sample(**recovery["select"]["sample"])
    (manifest,) = (site.site / "manifests" / "newer").glob(f"{drawn.manifest_id}*")
    met = {b"plain-3", b"plain-4"} & set(TreeHasher(workers=1).drawn(manifest, drawn))
    assert part.returncode == (1 if met else 0)
    left_out = {each["part"]: each["why"] for each in recovery["hash"]["not_judged"]}
    assert left_out["content of files"] == "38 of 40 were not drawn"
    assert "failed (level hash)" in site.drp("status", check=False).stdout
