"""`drp init --repository`: from a repository that somebody has to a site of it, and to a first honest drill."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.restic_tools import PASSWORD, Restic, executable, make_tree
from tests.support.s3_server import S3Server

RESTIC = executable("current")


def drp(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = warm.drp(*arguments, cwd=cwd, environment=warm.ENVIRONMENT, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def secret(folder: Path, name: str, value: str) -> Path:
    path = folder / name
    path.write_text(f"{value}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a repository that has neither tags nor manifests: one snapshot of two applications, one of a host."""
    make_tree(tmp_path / "srv/ehr", files=3)
    make_tree(tmp_path / "srv/lis", files=2, seed=2)
    make_tree(tmp_path / "pacs", files=2, seed=3)
    restic = Restic(RESTIC, str(tmp_path / "backup")).init()
    restic.backup(tmp_path / "srv", host="server-1")
    restic.backup(tmp_path / "pacs", host="pacs-1.chu.example")
    secret(tmp_path, "password", PASSWORD)
    return tmp_path


def init(place: Path, *more: object, where: str = "backup") -> subprocess.CompletedProcess[str]:
    words = ("init", "site", "--repository", where, "--executable", RESTIC, *more)
    return drp(*words, cwd=place)


def test_a_repository_without_tags_becomes_a_site_that_is_valid(place: Path) -> None:
    done = init(place, "--password-file", "password")
    assert done.returncode == 0, done.stderr
    site = place / "site"
    assert drp("--site", site, "config", "check", cwd=place).returncode == 0
    listed = json.loads(drp("--site", site, "app", "list", "--json", cwd=place).stdout)["items"]
    assert len(listed) == 2
    (other,) = {each["name"] for each in listed} - {"pacs"}
    ehr = (site / f"inventory/applications/{other}.yml").read_text()
    assert f'# sub_path: "{place}/srv/ehr"\n' in ehr
    assert f'# sub_path: "{place}/srv/lis"\n' in ehr
    assert ehr.count("TO FILL IN") >= 5
    assert "# require_manifest: false\n" in (site / "inventory/drills/everything.yml").read_text()
    assert "next: cd site && drp config check && drp doctor\n      drp check\n      drp drill run --app " in done.stdout
    assert "2 name no manifest" in done.stdout
    _, _, advice = done.stdout.partition("\n\n")
    assert max(len(line) for line in advice.splitlines() if other not in line) <= 80
    assert PASSWORD not in "".join(path.read_text() for path in site.rglob("*") if path.is_file())
    assert stat.S_IMODE((site / "secrets").stat().st_mode) == 0o700


def test_folders_of_a_snapshot_become_applications_by_split(place: Path) -> None:
    done = init(place, "--password-file", "password", "--split")
    assert done.returncode == 0, done.stderr
    listed = json.loads(drp("--site", "site", "app", "list", "--json", cwd=place).stdout)["items"]
    assert {"ehr", "lis"} <= {each["name"] for each in listed}
    checked = json.loads(drp("--site", "site", "check", "--app", "lis", "--json", cwd=place).stdout)
    (found,) = checked["applications"][0]["repositories"]
    assert (found["looked_into"], found["taken"]["sub_path"]) == (True, f"{place}/srv/lis")
    assert [each["aspect"] for each in checked["applications"][0]["problems"]] == ["manifest"]
    gone = place / "site/inventory/applications/lis.yml"
    gone.write_text(gone.read_text().replace(f"{place}/srv/lis", f"{place}/srv/gone"))
    checked = json.loads(drp("--site", "site", "check", "--app", "lis", "--json", cwd=place).stdout)
    assert {each["aspect"] for each in checked["applications"][0]["problems"]} == {"readable", "manifest"}


def test_what_a_check_says_of_it_is_honest(place: Path) -> None:
    init(place, "--password-file", "password")
    done = drp("--site", "site", "check", "--app", "pacs", cwd=place)
    assert done.returncode == 1
    assert "names no manifest (DRP-H006)" in done.stdout
    plan = place / "site/inventory/drills/everything.yml"
    plan.write_text(plan.read_text().replace("# require_manifest: false", "require_manifest: false"))
    assert drp("--site", "site", "check", cwd=place).returncode == 0


