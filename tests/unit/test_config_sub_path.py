"""What an application's file says of its own folder in points that hold more, and of a manifest that serves several."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.config.site import check_site, load_site
from tests.support.sites import EHR, write_site

APP = "inventory/applications/ehr.yml"


def with_backup(said: str) -> str:
    return EHR.replace("repositories: [vault, shelf]", f"repositories: [vault, shelf], {said}")


def test_what_is_declared_is_what_the_drill_knows(tmp_path: Path) -> None:
    text = with_backup("sub_path: /srv/ehr, manifest_of: server-7")
    job = load_site(write_site(tmp_path, {APP: text})).application("ehr").backup_job
    assert (job.sub_path, job.manifest_of) == ("/srv/ehr", "server-7")


def test_nothing_declared_is_all_of_every_point_and_the_own_manifest(tmp_path: Path) -> None:
    job = load_site(write_site(tmp_path)).application("ehr").backup_job
    assert (job.sub_path, job.manifest_of) == ("", "")


@pytest.mark.parametrize(
    ("said", "key", "why"),
    [
        ("sub_path: srv/ehr", "sub_path", "is not absolute"),
        ("sub_path: /srv/ehr/", "sub_path", "write /srv/ehr"),
        ("sub_path: /srv/../etc", "sub_path", "`..`"),
        ("sub_path: /", "sub_path", "leave it out"),
        ('sub_path: "/srv/\\u202eehr"', "sub_path", "does not show itself"),
        ("sub_path: [/srv/ehr]", "sub_path", "must be"),
        ("sub_paht: /srv/ehr", "sub_paht", "sub_path"),
        ("manifest_of: Server 7", "manifest_of", "must be"),
        ("manifest_of: ../server", "manifest_of", "must be"),
    ],
)
def test_anything_else_is_told_where_it_stands(tmp_path: Path, said: str, key: str, why: str) -> None:
    problems = [str(problem) for problem in check_site(write_site(tmp_path, {APP: with_backup(said)}))]
    (told,) = [line for line in problems if f"backup.{key}" in line]
    assert told.startswith(f"{APP}:")
    assert why in told
