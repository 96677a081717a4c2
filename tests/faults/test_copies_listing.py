"""Dated folders as they really lie there: unfinished, renamed, linked, hostile. What is no point is named, with why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drp.domain.recovery_point import PointListing
from drp.errors import AccessDenied, PointGone, RepositoryError
from drp.repositories.copies import folders
from drp.repositories.copies.repository import CopiesRepository
from tests.support.copies import copies
from tests.support.fixtures_repositories import application

pytestmark = pytest.mark.real
ANY = application()
DAILY = "%Y-%m-%dT%H%M%SZ"
FIRST, SECOND, THIRD = "2026-11-26T020000Z", "2026-11-27T020000Z", "2026-11-28T020000Z"


def filled(folder: Path, **files: str) -> Path:
    """Make a dated folder with a file in it, and others by name; two underscores stand for a slash."""
    folder.mkdir(parents=True)
    (folder / "data").write_text("patients")
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def names(listing: PointListing) -> list[str]:
    return [tag.removeprefix("folder=") for point in listing.points for tag in point.tags if tag.startswith("folder=")]


def reasons(listing: PointListing) -> dict[str, str]:
    return {each.name: each.reason for each in listing.passed_over}


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        (f"{THIRD}.partial", filled, "unfinished or a former copy"),
        (f".{THIRD}", filled, "unfinished or a former copy"),
        (f"{THIRD}_tmp", filled, "unfinished or a former copy"),
        (f"{THIRD}.old", filled, "unfinished or a former copy"),
        (f"{THIRD}-in_progress", filled, "unfinished or a former copy"),
        ("2026-11-28 02:00", filled, "named like a dated folder"),
        ("20261128T020000Z", filled, "named like a dated folder"),
        (THIRD, lambda path: path.mkdir(), "is empty"),
        (THIRD, lambda path: path.symlink_to(SECOND), "is a symbolic link"),
        (THIRD, lambda path: path.symlink_to("/etc"), "is a symbolic link"),
        (THIRD, lambda path: path.write_text("x"), "is no folder"),
        (THIRD, os.mkfifo, "is no folder"),
    ],
)
def test_what_is_no_point_is_named_and_the_older_one_taken(
    tmp_path: Path, name: str, make: Callable[[Path], object], why: str
) -> None:
    filled(tmp_path / SECOND)
    make(tmp_path / name)
    listing = copies(tmp_path, DAILY).points(ANY)
    assert names(listing) == [SECOND]
    assert why in reasons(listing)[name]
    assert listing.unreadable == ()


@pytest.mark.parametrize("name", ["latest", "lost+found", "README", ".sync", "logs", "..."])
def test_whatever_else_lies_there_is_let_be(tmp_path: Path, name: str) -> None:
    filled(tmp_path / SECOND)
    if name == "latest":
        (tmp_path / name).symlink_to(SECOND)
    else:
        filled(tmp_path / name)
    listing = copies(tmp_path, DAILY).points(ANY)
    assert (names(listing), listing.passed_over, listing.unreadable) == ([SECOND], (), ())


def test_a_folder_without_its_mark_of_completion_is_passed_over(tmp_path: Path) -> None:
    filled(tmp_path / FIRST, complete="")
    filled(tmp_path / SECOND)
    filled(tmp_path / THIRD)
    (tmp_path / THIRD / "complete").symlink_to("/etc/passwd")
    listing = copies(tmp_path, DAILY, complete="complete").points(ANY)
    assert names(listing) == [FIRST]
    assert "complete is not there" in reasons(listing)[SECOND]
    assert "complete is no regular file" in listing.unreadable[0]
    beside = copies(tmp_path, DAILY, complete="{folder}.done")
    (tmp_path / f"{SECOND}.done").touch()
    assert names(beside.points(ANY)) == [SECOND]


def test_a_mark_that_was_hard_linked_from_an_older_folder_says_nothing(tmp_path: Path) -> None:
    filled(tmp_path / FIRST, complete="")
    shutil.copytree(tmp_path / FIRST, tmp_path / SECOND, copy_function=os.link)  # cp -al, and the job died then
    filled(tmp_path / THIRD, complete="")
    listing = copies(tmp_path, DAILY, complete="complete").points(ANY)
    assert names(listing) == [THIRD, FIRST]
    assert "hard link of the one in" in reasons(listing)[SECOND]


def test_a_rotation_that_was_cut_short_leaves_the_older_folder_usable(tmp_path: Path) -> None:
    stamp = "2026-11-27T02:00:00Z"
    filled(tmp_path / "daily.1", stamp=stamp)
    shutil.copytree(tmp_path / "daily.1", tmp_path / "daily.0", copy_function=os.link)  # no rsync came after it
    filled(tmp_path / "daily.2", stamp="2026-11-26T03:00:00+01:00")
    listing = copies(tmp_path, "daily.{number}", instant="stamp").points(ANY)
    assert names(listing) == ["daily.1", "daily.2"]
    assert "states the same instant as daily.1" in reasons(listing)["daily.0"]
    assert listing.points[0].consistent_at == datetime(2026, 11, 27, 2, tzinfo=UTC)


def test_two_folders_of_one_instant_are_no_points(tmp_path: Path) -> None:
    stamp = "2026-11-27T02:00:00Z"
    filled(tmp_path / "a-1" / "x", stamp=stamp)
    filled(tmp_path / "b-1" / "x", stamp=stamp)
    listing = copies(tmp_path, "a-1/x", "b-1/x", instant="stamp").points(ANY)
    assert listing.points == ()
    assert {"a-1/x", "b-1/x"} == set(reasons(listing))


def test_a_point_keeps_its_name_when_folders_are_rotated(tmp_path: Path) -> None:
    filled(tmp_path / "daily.0", stamp="2026-11-27T02:00:00Z")
    repository = copies(tmp_path, "daily.{number}", instant="stamp")
    (before,) = repository.points(ANY).points
    (tmp_path / "daily.0").rename(tmp_path / "daily.1")
    filled(tmp_path / "daily.0", stamp="2026-11-28T02:00:00Z")
    with pytest.raises(PointGone, match="another folder"):
        repository.immutability(before)
    assert repository.immutability(repository.points(ANY).points[-1]).mode == "none"
    assert repository.restore_order(before).read_only_binds == {str(tmp_path / "daily.1"): "/run/base/repository"}
    shutil.rmtree(tmp_path / "daily.1")
    with pytest.raises(PointGone):
        repository.restore_order(before)


@pytest.mark.parametrize(
    "said",
    ["", "yesterday", "2026-11-28T02:00:00", "2026-11-28", "2026-11-28T02:00:00Z " * 20, "\0", "2027-11-28T02:00:00Z"],
)
def test_an_instant_that_makes_no_sense_is_never_taken_for_another(tmp_path: Path, said: str) -> None:
    filled(tmp_path / FIRST, stamp="2026-11-26T01:59:00Z")
    filled(tmp_path / THIRD, stamp=said)
    listing = copies(tmp_path, DAILY, instant="stamp").points(ANY)
    assert names(listing) == [FIRST]
    assert len(listing.unreadable) == 1
    assert listing.unreadable[0].startswith(THIRD)
    assert listing.points[0].taken_at == datetime(2026, 11, 26, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "manifest", "trouble"),
    [
        (None, None, False),
        ("a" * 64, "a" * 64, False),
        (f"drp-manifest={'b' * 64}\n", "b" * 64, False),
        ("", None, True),
        ("A" * 64, None, True),
        ("a" * 63, None, True),
        ("a" * 64 + "\n" + "b" * 64, None, True),
        ("\x1b[31m", None, True),
    ],
)
def test_a_manifest_is_named_by_one_digest_or_in_a_way_that_is_told(
    tmp_path: Path, said: str | None, manifest: str | None, trouble: bool
) -> None:
    filled(tmp_path / THIRD)
    if said is not None:
        (tmp_path / f"{THIRD}.drpm-id").write_text(said)
    (point,) = copies(tmp_path, DAILY).points(ANY).points
    assert (point.manifest_id, bool(point.manifest_trouble)) == (manifest, trouble)
    assert point.manifest_trouble.isprintable()


def test_a_manifest_behind_a_link_or_a_pipe_is_told_at_once(tmp_path: Path) -> None:
    for name, make in ((FIRST, os.mkfifo), (SECOND, os.mkdir), (THIRD, lambda path: path.symlink_to("/etc/passwd"))):
        filled(tmp_path / name)
        make(tmp_path / f"{name}.drpm-id")
    assert all(point.manifest_trouble for point in copies(tmp_path, DAILY).points(ANY).points)


def test_hosts_tags_and_paths_choose_among_folders(tmp_path: Path) -> None:
    for day in (SECOND, THIRD):
        filled(tmp_path / "night" / day / "ehr-db" / "srv" / "ehr")
        filled(tmp_path / "night" / day / "lis-db" / "srv" / "lis")
    (tmp_path / "night" / THIRD / "lis-db" / "srv" / "ehr").symlink_to("/etc")
    repository = copies(tmp_path, f"{{tag}}/{DAILY}/{{host}}")
    ehr = repository.points(application(host="ehr-db", path="/srv/ehr")).points
    assert [(point.host, point.paths) for point in ehr] == [("ehr-db", ("/srv/ehr",))] * 2
    assert len(repository.points(application(path="/srv/ehr")).points) == 2  # no link leads to another host's
    assert repository.points(application(path="/srv/ehr/data")).points == ()  # a file is no tree
    assert len(repository.points(application(tags=("night",))).points) == 4
    assert repository.points(application(tags=("weekly",))).points == ()
    assert repository.points(application(path="/srv/../etc")).points == ()


def test_a_night_that_left_the_application_out_is_named(tmp_path: Path) -> None:
    for day in (FIRST, SECOND):
        filled(tmp_path / f"ehr-{day}" / "srv" / "ehr")
    filled(tmp_path / f"ehr-{THIRD}" / "etc")
    filled(tmp_path / f"lis-{THIRD}" / "srv" / "lis")
    repository = copies(tmp_path, f"ehr-{DAILY}", f"lis-{DAILY}")
    listing = repository.points(application(path="/srv/ehr"))
    assert names(listing) == [f"ehr-{SECOND}", f"ehr-{FIRST}"]
    assert reasons(listing) == {f"ehr-{THIRD}": "does not hold /srv/ehr"}, "and the other job's need not"
    assert repository.points(application(path="/srv/lis")).passed_over == ()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"tags": ("ehr",)}, r"its `folders` tell no \{tag\}, and \S+ asks for more"),
        ({"host": "ehr-db"}, r"its `folders` tell no \{host\}"),
        ({"path": "/var/lib"}, r"asks for /var/lib, and folders hold /srv"),
    ],
)
def test_what_no_folder_ever_could_be_is_no_loss_of_backups(tmp_path: Path, asked: dict[str, Any], words: str) -> None:
    filled(tmp_path / THIRD)
    repository = copies(tmp_path, DAILY, root="/srv")
    with pytest.raises(RepositoryError, match=words):
        repository.points(application(**asked))
    tagged = copies(tmp_path, f"{{tag}}/{DAILY}")
    with pytest.raises(RepositoryError, match=r"one \{tag\} at most"):
        tagged.points(application(tags=("ehr", "nightly")))


def test_what_is_wrong_with_another_application_is_no_matter_of_ours(tmp_path: Path) -> None:
    filled(tmp_path / "ehr" / THIRD, stamp="2026-11-28T02:00:00Z")
    filled(tmp_path / "lis" / THIRD, stamp="nonsense")
    filled(tmp_path / "lis" / f"{SECOND}.partial")
    repository = copies(tmp_path, f"{{tag}}/{DAILY}", instant="stamp")
    listing = repository.points(application(tags=("ehr",)))
    assert (len(listing.points), listing.unreadable, listing.passed_over) == (1, (), ())
    assert len(listing.foreign) == 1
    assert len(repository.points(application(tags=("lis",))).unreadable) == 1


def test_names_that_nobody_can_print_are_told_in_print(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"h\xff\x1b[2J")).mkdir()
    filled(tmp_path / os.fsdecode(b"h\xff\x1b[2J") / THIRD)
    listing = copies(tmp_path, f"{{host}}/{DAILY}").points(ANY)
    assert listing.points == ()
    assert all(line.isprintable() for line in listing.unreadable)
    assert len(listing.unreadable) == 1


def test_more_folders_than_anybody_keeps_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for second in range(30):
        filled(tmp_path / f"2026-11-28T0200{second:02}Z")
    repository = copies(tmp_path, DAILY)
    assert len(repository.points(ANY).points) == 30
    monkeypatch.setattr(folders, "MOST_FOLDERS", 29)
    with pytest.raises(RepositoryError, match="more than 29 dated folders"):
        repository.points(ANY)
    monkeypatch.setattr(folders, "MOST_ENTRIES", 20)
    with pytest.raises(RepositoryError, match="more than 20 names"):
        repository.preflight()


def test_a_folder_that_is_closed_to_this_user_is_no_damage(tmp_path: Path, unprivileged: Callable[..., str]) -> None:
    filled(tmp_path / THIRD).chmod(0)

    def refused() -> str:
        with pytest.raises(AccessDenied) as caught:
            copies(tmp_path, DAILY).points(ANY)
        return caught.value.message

    assert THIRD in unprivileged(refused)
    (tmp_path / THIRD).chmod(0o755)


def test_nothing_is_written_to_what_is_read(tmp_path: Path) -> None:
    filled(tmp_path / THIRD, stamp="2026-11-28T02:00:00Z")
    repository: CopiesRepository = copies(tmp_path, DAILY, instant="stamp")
    before = {path: path.lstat().st_ctime_ns for path in (tmp_path, *tmp_path.rglob("*"))}
    (point,) = repository.points(ANY).points
    repository.immutability(point)
    repository.restore_order(point)
    assert {path: path.lstat().st_ctime_ns for path in (tmp_path, *tmp_path.rglob("*"))} == before
