"""One nightly snapshot of a server with two applications, and one manifest of it: each is drilled by its own folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.restic_tools import Restic, executable
from tests.support.small_site import FILES, SmallSite
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]
APPLICATION = """version: 1
name: {name}
title: {name}
tier: 1
objectives: {{rto: 1h, rpo: 1d}}
backup:
  repositories: [vault]
  points: {{host: server-7}}
  sub_path: {production}/{name}
  manifest_of: server-7
runbook: {{kind: files}}
checks:
  - {{name: tree, verifier: files, options: {{files_at_least: 2, newest: true}}}}
"""
DRILL = """version: 1
name: quarterly-drill
scenario: {title: Fire in the machine room, disaster_at: now}
recoveries: [engine, lis]
select: {policy: newest}
"""


@pytest.fixture
def server(tmp_path: Path) -> SmallSite:
    """Make the site, production with two applications, and the manifest of all of it; nothing is backed up yet."""
    small, production = SmallSite(tmp_path), tmp_path / "srv"
    files = {
        **FILES,
        "inventory/drills/quarterly-drill.yml": DRILL,
        **{
            f"inventory/applications/{name}.yml": APPLICATION.format(name=name, production=production)
            for name in ("engine", "lis")
        },
    }
    for name, content in files.items():
        path = small.site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.format(restic=executable("current")) if "repositories" in name else content)
    secret = small.site / "secrets" / "password"
    secret.parent.mkdir()
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    for name in ("engine", "lis", "elsewhere"):
        for number in range(5):
            path = production / name / f"folder-{number}" / "letter"
            path.parent.mkdir(parents=True)
            path.write_text(f"{name} {number}")
    with (production / "elsewhere" / "large").open("wb") as large:
        large.truncate(100 << 20)  # more than a volume takes
    return small


def backed_up(server: SmallSite) -> str:
    """Make the manifest of the whole source, and return its id; back up what is there when this is called again."""
    made = server.drp(
        *("manifest", "create", str(server.folder / "srv"), "--application", "server-7", "--json"),
        *("--into", str(server.site / "manifests")),
    )
    return str(in_words(json.loads(made.stdout))["id"])


def drilled(server: SmallSite, manifest: str, *options: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """Back the whole source up, drill both applications, and return the verdict and their part of the record."""
    writer = Restic(executable("current"), str(server.site / "vault"), "correct horse")
    if not (server.site / "vault").exists():
        writer.init()
    writer.backup(server.folder / "srv", tags=[f"drp-manifest={manifest}"], host="server-7")
    server.drp("drill", "run", "quarterly-drill", *options, check=False)
    record = in_words(json.loads(server.drp("report", "latest", "--format", "json").stdout))
    return record["verdict"], {each["recovery"]: each for each in record["recoveries"]}


def grave(recovery: dict[str, Any]) -> list[str]:
    return [each["code"] for each in recovery["findings"] if each["severity"] in {"critical", "inconclusive"}]


def test_each_application_is_restored_compared_and_judged_by_its_own_folder_alone(server: SmallSite) -> None:
    manifest = backed_up(server)
    verdict, recoveries = drilled(server, manifest)
    assert verdict == "passed", recoveries
    plan = in_words(json.loads(server.drp("drill", "plan", "quarterly-drill", "--json").stdout))
    sizes = {each["application"]: each["point"]["size_bytes"] for wave in plan["waves"] for each in wave}
    assert sizes == {name: sum(len(f"{name} {number}") for number in range(5)) for name in ("engine", "lis")}
    assert [each for each in plan["room"]["reasons"] if each["code"] == "volume-small"] == []
    for name in ("engine", "lis"):
        had = recoveries[name]
        assert had["select"]["point"]["sub_path"] == f"{server.folder}/srv/{name}"
        assert had["restore"]["receipt"]["bytes_restored"] == sum(len(f"{name} {number}") for number in range(5))
        assert (had["hash"]["manifest"]["id"], had["hash"]["manifest"]["files"]) == (manifest, 16)
        assert had["hash"]["manifest"]["part"]["files"] == had["hash"]["difference"]["files_hashed"] == 5
    (server.folder / "srv" / "lis" / "folder-3" / "letter").write_text("lis ?")
    (server.folder / "srv" / "elsewhere" / "unexpected").write_text("x")
    verdict, recoveries = drilled(server, manifest, "--level", "hash")
    assert verdict == "failed"
    assert grave(recoveries["engine"]) == [], "what is outside of its folder is not its own"
    assert grave(recoveries["lis"]) == ["DRP-H001", "DRP-H005"], "content, and its time"
    deviations = recoveries["lis"]["hash"]["difference"]["deviations"]
    assert {each["path"] for each in deviations} == {"folder-3/letter"}


def test_a_folder_that_is_gone_from_the_newest_snapshot_fails_its_application_alone(server: SmallSite) -> None:
    verdict, _ = drilled(server, backed_up(server), "--level", "hash")
    assert verdict == "passed"
    (server.folder / "srv" / "lis").rename(server.folder / "srv" / "laboratory")
    verdict, recoveries = drilled(server, backed_up(server), "--level", "hash")
    assert verdict == "failed"
    assert grave(recoveries["lis"]) == ["DRP-S008"]
    plan = in_words(json.loads(server.drp("drill", "plan", "quarterly-drill", "--json").stdout))
    points = {each["application"]: each["point"] for wave in plan["waves"] for each in wave}
    assert points["lis"] is None
    assert points["engine"] is not None
    assert grave(recoveries["engine"]) == []
    assert recoveries["lis"]["restore"] is None
    assert recoveries["engine"]["hash"]["difference"]["files_hashed"] == 5
