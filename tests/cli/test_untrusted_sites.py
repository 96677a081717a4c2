"""A site that others could have written makes drp do nothing, whoever runs it, however it is named; odd sound ones work."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drp.config.site import check_site, load_site
from drp.errors import Untrusted
from tests.support.fixtures_anybody import Anybody
from tests.support.sites import EHR, REPOSITORIES, SITE, write_site

STRANGER, USER = 64030, 64031


@pytest.fixture
def place(anybody: Anybody) -> Iterator[Path]:
    """A folder below a sticky one, as /tmp is, that every user may enter."""
    folder = anybody.folder / "place"
    folder.mkdir()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def give(path: Path, uid: int) -> Path:
    for each in (path, *path.rglob("*")):
        os.chown(each, uid, uid, follow_symlinks=False)
    return path


def trap(folder: Path, marker: Path) -> Path:
    """A site whose every use runs a command: what a stranger would lay down."""
    run = f"journal: {{url: 'postgresql+pg8000://a@127.0.0.1:1/x', password: {{command: [/bin/sh, -c, 'id >{marker}; echo x']}}}}\n"
    return write_site(folder, {"drp.yml": SITE + run})


WAYS = [
    ("here", 0, ("status",)),
    ("here", USER, ("config", "check")),
    ("flag", 0, ("drill", "list")),
    ("variable", USER, ("status",)),
    ("link", 0, ("app", "list")),
    ("link", 0, ("doctor", "--json")),
]


@pytest.mark.parametrize(("named", "user", "verb"), WAYS)
def test_a_stranger_s_site_is_refused_before_it_can_run_anything(
    named: str, user: int, verb: tuple[str, ...], anybody: Anybody, place: Path
) -> None:
    place.chmod(0o1777)
    site, marker = place / "site", place / "ran"
    give(trap(site, marker), STRANGER)
    (place / "link").symlink_to(site)
    words = {"flag": ("--site", str(site)), "link": ("--site", str(place / "link"))}.get(named, ())
    variables = {"DRP_SITE": str(site)} if named == "variable" else {}
    done = anybody.drp(*words, *verb, user=user, cwd=site if named == "here" else "/", **variables)
    assert done.returncode == {"status": 3, "doctor": 1}.get(verb[0], 10), done.stderr
    told = done.stdout + done.stderr
    assert f"{site} belongs to user 64030" in told
    assert "chown " in told
    assert "another site with --site" in told
    assert "[DRP-E012]" in told or verb[0] == "doctor"
    assert not marker.exists()


def spoil_runbook(site: Path) -> Path:
    path = site / "runbooks/ward/library/module.py"
    path.parent.mkdir(parents=True)
    path.write_text("pass\n")
    os.chown(path, STRANGER, 0)
    return path


def spoil_secret(site: Path) -> Path:
    path = site / "secrets/vault"
    path.parent.mkdir(mode=0o700)
    path.write_text("secret\n")
    path.chmod(0o602)
    return path


def spoil_signers(site: Path) -> Path:
    (site / "keys").write_text("ada ssh-ed25519 AAAA\n")
    (site / "keys").chmod(0o666)
    with (site / "inventory/applications/ehr.yml").open("a") as file:
        file.write("sign_off: {referent: nurse, allowed_signers: keys, steps: [{id: look, do: look}]}\n")
    return site / "keys"


def spoil_ground_truth(site: Path) -> Path:
    truth = site.parent / "truth"
    truth.mkdir()
    truth.chmod(0o777)
    with (site / "inventory/applications/ehr.yml").open("a") as file:
        file.write(f"ground_truth: {truth}/writes.jsonl\n")
    return truth


def spoil_executable(site: Path) -> Path:
    path = site / "tools/restic"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o777)
    said = REPOSITORIES.replace(
        "password: {file: secrets/vault}", "password: {file: secrets/vault}\n    executable: tools/restic"
    )
    (site / "inventory/repositories.yml").write_text(said)
    return path


def spoil_script(site: Path) -> Path:
    path = site.parent / "ask-vault.sh"
    path.write_text("echo x\n")
    path.chmod(0o666)
    said = REPOSITORIES.replace("{file: secrets/vault}", f"{{command: [/bin/sh, {path}]}}")
    (site / "inventory/repositories.yml").write_text(said)
    return path


def spoil_canary(site: Path) -> Path:
    path = site.parent / "beat"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o777)
    with (site / "inventory/applications/ehr.yml").open("a") as file:
        file.write(f"canary: {{kind: command, argv: [{path}]}}\n")
    return path


def spoil_inventory(site: Path) -> Path:
    (site / "inventory/drills").chmod(0o1777)
    return site / "inventory/drills"


SPOILED = [
    spoil_runbook,
    spoil_secret,
    spoil_signers,
    spoil_ground_truth,
    spoil_executable,
    spoil_script,
    spoil_canary,
    spoil_inventory,
]


@pytest.mark.parametrize("spoil", SPOILED)
def test_everything_that_steers_drp_is_judged(spoil: Callable[[Path], Path], tmp_path: Path) -> None:
    site = write_site(tmp_path / "site")
    assert check_site(site) == ()
    path = spoil(site)
    for read in (check_site, load_site):
        with pytest.raises(Untrusted) as caught:
            read(site)
        assert f"{path} " in caught.value.message


def test_machines_hear_of_it_in_json(anybody: Anybody, place: Path) -> None:
    site = give(write_site(place / "site"), STRANGER)
    done = anybody.drp("--site", str(site), "app", "list", "--json")
    assert json.loads(done.stderr)["code"] == "DRP-E012"
    document = json.loads(anybody.drp("--site", str(site), "status", "--json").stdout)
    assert (document["status"], document["code"]) == ("unknown", "DRP-E012")


def test_a_plain_user_is_told_what_root_has_to_do(anybody: Anybody, place: Path) -> None:
    site = write_site(place / "site")
    os.chown(site / "drp.yml", STRANGER, 0)
    done = anybody.drp("--site", str(site), "app", "list", user=USER)
    assert f"sudo chown {USER} {site}/drp.yml" in done.stderr


def test_sudo_does_not_lend_its_caller_trust(anybody: Anybody, place: Path) -> None:
    site = give(write_site(place / "site"), USER)
    assert anybody.drp("--site", str(site), "app", "list", user=USER).returncode == 0
    done = anybody.drp("--site", str(site), "app", "list", SUDO_UID=str(USER), SUDO_USER="ada")
    assert done.returncode == 10


@pytest.mark.parametrize("user", [0, USER])
def test_odd_but_sound_sites_work(user: int, anybody: Anybody, place: Path) -> None:
    """Root's site for a user, the user's own, below a sticky folder, behind links, with names that need quoting."""

    def works(*words: str, cwd: Path | str = "/", **variables: str) -> None:
        done = anybody.drp(*words, "app", "list", user=user, cwd=cwd, **variables)
        assert done.returncode == 0, done.stderr

    roots = write_site(place / "root's site")
    (place / "etc").mkdir()
    (place / "etc/drp").symlink_to("../root's site")
    works("--site", ".", cwd=place / "etc/drp")
    works(DRP_SITE=f"{place}/./etc/../etc/drp/")
    sticky = place / "tmp"
    sticky.mkdir()
    sticky.chmod(0o1777)
    own = give(write_site(sticky / "own"), user)
    (own / "inventory/applications/more.yml").symlink_to(roots / "more.yml")
    (roots / "more.yml").write_text(EHR.replace("name: ehr", "name: more"))
    os.chown(own / "inventory/applications/more.yml", user, user, follow_symlinks=False)
    works(cwd=own)


def test_a_site_is_not_laid_down_where_others_could_change_it(anybody: Anybody, place: Path) -> None:
    place.chmod(0o777)
    done = anybody.drp("init", str(place / "site"))
    assert done.returncode == 10
    assert f"{place} may be written by everybody" in done.stderr
    assert not (place / "site").exists()
    place.chmod(0o1777)
    assert anybody.drp("init", str(place / "site")).returncode == 0


def test_a_directory_that_is_gone_or_closed_is_no_site(anybody: Anybody, place: Path) -> None:
    gone = place / "gone"
    gone.mkdir()
    shell = ["sh", "-c", f'cd {gone} && rmdir {gone} && exec "$@" && mkdir {gone}', "-"]
    for words in ((), ("--site", "x")):
        gone.mkdir(exist_ok=True)
        done = anybody.drp(*words, "app", "list", before=shell)
        assert done.returncode == 10
        assert "no site" in done.stderr
    write_site(gone)
    gone.chmod(0o700)
    done = anybody.drp("--site", str(gone), "status", user=USER)
    assert done.returncode == 3
    assert "Permission denied" in done.stdout
