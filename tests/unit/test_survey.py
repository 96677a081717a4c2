"""What a repository that nobody has described is taken for: applications, their names, and a site that is valid."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drp.config.draft import Found, files, quoted
from drp.config.site import check_site, load_site
from drp.config.values import NAME_PATTERN
from drp.domain.recovery_point import Immutability, RecoveryPoint
from drp.domain.survey import MOST, proposals, safe_name, split

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NUMBERS = count(1)
ENTRY = {"kind": "restic", "location": {"directory": "/srv/backup"}, "password": {"file": "/etc/restic"}}


def point(*paths: str, host: str = "db1", tags: tuple[str, ...] = (), days: float = 0, **more: Any) -> RecoveryPoint:
    return RecoveryPoint(
        id=f"{next(NUMBERS):064x}",
        repository="backups",
        application="backups",
        consistent_at=NOW - days * DAY,
        size_bytes=1 << 20,
        host=host,
        paths=paths,
        tags=tags,
        **more,
    )


def told(points: list[RecoveryPoint]) -> dict[str, tuple[tuple[str, ...], str | None, str | None, int]]:
    """Return the applications by name: what chooses their points, and how many there are."""
    found = proposals(points)
    for each in found.applications:
        admitted = [one for one in points if each.points.admits(one)]
        assert max(admitted, key=lambda one: (one.consistent_at, one.id)) == each.newest, (
            "what is written chooses other points"
        )
    return {
        each.name: (each.points.tags, each.points.host, each.points.path, each.count) for each in found.applications
    }


def written(site: Path, found: Found) -> Path:
    for name, content in {**files(found), "drp.yml": b"version: 1\nname: drafted\n"}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(content)
    return site


def test_a_host_and_its_paths_are_an_application():
    found = told([point("/srv/ehr"), point("/srv/ehr", days=1), point("/srv/lis", host="db2"), point("/var/lib/pacs")])
    assert found == {
        "ehr": ((), "db1", "/srv/ehr", 2),
        "lis": ((), "db2", "/srv/lis", 1),
        "pacs": ((), "db1", "/var/lib/pacs", 1),
    }


def test_tags_of_applications_count_whatever_their_paths():
    found = told([point("/srv/ehr", tags=("app=ehr",)), point("/mnt/snapshot", tags=("app=ehr", "daily"), days=1)])
    assert found == {"ehr": (("app=ehr",), None, None, 2)}


def test_tags_divide_what_came_by_the_same_pipe_and_times_of_jobs_do_not():
    dumps = [point("/stdin", tags=(name, "daily", "drp-manifest=" + "0" * 64)) for name in ("ehr", "lis")]
    assert told(dumps) == {"ehr": (("ehr",), "db1", "/stdin", 1), "lis": (("lis",), "db1", "/stdin", 1)}
    assert told([point("/srv/ehr", tags=(when,)) for when in ("daily", "weekly", "2026-11", "backup")]) == {
        "ehr": ((), "db1", "/srv/ehr", 4)
    }
    mixed = [point("/srv/ehr", tags=("gold",)), point("/srv/ehr", days=1), point("/srv/ehr", tags=("a", "b"), days=2)]
    assert told(mixed) == {"ehr": ((), "db1", "/srv/ehr", 3)}


def test_a_job_to_which_a_path_was_added_is_still_one():
    found = told([point("/etc", "/srv/ehr"), point("/etc", "/srv/ehr", days=1), point("/srv/ehr", days=2)])
    assert found == {"ehr": ((), "db1", "/srv/ehr", 3)}


def test_jobs_that_share_a_path_are_told_apart_by_the_other():
    found = told([point("/etc", "/srv/ehr"), point("/etc", "/srv/lis", days=0.5), point("/etc", "/srv/ehr", days=1)])
    assert {name: path for name, (_, _, path, _) in found.items()} == {"ehr": "/srv/ehr", "lis": "/srv/lis"}


def test_points_that_nothing_tells_from_others_are_named_and_not_described():
    between = [point("/etc", "/srv/ehr"), point("/etc", days=0.5), point("/etc", "/srv/ehr", days=1)]
    found = proposals(between)
    assert [each.name for each in found.applications] == ["ehr"]
    (left,) = found.left_out
    assert "/etc" in left
    assert "cannot be told" in left


def test_names_are_valid_and_never_alike():
    points = [point("/srv/data", host=f"db{number}.chu.example") for number in range(3)]
    points += [point(f"/srv/{name}", host="a", days=1) for name in ("Dossier Médical", "dossier-medical", "日本", "..")]
    points += [point("/x" * 90 + "/" + "y" * 90, host="b"), point("/srv/ehr", host="c"), point("/srv/ehr", host="d")]
    names = list(told(points))
    assert len(set(names)) == len(names) == 10
    assert all(re.fullmatch(NAME_PATTERN, name) for name in names)
    assert {"dossier-medical", "c-ehr", "d-ehr"} <= {re.sub(r"^a-", "", name) for name in names}
    assert safe_name("-_-") == ""


def test_what_no_file_can_say_is_named_and_not_described():
    found = proposals([point("/srv/\ud800"), point("/srv/" + "z" * 500), point("/srv/ehr")])
    assert [each.name for each in found.applications] == ["ehr"]
    assert len(found.left_out) == 2
    assert all(each.isprintable() for each in found.left_out)


def test_of_too_many_the_newest_are_described():
    found = proposals([point(f"/srv/a{number}", days=number) for number in range(MOST + 7)])
    assert len(found.applications) == MOST
    assert found.applications[0].name == "a0"
    assert len(found.left_out) == 7


HOSTILE = st.text(st.characters(exclude_characters="\0"), max_size=30)
POINTS = st.lists(
    st.builds(
        lambda paths, host, tags, hours: point(*paths, host=host, tags=tuple(tags), days=hours / 24),
        st.lists(st.one_of(st.sampled_from(["/srv/ehr", "/srv/lis", "/etc"]), HOSTILE), max_size=3),
        st.one_of(st.sampled_from(["db1", "db2"]), HOSTILE),
        st.lists(st.one_of(st.sampled_from(["app=ehr", "app=lis", "daily", "gold"]), HOSTILE), max_size=3),
        st.integers(0, 1000),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(points=POINTS, remark=HOSTILE, data=st.data())
def test_whatever_is_in_a_repository_the_site_is_valid_and_says_the_same(tmp_path_factory, points, remark, data):
    folders = data.draw(st.lists(st.one_of(st.sampled_from(["/srv/a", "/srv/b"]), HOSTILE), max_size=4))
    whole = proposals(points)
    whole = replace(whole, applications=tuple(replace(each, folders=tuple(folders)) for each in whole.applications))
    proposed = split(whole) if data.draw(st.booleans()) else whole
    if not proposed.applications:
        assert proposed.left_out
        return
    lock = Immutability(mode="none", provenance="observed")
    found = Found(
        entry=ENTRY, tool="restic", proposals=proposed, lock=lock, unreadable=(remark,), passed_over=(remark,)
    )
    site = written(tmp_path_factory.mktemp("drafted"), found)
    assert check_site(site) == ()
    read = load_site(site)
    for each in proposed.applications:
        assert read.applications[each.name].points == each.points
        assert read.applications[each.name].backup_job.sub_path == each.sub_path
    assert set(read.applications) == {each.name for each in proposed.applications}


@pytest.mark.parametrize(
    "text", ['a"b\\c', "line\nname: evil", "\u202ename", "\U000e0041", "é 日本 😀", "# no", "{x: y}"]
)
def test_a_text_is_quoted_so_that_it_is_read_as_it_was(text: str, tmp_path: Path):
    hostile = point(f"/srv/{text}", host=text, tags=(text,))
    found = Found(entry=ENTRY, tool=text, proposals=proposals([hostile]), lock=None)
    (read,) = load_site(written(tmp_path, found)).applications.values()
    assert (read.points.host, read.points.path) == (text, f"/srv/{text}")
    assert all(line.isprintable() for content in files(found).values() for line in content.decode().splitlines())
    assert quoted(text).startswith('"')


def test_folders_are_proposed_as_sub_paths_and_only_as_comments(tmp_path: Path):
    found = Found(entry=ENTRY, tool="restic", proposals=proposals([point("/srv/ehr", "/srv/lis")]), lock=None)
    text = files(found)["inventory/applications/db1.yml"].decode()
    assert '  # sub_path: "/srv/ehr"\n  # sub_path: "/srv/lis"\n' in text
    assert check_site(written(tmp_path, found)) == ()


def test_what_manifests_prove_is_said_where_it_is_chosen():
    bare = Found(entry=ENTRY, tool="restic", proposals=proposals([point("/srv/ehr")]), lock=None)
    assert "# require_manifest: false\n" in files(bare)["inventory/drills/everything.yml"].decode()
    bound = Found(entry=ENTRY, tool="restic", proposals=proposals([point("/srv/ehr", manifest_id="0" * 64)]), lock=None)
    assert "require_manifest" not in files(bound)["inventory/drills/everything.yml"].decode()


@pytest.mark.parametrize(
    ("holds", "data_bytes", "backing"),
    [
        (1 << 20, "8GiB", "memory"),
        (20 << 30, "25GiB", "memory"),
        (100 << 30, "125GiB", "disk"),
        (None, "8GiB", "memory"),
    ],
)
def test_sandboxes_have_room_for_the_largest_point(holds: int | None, data_bytes: str, backing: str, tmp_path: Path):
    one = replace(point("/srv/pacs"), size_bytes=holds)
    found = Found(entry=ENTRY, tool="restic", proposals=proposals([one]), lock=None, memory_bytes=64 << 30)
    text = files(found)["inventory/sandboxes.yml"].decode()
    assert f"data_bytes: {data_bytes} " in text
    assert f"data_backing: {backing} " in text
    assert ("TO FILL IN" in text) is (holds is None)
    assert check_site(written(tmp_path, found)) == ()


def test_folders_become_applications_where_somebody_says_so(tmp_path: Path):
    whole = proposals([point("/srv"), point("/var/lib/pacs", host="db2")])
    folders = {"db1": ("/srv/ehr", "/srv/lis", "/srv/x\u202e"), "pacs": ("/var/lib/pacs/images",)}
    whole = replace(whole, applications=tuple(replace(each, folders=folders[each.name]) for each in whole.applications))
    found = split(whole)
    assert {each.name: each.sub_path for each in found.applications} == {
        "ehr": "/srv/ehr",
        "lis": "/srv/lis",
        "pacs": "",  # one folder divides nothing
    }
    assert {each.manifest_of for each in found.applications} == {"db1", ""}
    (left,) = found.left_out
    assert left.startswith("/srv/x\\u202e: ")
    read = load_site(written(tmp_path, Found(entry=ENTRY, tool="restic", proposals=found, lock=None)))
    assert read.applications["lis"].backup_job.manifest_of == "db1"
