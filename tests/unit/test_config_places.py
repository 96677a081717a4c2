"""Where state, evidence and manifests lie: nobody may write there who was not declared."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from drp.config.places import require_places, require_state
from drp.config.site import check_site, load_site
from drp.errors import ConfigError, Untrusted
from tests.support.sites import SITE, write_site

STRANGER, DAEMON = 64030, 1


def site_with(tmp_path: Path, said: str = "") -> Path:
    site = write_site(tmp_path, {"drp.yml": SITE + said})
    for folder in ("state", "evidence", "manifests/ehr"):
        (site / folder).mkdir(parents=True)
    (site / "state/journal.sqlite").write_bytes(b"")
    return site


def give(path: Path, uid: int = STRANGER) -> None:
    os.chown(path, uid, uid, follow_symlinks=False)


SPOILED: dict[str, Callable[[Path], object]] = {
    "state": give,
    "state/journal.sqlite": lambda path: path.chmod(0o666),
    "state/lock": lambda path: (path.symlink_to("/etc/hostname"), give(path)),
    "state/run": lambda path: (path.mkdir(), path.chmod(0o777)),
    "evidence": lambda path: path.chmod(0o1777),
    "manifests": give,
    "manifests/ehr": lambda path: (os.chown(path, 0, DAEMON), path.chmod(0o2775)),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_place_that_others_may_write_to_is_named(name: str, tmp_path: Path) -> None:
    site = site_with(tmp_path)
    require_places(load_site(site))
    SPOILED[name](site / name)
    loaded = load_site(site)  # only a drill minds
    with pytest.raises(Untrusted) as caught:
        require_places(loaded)
    assert f"{site / name} " in caught.value.message
    assert "declare who writes there on purpose" in (caught.value.hint or "")
    if name.startswith("state"):
        with pytest.raises(Untrusted):
            require_state(loaded)
    else:
        require_state(loaded)


def test_places_that_are_not_there_yet_are_nobody_s(tmp_path: Path) -> None:
    require_places(load_site(write_site(tmp_path)))


def test_who_fills_a_place_on_purpose_is_declared(tmp_path: Path) -> None:
    site = site_with(tmp_path, "manifests: {writers: [daemon]}\nevidence: {writers: ['%daemon']}\n")
    for folder in ("manifests", "evidence"):
        give(site / folder, DAEMON)
    give(site / "manifests/ehr", DAEMON)
    (site / "manifests/ehr").chmod(0o2775)
    require_places(load_site(site))
    give(site / "state", DAEMON)
    with pytest.raises(Untrusted, match="state belongs to daemon"):
        require_places(load_site(site))


def test_a_writer_must_exist_and_be_a_name(tmp_path: Path) -> None:
    site = site_with(tmp_path, "manifests: {writers: [no-such-account]}\n")
    with pytest.raises(ConfigError, match="there is no account no-such-account on this host"):
        require_places(load_site(site))
    (site / "drp.yml").write_text(SITE + "manifests: {writers: ['a b']}\n")
    (problem,) = check_site(site)
    assert "must be the name of an account" in str(problem)


def test_code_of_drp_that_others_may_write_to_starts_no_drill(tmp_path: Path) -> None:
    """The shipped runbooks and their plugins run on the host: whoever writes to them is whoever drills."""
    site = load_site(write_site(tmp_path / "site"))
    shipped = tmp_path / "shipped"
    (shipped / "plugins/action").mkdir(parents=True)
    (shipped / "plugins/action/run.py").write_text("pass\n")
    moved = dataclasses.replace(site, runbook_folders=(site.runbook_folders[0], shipped))
    require_places(moved)
    (shipped / "plugins/action/run.py").chmod(0o666)
    with pytest.raises(Untrusted, match=r"run\.py may be written by everybody"):
        require_places(moved)
