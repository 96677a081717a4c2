"""`drp doctor` tells a user what a drill of that user would meet: what it calls well works, what fails it has named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drp.cli.doctor_host import processes, signatures
from tests.support.fixtures_anybody import Anybody

pytestmark = pytest.mark.real

USER = 64033
_LOOKS = """
import json, sys
from pathlib import Path
from drp.cli.doctor_sandboxes import sandbox_needs
from drp.cli.doctor_site import site_needs
from drp.service.wiring import Wiring
from drp.config.site import load_site
wiring = Wiring(load_site(Path(sys.argv[1])))
needs = [*sandbox_needs(wiring.site, wiring.run_directory), *site_needs(wiring)]
print(json.dumps({need.name: [need.detail, need.mend] for need in needs if not need.met}))
"""
_FILES = {
    "drp.yml": "version: 1\nname: plain\nlocale: en\n",
    "inventory/repositories.yml": "version: 1\nrepositories:\n  local: {kind: restic, password: {file: secrets/word}, location: {directory: REPO}}\n",
    "inventory/sandboxes.yml": "version: 1\nsandboxes:\n  default: {memory_bytes: 256MiB, data_bytes: 64MiB}\n",
    "inventory/applications/app.yml": "version: 1\nname: app\ntitle: App\ntier: 1\nobjectives: {rto: 1h, rpo: 30d}\n"
    "backup: {repositories: [local], points: {tags: [app=app]}}\nrunbook: {kind: files}\n"
    "checks: [{name: f, verifier: files, options: {newest: true}}]\n",
    "inventory/drills/d.yml": "version: 1\nname: d\nscenario: {title: t, disaster_at: now}\nrecoveries: [{application: app, repository: local}]\n"
    "select: {policy: newest}\nrequire_manifest: false\n",
    "secrets/word": "of-the-repository\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def pristine(anybody: Anybody) -> Iterator[Path]:
    """A small site with a repository of one point, all the plain user's."""
    place = anybody.folder / "doctor"
    (place / "tree").mkdir(parents=True)
    (place / "tree/letter").write_text("x")
    for name, text in _FILES.items():
        path = place / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("REPO", str(anybody.folder / "used/repo")))
    (place / "site/secrets/word").chmod(0o600)
    environment = {"PATH": "/usr/bin:/bin", "RESTIC_PASSWORD_FILE": str(place / "site/secrets/word")}
    for words in (("init",), ("backup", "--no-cache", "--tag=app=app", "tree")):
        argv = ["restic", "-q", "-r", str(place / "site/repo"), *words]
        subprocess.run(argv, env=environment, cwd=place, check=True, capture_output=True)
    shutil.rmtree(place / "tree")
    yield place / "site"
    shutil.rmtree(place)


@pytest.fixture
def site(anybody: Anybody, pristine: Path) -> Iterator[Path]:
    used = anybody.folder / "used"
    shutil.copytree(pristine, used, symlinks=True)
    subprocess.run(["chown", "-R", f"{USER}:{USER}", str(used)], check=True)
    yield used
    shutil.rmtree(used)


def unmet(anybody: Anybody, site: Path, user: int = USER) -> dict[str, list[str]]:
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    argv = [*become, str(anybody.python), "-P", "-c", _LOOKS, str(site)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}, cwd="/")
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def to_root(*names: str, mode: int | None = None) -> Callable[[Path], None]:
    """Give places to root, made where they are not there, and set a mode."""

    def do(site: Path) -> None:
        for name in names:
            path = site / name
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                if path.parent != site:
                    os.chown(path.parent, USER, USER)
                path.touch() if "." in path.name or path.name == "lock" else path.mkdir()
            os.chown(path, 0, 0)
            path.chmod(mode if mode is not None else path.stat().st_mode & 0o755)

    return do


def changed(name: str, old: str, new: str) -> Callable[[Path], None]:
    def do(site: Path) -> None:
        path = site / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return do


def closed_pack(site: Path) -> None:
    for path in (site / "repo/snapshots").iterdir():
        os.chown(path, 0, 0)
        path.chmod(0o600)


def closed_runbook(site: Path) -> None:
    folder = site / "runbooks/own"
    shutil.copytree(Path(__file__).parents[2] / "runbooks/files", folder)
    to_root("runbooks/own/start.yml", mode=0o600)(site)


