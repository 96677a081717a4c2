"""How dated folders are named: every instant in one way, and no name that tells half of one."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from drp.config.site import check_site, load_site
from drp.repositories.copies.pattern import FolderPattern, Zone, instant_of
from drp.repositories.copies.settings import CopiesSettings, beside_file
from tests.support.sites import write_site

PARIS = Zone(name="Europe/Paris")


def read(pattern: str, name: str, zone: Zone = PARIS) -> datetime | None:
    found: dict[str, str] = {}
    levels, parts = FolderPattern(pattern).levels, name.split("/")
    for level, part in zip(levels, parts, strict=True):
        if (match := level.fullmatch(part)) is None:
            return None
        found |= match.groupdict()
    return instant_of(found, zone)


@pytest.mark.parametrize(
    ("pattern", "name", "instant"),
    [
        ("%Y-%m-%dT%H%M%SZ", "2026-11-28T020000Z", "2026-11-28T01:00:00"),  # the letter is text
        ("%Y-%m-%dT%H%M%S%z", "2026-11-28T020000Z", "2026-11-28T02:00:00"),
        ("%Y-%m-%dT%H%M%S%z", "2026-11-28T020000+0530", "2026-11-27T20:30:00"),
        ("%Y-%m-%dT%H%M%S%z", "2026-11-28T020000-03:00", "2026-11-28T05:00:00"),
        ("backup_%Y%m%d-%H%M", "backup_20260701-0215", "2026-07-01T00:15:00"),
        ("%Y/%m/%d/%H%M", "2026/07/01/0215", "2026-07-01T00:15:00"),
        ("%Y.%j-%H%M%S", "2026.366-000000", None),
        ("%Y.%j-%H%M%S", "2024.366-120000", "2024-12-31T11:00:00"),
        ("ehr-%s", "ehr-1790000000", "2026-09-21T14:13:20"),
        ("%Y-%m-%dT%H%M%S.%f", "2026-11-28T020000.000123", "2026-11-28T01:00:00.000123"),
        ("100%%-%Y%m%d%H%M", "100%-202611280200", "2026-11-28T01:00:00"),
        ("%Y-%m-%d_%H%M", "2026-10-25_0230", "2026-10-25T00:30:00"),  # the hour that happens twice: the first
        ("%Y-%m-%d_%H%M", "2026-03-29_0230", None),  # the hour that does not happen
        ("%Y-%m-%d_%H%M", "2026-02-30_0230", None),
        ("%Y-%m-%d_%H%M", "2026-13-01_0230", None),
        ("%Y-%m-%d_%H%M", "2026-12-01_2400", None),
        ("%Y-%m-%dT%H%M%S%z", "2026-11-28T020000+2000", None),
    ],
)
def test_a_name_states_one_instant_or_none(pattern: str, name: str, instant: str | None) -> None:
    if instant is None:
        with pytest.raises(ValueError, match=r"\w"):
            read(pattern, name)
    else:
        assert read(pattern, name) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        "2026-1-5_0230",
        "26-01-05_0230",
        "2026-01-05_230",
        "2026-01-05_0230 ",
        "2026-01-05_0230.partial",
        "٢٠٢٦-01-05_0230",
    ],
)
def test_a_name_in_another_way_is_none(name: str) -> None:
    assert read("%Y-%m-%d_%H%M", name) is None


def test_a_day_begins_when_the_job_does() -> None:
    assert read("%Y-%m-%d", "2026-11-28", Zone(at=time(2, 30))) == datetime(2026, 11, 28, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "pattern",
    ["", "/", "/%Y", "%Y-%m", "%Y//%m", "../%Y-%m-%d", "%Y-%m-%d/%Y", "%Y-%m-%d-%H", "%Y-%m-%d %M", "%y-%m-%d", "%b", "%", "{app}",
     "{", "{host}/{host}", "a\nb", "%Y-%m-%d/a/b/c/d/e/f/g/h", "%-d", "./%Y-%m-%d", "%Y-%m-%d/"],
)  # fmt: skip
def test_patterns_that_tell_half_of_it_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        FolderPattern(pattern)


@pytest.mark.parametrize(
    "said", ["", "/etc/x", "../x", "a/../b", "a//b", "{folder}", "{folder}/x", "x/{folder}", "{name}", "a\n", "."]
)
def test_marks_lie_in_a_folder_or_beside_it(said: str) -> None:
    with pytest.raises(ValueError, match=r"names no file|leads elsewhere"):
        beside_file(said)
    assert (beside_file("{folder}.ok").beside, beside_file("state/ok").path) == (True, "state/ok")


SITE = """version: 1
repositories:
  shelf:
    kind: copies
    location: {directory: kept}
"""
FOLDERS = '    folders: ["daily.{number}/{host}", "%Y-%m-%d"]\n'


@pytest.mark.parametrize(
    ("lines", "where", "words"),
    [
        ([], "repositories.shelf", "states no instant"),
        (["instant: /etc/passwd"], "repositories.shelf.instant", "leads elsewhere"),
        (["complete: ../done"], "repositories.shelf.complete", "leads elsewhere"),
        (["instant: stamp", "timezone: Mars/Olympus"], "repositories.shelf.timezone", "is no time zone"),
        (['folders: ["%Y%m%dT%H%MZ"]', "timezone: Europe/Paris"], "repositories.shelf", "says UTC"),
        (['folders: ["%Y%m%d"]'], "repositories.shelf", "tells a day only"),
        (['folders: ["%Y%m"]'], "repositories.shelf.folders", "tells no whole day"),
        (["instant: stamp", "at: 2h"], "repositories.shelf.at", "is no time of the day"),
        (["instant: stamp", "root: srv/ehr"], "repositories.shelf.root", "is no absolute path"),
        (["instant: stamp", "password: {file: x}"], "repositories.shelf.password", "unknown key"),
    ],
)
def test_the_configuration_refuses_what_nobody_could_read(
    tmp_path: Path, lines: list[str], where: str, words: str
) -> None:
    own = "" if any(line.startswith("folders") for line in lines) else FOLDERS
    text = SITE + own + "".join(f"    {line}\n" for line in lines)
    found = check_site(write_site(tmp_path, {"inventory/repositories.yml": text}))
    said = [
        str(problem) for problem in found if problem.file == "inventory/repositories.yml" and problem.where == where
    ]
    assert said, list(map(str, found))
    assert words in said[0]


def test_copies_do_not_lie_in_a_bucket(tmp_path: Path) -> None:
    bucket = "{s3: {endpoint: 'https://s3.example', bucket: b, access_key: {file: a}, secret_key: {file: b}}}"
    text = (SITE + FOLDERS + "    instant: stamp\n").replace("{directory: kept}", bucket)
    found = check_site(write_site(tmp_path, {"inventory/repositories.yml": text}))
    assert any("`s3` is no folder, and dated folders lie in one" in str(problem) for problem in found)


def test_a_directory_of_dated_folders_is_understood(tmp_path: Path) -> None:
    text = (
        SITE + FOLDERS + "    instant: stamp\n    complete: '{folder}.done'\n    root: /srv/ehr/\n    at: \"02:30\"\n"
    )
    text += "  vault: {kind: restic, location: {directory: v}, password: {credential: v}}\n"
    settings = load_site(write_site(tmp_path, {"inventory/repositories.yml": text})).repository("shelf")
    assert isinstance(settings, CopiesSettings)
    assert (settings.kind, settings.root, settings.zone.at) == ("copies", "/srv/ehr", time(2, 30))
    assert settings.complete == beside_file("{folder}.done")
