"""`drp init`, `config`, `app` and `explain` as people and scripts use them: the real program, its output, its exit."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from drp.domain.findings.catalogue import CATALOGUE
from drp.errors import walk
from tests.support import warm
from tests.support.sites import EHR, REPOSITORIES, write_site


def drp(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return warm.drp(*arguments, cwd=cwd, environment={**warm.ENVIRONMENT, **environment})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("init")
    done = drp("init", "My Site", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "My Site"


def test_a_new_site_is_clean_right_away(site: Path) -> None:
    done = drp("config", "check", cwd=site)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{site}: no problem\n"


@pytest.mark.parametrize(("umask", "mode"), [(0, 0o755), (0o777, 0o700)])
def test_a_new_site_is_trusted_whatever_the_umask(umask: int, mode: int, tmp_path: Path) -> None:
    """What others may write to is refused, and so would be what drp had made itself."""
    for words in (("init", "site"), ("--site", "site", "config", "check")):
        command = [sys.executable, "-m", "drp", *words]
        done = subprocess.run(command, cwd=tmp_path, umask=umask, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((tmp_path / "site/inventory").stat().st_mode) == mode


def test_a_new_site_is_named_after_its_directory_and_keeps_secrets_to_itself(site: Path) -> None:
    assert '\nname: "my-site"\n' in (site / "drp.yml").read_text(encoding="utf-8")
    assert stat.S_IMODE((site / "secrets").stat().st_mode) == 0o700
    assert "/secrets/" in (site / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_init_overwrites_nothing(site: Path) -> None:
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    done = drp("init", str(site), cwd=site.parent)
    assert done.returncode == 2
    assert "holds a site already" in done.stderr
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["2026", "true", "_", "Hôpital"])
def test_init_in_a_directory_with_any_name(tmp_path: Path, name: str) -> None:
    assert drp("init", name, cwd=tmp_path).returncode == 0
    assert drp("--site", name, "config", "check", cwd=tmp_path).returncode == 0


def test_init_fills_the_directory_it_stands_in(tmp_path: Path) -> None:
    assert drp("init", cwd=tmp_path).returncode == 0
    assert drp("config", "check", cwd=tmp_path).returncode == 0


def test_init_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = drp("init", str(tmp_path / "file" / "site"), cwd=tmp_path)
    assert done.returncode in {10, 15}
    assert "Traceback" not in done.stderr
    done = drp("init", "/proc/drp-site", cwd=tmp_path)
    assert "Traceback" not in done.stderr
    assert done.returncode in {10, 15}


def test_every_problem_is_told_at_once_and_the_exit_says_so(tmp_path: Path) -> None:
    files = {
        "inventory/applications/ehr.yml": EHR.replace("rpo: 1h", "rpo: 4x"),
        "inventory/repositories.yml": REPOSITORIES.replace(
            "password: {file: secrets/vault}", "password: hunter2-hunter2"
        ),
    }
    directory = write_site(tmp_path, files)
    done = drp("config", "check", cwd=directory)
    assert done.returncode == 10
    assert done.stdout.splitlines() == [
        "inventory/applications/ehr.yml:4:28: objectives.rpo: is not a duration: write it as 30m, 4h or 1d12h",
        "inventory/repositories.yml:4:15: repositories.vault.password: a secret never stands in a file: write {file: …}, {credential: …} or {command: […]}",
    ]
    assert done.stderr == f"{directory}: 2 problems\n"
    document = json.loads(drp("config", "check", "--json", cwd=directory).stdout)
    assert document["schema"] == "drp/config-check/1"
    assert document["valid"] is False
    assert document["problems"][0] == {
        "file": "inventory/applications/ehr.yml", "line": 4, "column": 28, "where": "objectives.rpo",
        "message": "is not a duration: write it as 30m, 4h or 1d12h",
    }  # fmt: skip
    for arguments in (("app", "list"), ("config", "show"), ("app", "show", "ehr", "--json")):
        done = drp(*arguments, cwd=directory)
        assert done.returncode == 10
        assert "ehr.yml:4:28" in done.stderr
        assert "hunter2" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_no_site_is_told_with_what_to_do(tmp_path: Path) -> None:
    for arguments in (("config", "check"), ("app", "list")):
        done = drp(*arguments, cwd=tmp_path)
        assert done.returncode == 10
        assert "no site directory" in done.stderr
        assert "drp init" in done.stderr
    assert drp("--site", str(tmp_path), "app", "list", cwd=tmp_path).returncode == 10
    assert drp("app", "list", cwd=tmp_path, DRP_SITE=str(tmp_path / "gone")).returncode == 10


def test_the_site_may_be_named_by_flag_or_variable(site: Path, tmp_path: Path) -> None:
    assert "ehr" in drp("--site", str(site), "app", "list", cwd=tmp_path).stdout
    assert "ehr" in drp("app", "list", cwd=tmp_path, DRP_SITE=str(site)).stdout


def test_applications_are_listed_with_what_nobody_drills(site: Path) -> None:
    done = drp("app", "list", cwd=site)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["NAME", "TITLE", "TIER", "RTO", "RPO", "REPOSITORIES", "DRILLED"]
    by_name = {line.split()[0]: line for line in lines[1:]}
    assert by_name["ehr"].split()[-3:] == ["vault,", "shelf", "yes"]
    assert by_name["pharmacy"].endswith("not drilled, 1 need it")
    assert by_name["oncology"].endswith("not drilled")
    assert "single point of failure: nobody drills directory, needed by anaesthesia, ehr" in done.stderr
    document = json.loads(drp("app", "list", "--json", cwd=site).stdout)
    assert document["schema"] == "drp/applications/1"
    drilled = sum(item["drilled"] for item in document["items"])
    assert done.stderr.startswith(f"{drilled} of 14 applications can be drilled\n")
    ehr = next(item for item in document["items"] if item["name"] == "ehr")
    assert (ehr["tier"], ehr["rto_seconds"], ehr["rpo_seconds"], ehr["drilled"]) == (0, 14400, 3600, True)


def test_one_application_is_shown_whole(site: Path) -> None:
    shown = drp("app", "show", "ehr", cwd=site).stdout
    assert "RTO           4 h\n" in shown
    assert "drilled       by hospital, shelf\n" in shown
    document = json.loads(drp("app", "show", "directory", "--json", cwd=site).stdout)
    assert document["drilled"] is False
    assert "ehr" in document["needed_by"]
    assert "not drilled: no backup" in drp("app", "show", "ris", cwd=site).stdout
    missing = drp("app", "show", "ehrr", cwd=site)
    assert missing.returncode == 10
    assert "there is no application `ehrr`; did you mean `ehr`?" in missing.stderr


def test_a_hostile_title_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    said = EHR.replace("title: Electronic health record", 'title: "x\\e[2J\\u202Ey"')
    directory = write_site(tmp_path, {"inventory/applications/ehr.yml": said})
    for arguments in (("app", "list"), ("app", "show", "ehr")):
        shown = drp(*arguments, cwd=directory).stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_the_site_is_shown_as_drp_understands_it(site: Path) -> None:
    document = json.loads(drp("config", "show", "--json", cwd=site).stdout)
    assert document["schema"] == "drp/config/1"
    assert document["repositories"]["vault"]["password"] == {
        "kind": "file", "value": [str(site / "secrets/vault-password")],
    }  # fmt: skip
    assert "vault-password" in drp("config", "show", cwd=site).stdout


def test_schemas_for_editors(site: Path, tmp_path: Path) -> None:
    one = json.loads(drp("config", "schema", "application", cwd=tmp_path).stdout)
    assert one["properties"]["objectives"]
    every = json.loads(drp("config", "schema", cwd=tmp_path).stdout)
    assert sorted(every) == ["application", "drill", "monitoring", "repositories", "sandboxes", "schedule", "site"]
    assert drp("config", "schema", "--output", "out", cwd=tmp_path).returncode == 0
    assert json.loads((tmp_path / "out/application.json").read_text(encoding="utf-8")) == one
    wrong = drp("config", "schema", "aplication", cwd=tmp_path)
    assert wrong.returncode == 10
    assert "did you mean `application`?" in wrong.stderr


def test_every_code_is_explained(tmp_path: Path) -> None:
    listed = json.loads(drp("explain", "--json", cwd=tmp_path).stdout)["items"]
    known = {entry["code"]: entry for entry in listed}
    assert set(CATALOGUE) | {error.code for error in walk() if error.__module__ == "drp.errors"} == set(known)
    for entry in listed:
        assert all(entry.values()), entry


@pytest.mark.parametrize("code", ["DRP-H001", "drp-h001", "H001"])
def test_a_finding_code_is_explained_however_it_is_written(code: str, tmp_path: Path) -> None:
    done = drp("explain", code, cwd=tmp_path)
    assert done.returncode == 0
    assert CATALOGUE["DRP-H001"].meaning in done.stdout
    assert CATALOGUE["DRP-H001"].remedy in done.stdout


def test_an_error_code_is_explained(tmp_path: Path) -> None:
    done = drp("explain", "DRP-E010", cwd=tmp_path)
    assert "the site directory is invalid  (exit 10)" in done.stdout
    unknown = drp("explain", "DRP-Z999", cwd=tmp_path)
    assert unknown.returncode == 10
    assert "there is no code `DRP-Z999`" in unknown.stderr


def test_listing_imports_no_adapter(site: Path) -> None:
    script = "import sys; from drp.__main__ import run; run(['app', 'list']); print(sorted({'sqlmodel', 'boto3', 'ansible', 'sqlalchemy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=site, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
