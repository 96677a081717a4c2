"""Volumes for parts of the restored tree: what a profile may say, and what is told to who says it wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.config.site import check_site, load_site
from drp.domain.volume import DataVolume
from tests.support.sites import write_site

FILE = "inventory/sandboxes.yml"


def site(folder: Path, *parts: str) -> Path:
    listed = "".join(f"      - {each}\n" for each in parts)
    return write_site(folder, {FILE: f"sandboxes:\n  default:\n    data_backing: disk\n    data_volumes:\n{listed}"})


@pytest.mark.parametrize("at", ["/srv/pacs", "images", "images/ct", "/a b/é", "..hidden"])
def test_a_folder_of_the_backup_has_a_volume(tmp_path: Path, at: str) -> None:
    found = load_site(site(tmp_path, f"{{at: '{at}', directory: /srv/disk, bytes: 2GiB}}"))
    (part,) = found.plan("hospital").recoveries[0].sandbox.data_volumes
    assert part == DataVolume(at=at, directory="/srv/disk", size_bytes=2 << 30)


@pytest.mark.parametrize("at", ["/", ".", "..", "../x", "/a/../b", "a/..", "/a/", "a//b", "//a", "./a"])
def test_what_is_no_folder_of_the_backup_is_refused(tmp_path: Path, at: str) -> None:
    (problem,) = check_site(site(tmp_path, f"{{at: '{at}', directory: /srv/disk, bytes: 2GiB}}"))
    assert str(problem).startswith(f"{tmp_path / FILE}:5:") or f"{FILE}:5:" in str(problem)
    assert "must be a folder of the backup" in str(problem)


def test_a_folder_has_one_volume_on_a_folder_of_this_host(tmp_path: Path) -> None:
    twice = "{at: images, directory: /srv/disk, bytes: 2GiB}"
    (problem,) = check_site(site(tmp_path, twice, twice))
    assert "must name each folder once" in str(problem)
    (problem,) = check_site(site(tmp_path, "{at: images, directory: disk, bytes: 2GiB}"))
    assert "must be an absolute path" in str(problem)
