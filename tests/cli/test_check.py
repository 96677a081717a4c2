"""`drp check` as cron runs it, on real restic repositories and dated folders: nothing is restored, nothing hidden."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm
from tests.support.restic_tools import PASSWORD, Restic, executable

RESTIC = executable("current")
VAULT = f"vault: {{kind: restic, executable: {RESTIC}, password: {{file: password}}, location: {{directory: vault}}}}"
SHELF = f"shelf: {{kind: restic, executable: {RESTIC}, password: {{file: password}}, location: {{medium: {{mount: shelf, label: A}}}}}}"
SITE = {
    "drp.yml": "version: 1\nname: checked\n",
    "inventory/repositories.yml": f"repositories:\n  {VAULT}\n",
    "password": PASSWORD + "\n",
}


NIGHTLY = "nightly: {{kind: copies, location: {{directory: {}/nightly}}, folders: ['%Y-%m-%dT%H%M%SZ']}}"


def files_only(site: Path) -> dict[str, str]:
    """Make a dated folder; return an application of it, which needs no tool to be looked at, and a drill of that."""
    copy = site.parent / "nightly" / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    copy.mkdir(parents=True)
    (copy / "record").write_text("here\n")
    return {
        "inventory/applications/files.yml": application("files", "nightly").replace(
            ", points: {tags: [app=files]}", ""
        ),
        "inventory/drills/a.yml": drill("files", require_manifest="false"),
    }


def application(name: str, repositories: str = "vault", **more: str) -> str:
    extra = "".join(f"{key}: {value}\n" for key, value in more.items())
    return (
        f"name: {name}\ntitle: {name.upper()}\ntier: 1\nobjectives: {{rto: 4h, rpo: 1h}}\n"
        f"backup: {{repositories: [{repositories}], points: {{tags: [app={name}]}}}}\n"
        f"runbook: {{kind: files}}\nchecks: [{{name: tree, verifier: files}}]\n{extra}"
    )


def drill(name: str, **said: str) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in said.items())
    return f"name: {name}-drill\nscenario: {{title: Fire}}\nrecoveries: [{name}]\n{lines}"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of one application, ehr, whose newest point names a manifest that is kept here."""
    folder = tmp_path / "site"
    write(folder, {**SITE, "inventory/applications/ehr.yml": application("ehr")})
    (folder / "password").chmod(0o600)
    Restic(RESTIC, str(folder / "vault")).init()
    back_up(folder, "ehr")
    return folder