_SOFTWARE = f"software: [{{image: /nonexistent, at: /opt/sw, digest: 'blake3:{'0' * 64}'}}]\nchecks:"
KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "secret of another": (to_root("secrets/word", mode=0o600), "repository local"),
    "secret open to all": (lambda site: (site / "secrets/word").chmod(0o644), "repository local"),
    "another password": (lambda site: (site / "secrets/word").write_text("another\n"), "repository local"),
    "no repository": (lambda site: shutil.rmtree(site / "repo"), "repository local"),
    "repository closed": (to_root("repo", mode=0o700), "repository local"),
    "point closed": (closed_pack, "repository local"),
    "no restic": (changed("inventory/repositories.yml", "kind: restic", "kind: restic, executable: /nonexistent/restic"), "repository local"),
    "evidence of another": (to_root("evidence"), "evidence directories"),
    "state of another": (to_root("state"), "state directory"),
    "lock of another": (to_root("state/lock"), "state directory"),
    "journal of another": (to_root("state/journal.sqlite"), "state directory"),
    "run directory of another": (to_root("state/run"), "state directory"),
    "cache of another": (to_root("state/cache"), "state directory"),
    "manifests closed": (to_root("manifests", mode=0o700), "manifests"),
    "ranges without sub-ids": (changed("inventory/sandboxes.yml", "64MiB", "64MiB, identity: range"), "sandbox default"),
    "loop devices without root": (changed("inventory/sandboxes.yml", "64MiB", "64MiB, data_backing: disk"), "sandbox default"),
    "a long path": (changed("drp.yml", "locale: en", f"locale: en\nstate: {'x' * 60}/{'y' * 60}"), "place of sandboxes"),
    "runbook closed": (closed_runbook, "runbooks of the site"),
    "no software": (changed("inventory/applications/app.yml", "checks:", _SOFTWARE), "drill d"),
}  # fmt: skip

TOGETHER = (
    ("secret of another", "evidence of another", "lock of another", "manifests closed", "ranges without sub-ids",
     "runbook closed", "no software"),
    ("secret open to all", "journal of another", "loop devices without root"),
    ("another password", "run directory of another"),
    ("no repository", "cache of another"),
    ("repository closed", "state of another"),
    ("point closed", "a long path"),
    ("no restic",),
)  # fmt: skip
"""Kinds that are looked at in one go: each shows in a need of its own."""


def test_a_healthy_site_of_a_plain_user_has_all_it_needs(anybody: Anybody, site: Path) -> None:
    assert unmet(anybody, site) == {}
    assert sorted(path.name for path in site.iterdir()) == ["drp.yml", "inventory", "repo", "secrets"]


def test_healthy_leftovers_of_earlier_drills_are_none_of_its_business(anybody: Anybody, site: Path) -> None:
    for name in ("state", "state/run", "state/cache", "evidence", "manifests"):
        (site / name).mkdir(mode=0o750)
        os.chown(site / name, USER, USER)
    (site / "state/lock").touch(mode=0o600)
    os.chown(site / "state/lock", USER, USER)
    assert unmet(anybody, site) == {}


@pytest.mark.parametrize("together", TOGETHER, ids=", ".join)
def test_what_a_drill_would_fail_on_is_named_with_what_mends_it(
    anybody: Anybody, site: Path, together: tuple[str, ...]
) -> None:
    for kind in together:
        KINDS[kind][0](site)
    found = unmet(anybody, site)
    assert {KINDS[kind][1] for kind in together} <= set(found), found
    assert all(detail and mend for detail, mend in found.values()), found


def test_every_kind_is_tried_and_each_of_those_together_is_another_need() -> None:
    assert sorted(kind for kinds in TOGETHER for kind in kinds) == sorted(KINDS)
    for kinds in TOGETHER:
        assert len({KINDS[kind][1] for kind in kinds}) == len(kinds)


def test_root_may_have_what_a_plain_user_may_not(anybody: Anybody, site: Path) -> None:
    subprocess.run(["chown", "-R", "0:0", str(site)], check=True)
    changed("inventory/sandboxes.yml", "64MiB", "64MiB, identity: range")(site)
    changed("drp.yml", "locale: en", f"locale: en\nstate: {'x' * 60}/{'y' * 60}")(site)
    assert unmet(anybody, site, user=0) == {}
    assert set(unmet(anybody, site)) >= {"place of sandboxes", "sandbox default", "state directory"}


def test_a_user_who_may_start_nothing_is_told_so_before_anything_is_tried(anybody: Anybody, site: Path) -> None:
    limited = ("prlimit", "--nproc=3", "--")
    told = anybody.drp("--site", str(site), "doctor", user=USER, before=limited)
    assert told.returncode == 1, told.stdout + told.stderr
    assert "of at most 3 of this user" in told.stdout
    assert "ulimit -u" in told.stdout
    assert processes().met, "root may start as many as there is room for"


def test_signatures_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert signatures().met
    monkeypatch.setattr("drp.command.MINIMAL_ENVIRONMENT", {"PATH": "/nonexistent"})
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not signatures().met
    assert "openssh-client" in signatures().mend


def test_a_drill_of_a_plain_user_does_what_the_doctor_said(anybody: Anybody, site: Path) -> None:
    told = anybody.drp("--site", str(site), "doctor", user=USER)
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"ok    user                         user {USER}, who has no account here, a plain user" in told.stdout
    done = anybody.drp("--site", str(site), "--quiet", "drill", "run", "d", user=USER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((site / "state/run").iterdir()) == []