@pytest.mark.real
def test_the_first_drill_is_held_and_says_what_it_does_not_prove(place: Path) -> None:
    init(place, "--password-file", "password")
    done = drp("--site", "site", "drill", "run", "--app", "pacs", cwd=place)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "INCONCLUSIVE" in done.stdout + done.stderr
    record = json.loads(drp("--site", "site", "report", "latest", "--format", "json", cwd=place).stdout)
    assert {finding["code"] for finding in record["recoveries"][0]["findings"]} >= {"DRP-H006"}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--password-file", "wrong"), 12, "refuses the password"),
        (("--password-file", "nowhere"), 10, "cannot be read"),
        (("--password-file", "open"), 10, "open to everybody"),
        ((), 2, "how is the password read?"),
        (("--password-file", "password", "--password-command", "cat password"), 2, "several ways"),
    ],
)
def test_without_its_key_nothing_is_written(place: Path, words: tuple[str, ...], status: int, said: str) -> None:
    secret(place, "wrong", "another password")
    secret(place, "open", PASSWORD).chmod(0o644)
    done = init(place, *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "HINT" in done.stderr
    assert not (place / "site").exists()


@pytest.mark.parametrize(
    ("where", "status", "said"),
    [
        ("nowhere", 10, "no repository at"),
        ("srv", 10, "neither one of restic"),
        ("sftp:user@host:/backup", 2, "sftp: repositories are not read"),
        ("rest:http://backup.example/", 2, "no REST server is named"),
        ("s3:https://host", 2, "no bucket is named"),
        ("s3:https://host/bucket", 2, "how are the bucket's keys read?"),
    ],
)
def test_what_is_no_repository_that_drp_reads_is_said(place: Path, where: str, status: int, said: str) -> None:
    done = init(place, "--password-file", "password", where=where)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert not (place / "site").exists()


def test_options_of_a_repository_without_one_lay_no_example_down(tmp_path: Path) -> None:
    for words in (("--password-file", "password"), ("--split",)):
        done = drp("init", "site", *words, cwd=tmp_path)
        assert done.returncode == 2
        assert "of which repository?" in done.stderr
        assert not (tmp_path / "site").exists()


def test_an_empty_repository_and_a_damaged_one_are_told_apart(place: Path) -> None:
    Restic(RESTIC, str(place / "empty")).init()
    empty = init(place, "--password-file", "password", where="empty")
    assert (empty.returncode, "there is no recovery point in it" in empty.stderr) == (10, True)
    for snapshot in (place / "backup/snapshots").iterdir():
        snapshot.chmod(0o600)
        snapshot.write_bytes(b"noise" * 30)
    damaged = init(place, "--password-file", "password")
    assert damaged.returncode == 13, damaged.stderr
    assert "no recovery point can be read" in damaged.stderr
    assert not (place / "site").exists()


def test_a_site_that_is_there_is_left_as_it_is(place: Path) -> None:
    assert init(place, "--password-file", "password").returncode == 0
    before = {path: path.read_bytes() for path in (place / "site").rglob("*") if path.is_file()}
    done = init(place, "--password-file", "password")
    assert done.returncode == 2
    assert "holds a site already" in done.stderr
    assert {path: path.read_bytes() for path in (place / "site").rglob("*") if path.is_file()} == before


def test_a_medium_that_names_itself_is_described_as_one(place: Path) -> None:
    (place / "backup/.drp-medium").write_text('SHELF "A"\n')
    assert init(place, "--password-file", "password").returncode == 0
    said = (place / "site/inventory/repositories.yml").read_text()
    assert f'location: {{medium: {{mount: "{place}/backup", label: "SHELF \\"A\\"", path: "."}}}}' in said
    assert "which nobody can delete while its medium is away" in said
    assert drp("--site", "site", "config", "check", cwd=place).returncode == 0
    (place / "backup").rename(place / "on the shelf")
    done = drp("--site", "site", "check", cwd=place)
    assert done.returncode == 3
    assert "is not attached" in done.stdout


def test_dated_folders_need_no_password(tmp_path: Path) -> None:
    for name in ("ehr", "lis"):
        make_tree(tmp_path / "nightly" / name / "2026-11-28_0200", files=2)
        (tmp_path / "nightly" / name / "2026-11-28_0200.done").touch()
    done = drp("init", "site", "--repository", "nightly", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "site/inventory/repositories.yml").read_text()
    assert 'folders: ["{tag}/%Y-%m-%d_%H%M"]' in said
    assert 'complete: "{folder}.done"' in said
    assert drp("--site", "site", "config", "check", cwd=tmp_path).returncode == 0
    points = json.loads(drp("--site", "site", "repo", "points", "backups", "--app", "lis", "--json", cwd=tmp_path).stdout)  # fmt: skip
    assert [point["tags"][0] for point in points["points"]] == ["lis"]


def test_hostile_names_in_a_repository_stay_where_they_are(place: Path) -> None:
    tree = make_tree(place / "srv" / 'x"\n- name: evil', files=1)
    Restic(RESTIC, str(place / "backup")).backup(tree, tags=("\u202eapp", "# {x}"), host="\x1b[2J")
    done = init(place, "--password-command", f"cat {place}/password")
    assert done.returncode == 0, done.stderr
    assert not {"\x1b", "\u202e"} & set(done.stdout + done.stderr)
    assert drp("--site", "site", "config", "check", cwd=place).returncode == 0
    assert not list((place / "site/inventory/applications").glob("evil*"))


def test_a_bucket_is_described_with_references_to_its_keys(
    tmp_path: Path, s3_server: S3Server, bucket_name: str
) -> None:
    url = s3_server.make_bucket(bucket_name)
    restic = Restic(RESTIC, f"{url}/site", environment=s3_server.environment("writer")).init()
    restic.backup(make_tree(tmp_path / "srv/ehr", files=2), tags=("app=ehr",))
    reader = s3_server.identities["ro_lock"]
    keys = {
        "password": PASSWORD,
        "access": reader.access_key,
        "secret": reader.secret_key,
    }
    for name, value in keys.items():
        secret(tmp_path, name, value)
    more = ("--password-file", "password", "--access-key-file", "access", "--secret-key-file", "secret")
    done = init(tmp_path, *more, where=f"{url}/site")
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "site/inventory/repositories.yml").read_text()
    assert "which nobody can delete: compliance.\n" in written
    assert not any(value in written for value in keys.values())
    checked = drp("--site", "site", "check", "--json", cwd=tmp_path)
    (place,) = json.loads(checked.stdout)["applications"][0]["repositories"]
    assert (place["looked_into"], place["immutability"]["mode"]) == (True, "compliance")