def write(site: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def back_up(site: Path, name: str, *, manifest: bool = True, at: datetime | None = None, into: str = "vault") -> str:
    """Back an application's tree up as a job does, with its manifest before; return the manifest's id."""
    tree = site.parent / "srv" / name
    tree.mkdir(parents=True, exist_ok=True)
    (tree / "record").write_text(f"of {name}\n")
    words = ("manifest", "create", tree, "--application", name, "--into", site / "manifests", "--json")
    identity = str(json.loads(run(site, *words).stdout)["id"]) if manifest else ""
    tags = [f"app={name}", *([f"drp-manifest={identity}"] if manifest else [])]
    host = json.loads(run(site, "manifest", "show", site / "manifests" / name / f"{identity}.drpm", "--json").stdout)["host"] if manifest else "ehr-db"  # fmt: skip
    when = ["--time", f"{at:%Y-%m-%d %H:%M:%S}"] if at is not None else []
    options = [word for tag in tags for word in ("--tag", tag)]
    Restic(RESTIC, str(site / into)).run("backup", str(tree), "--host", host, *options, *when)
    return identity


def run(site: Path, *words: object) -> subprocess.CompletedProcess[str]:
    done = warm.drp(*words, environment={**warm.ENVIRONMENT, "DRP_SITE": str(site)})
    assert "Traceback" not in done.stderr, done.stderr
    return done


def check(site: Path, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the check; return its exit status, and what it says of every application."""
    done = run(site, "check", "--json", *words)
    document = json.loads(done.stdout)
    assert (document["schema"], document["exit"], document["evidence"]) == ("drp/check/1", done.returncode, False)
    return done.returncode, {each["name"]: each for each in document["applications"]}


def problems(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["repository"], each["aspect"], each["state"]) for each in found["problems"]]


def test_a_sound_point_is_well_and_nothing_is_left_behind(site: Path):
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*")}
    done = run(site, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    head, line = done.stdout.splitlines()
    assert head.split() == ["STATE", "APPLICATION", "POINT", "AGE", "LOCK", "MANIFEST", "REPOSITORY"]
    assert line.split()[:2] == ["ok", "ehr"]
    assert line.split()[-3:] == ["none", "yes", "vault"]
    assert "1 well, 0 wrong, 0 not judged" in done.stderr
    assert "nothing is proven" in done.stderr
    status, found = check(site)
    assert (status, found["ehr"]["state"], found["ehr"]["problems"]) == (0, "ok", [])
    (place,) = found["ehr"]["repositories"]
    assert place["looked_into"]
    assert place["manifest"] == {"demanded": True, "bound": True}
    assert place["immutability"]["provenance"] == "observed"
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*")} == before


def test_an_old_point_and_none_at_all_are_wrong(site: Path):
    write(site, {"inventory/applications/lis.yml": application("lis"), "inventory/applications/ris.yml": application("ris")})  # fmt: skip
    back_up(site, "lis", at=datetime.now(UTC).replace(tzinfo=None) - timedelta(days=2), manifest=False)
    status, found = check(site)
    assert status == 1
    assert problems(found["ehr"]) == []
    assert ("", "age", "wrong") in problems(found["lis"])
    assert problems(found["ris"]) == [("vault", "there", "wrong")]
    shown = run(site, "check", "--app", "ris").stdout.splitlines()
    assert shown[1].split()[:2] == ["WRONG", "ris"]
    assert shown[2] == "ris: vault: lists no recovery point of it"
    assert shown[3].startswith("  HINT: ")


def test_a_manifest_must_be_here_whole_and_of_this_point(site: Path):
    kept = next((site / "manifests/ehr").iterdir())
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert problems(check(site)[1]["ehr"]) == [("vault", "manifest", "wrong")]
    kept.unlink()
    assert problems(check(site)[1]["ehr"]) == [("vault", "manifest", "wrong")]
    kept.write_bytes(whole)
    assert check(site)[0] == 0
    foreign = back_up(site, "lis")
    (site / "manifests/ehr" / f"{foreign}.drpm").write_bytes((site / "manifests/lis" / f"{foreign}.drpm").read_bytes())
    tree = site.parent / "srv/ehr"
    Restic(RESTIC, str(site / "vault")).backup(tree, tags=["app=ehr", f"drp-manifest={foreign}"])
    status, found = check(site)
    assert status == 1
    assert {aspect for _, aspect, _ in problems(found["ehr"])} == {"manifest"}
    assert "DRP-H008" in found["ehr"]["problems"][0]["message"]


def test_a_point_without_a_manifest_is_well_only_where_every_drill_waives_one(site: Path):
    back_up(site, "ehr", manifest=False)
    assert problems(check(site)[1]["ehr"]) == [("vault", "manifest", "wrong")]
    write(site, {"inventory/drills/a.yml": drill("ehr", require_manifest="false")})
    status, found = check(site)
    assert (status, found["ehr"]["state"]) == (0, "ok")
    assert found["ehr"]["repositories"][0]["manifest"] == {"demanded": False, "bound": False}
    assert "not asked for" in run(site, "check").stdout
    write(site, {"inventory/drills/b.yml": drill("ehr").replace("ehr-drill", "other")})
    assert problems(check(site)[1]["ehr"]) == [("vault", "manifest", "wrong")]


def test_a_lock_is_asked_for_where_a_drill_asks_for_it(site: Path):
    write(site, {"inventory/drills/a.yml": drill("ehr", select="{policy: newest-immutable}")})
    status, found = check(site)
    assert (status, problems(found["ehr"])) == (1, [("vault", "immutable", "wrong")])
    assert "not immutable (no lock, observed)" in found["ehr"]["problems"][0]["message"]
    (site / "shelf").mkdir()
    shutil.move(site / "vault", site / "vault.moved")
    shutil.copytree(site / "vault.moved", site / "shelf", dirs_exist_ok=True)
    (site / "shelf/.drp-medium").write_text("A\n")
    write(site, {
        "inventory/repositories.yml": f"repositories:\n  {SHELF}\n",
        "inventory/applications/ehr.yml": application("ehr", "shelf"),
    })  # fmt: skip
    status, found = check(site)
    assert (status, problems(found["ehr"])) == (0, [])
    (place,) = found["ehr"]["repositories"]
    assert (place["immutability"]["mode"], place["immutability"]["provenance"]) == ("offline", "declared")
    assert "offline, declared" in run(site, "check").stdout


def test_an_absent_medium_is_neither_failed_nor_judged(site: Path):
    write(site, {
        "inventory/repositories.yml": f"repositories:\n  {VAULT}\n  {SHELF}\n",
        "inventory/applications/ehr.yml": application("ehr", "vault, shelf"),
        "inventory/applications/lis.yml": application("lis", "shelf"),
    })  # fmt: skip
    status, found = check(site)
    assert status == 3
    assert (found["ehr"]["state"], problems(found["ehr"])) == ("ok", [("shelf", "there", "away")])
    assert (found["lis"]["state"], found["lis"]["exit"]) == ("unknown", 3)
    assert check(site, "--app", "ehr")[0] == 0
    assert "ehr: shelf: medium A is not attached" in run(site, "check", "--app", "ehr").stdout


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda site: (site / "password").write_text("another\n"), 12),
        (lambda site: (site / "vault").rename(site / "elsewhere"), 13),
        (lambda site: (site / "password").unlink(), 10),
    ],
)
def test_a_repository_that_cannot_be_read_is_unknown_and_hides_no_other(site: Path, spoil: Any, status: int):
    write(site, {
        **files_only(site),
        "inventory/repositories.yml": f"repositories:\n  {VAULT}\n  {NIGHTLY.format(site.parent)}\n",
    })  # fmt: skip
    spoil(site)
    found_status, found = check(site)
    assert (found["files"]["state"], problems(found["files"])) == ("ok", [])
    assert found["ehr"]["state"] == "unknown"
    assert found_status == found["ehr"]["exit"] == status, found["ehr"]["problems"]


def test_a_repository_that_hangs_hides_no_other_and_ends(site: Path):
    stuck = site / "stuck"
    stuck.write_text("#!/bin/sh\nexec sleep 600\n")
    stuck.chmod(0o755)
    write(site, {
        **files_only(site),
        "inventory/repositories.yml": f"repositories:\n  {NIGHTLY.format(site.parent)}\n  vault: {{kind: restic, executable: {stuck}, password: {{file: password}}, location: {{directory: vault}}}}\n",
    })  # fmt: skip
    status, found = check(site, "--within", "4")
    assert (status, found["files"]["state"], found["ehr"]["state"]) == (13, "ok", "unknown")
    assert found["ehr"]["problems"][0]["message"] == "no answer within 4 s"


def test_folders_that_cannot_be_listed_are_told_without_restoring(site: Path):
    for pack in (site / "vault/data").rglob("*"):
        if pack.is_file():
            pack.unlink()
    status, found = check(site)
    assert (status, problems(found["ehr"])) == (1, [("vault", "readable", "wrong")])


def test_a_snapshot_that_cannot_be_read_is_told(site: Path):
    (site / "vault/snapshots" / ("0" * 64)).write_bytes(b"noise" * 20)
    status, found = check(site)
    assert status == 1
    assert ("vault", "readable", "wrong") in problems(found["ehr"])


def test_what_is_not_described_or_has_no_repository_is_never_well(site: Path):
    bare = "name: bare\ntitle: Bare\ntier: 3\nobjectives: {rto: 4h, rpo: 1h}\n"
    write(site, {"inventory/applications/bare.yml": bare})
    status, found = check(site)
    assert (status, found["bare"]["state"]) == (0, "none")
    assert check(site, "--app", "bare")[0] == 3
    write(site, {"inventory/applications/lis.yml": "name: lis\n"})
    status, found = check(site)
    assert (status, found["lis"]["state"], found["ehr"]["state"]) == (10, "unknown", "ok")
    assert run(site, "check", "--app", "nobody").returncode == 10


def test_hostile_names_of_a_backup_stay_on_their_line(site: Path):
    tags = ["app=ehr", "drp-manifest=\x1b[2J\u202e"]
    Restic(RESTIC, str(site / "vault")).backup(site.parent / "srv/ehr", tags=tags)
    done = run(site, "check")
    assert done.returncode == 1
    assert not {"\x1b", "\u202e"} & set(done.stdout + done.stderr)
