"""Addresses, versions, snapshot lists and roots of restored trees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drp.domain.repository import DirectoryLocation
from drp.domain.restore import SecretReference
from drp.errors import AccessDenied, RepositoryError, Unreachable
from drp.repositories.kind import create
from drp.repositories.restic.errors import error_for, kind_of_failure
from drp.repositories.restic.features import features_of
from drp.repositories.restic.settings import ResticSettings
from drp.repositories.restic.source_root import TreeListing, declared_root, folders_to_list


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("restic 0.14.0 compiled with go1.19.8", (False, False, False, False)),
        ("restic 0.16.4 compiled with go1.21", (True, False, False, False)),
        ("restic 0.17.0 compiled with go1.22", (True, True, False, False)),
        ("restic 0.17.1 compiled with go1.22", (True, True, True, False)),
        ("restic 0.18.0 compiled with go1.24", (True, True, True, True)),
        ("restic 1.0", (True, True, True, True)),
    ],
)
def test_features_follow_the_version(text: str, facts: tuple[bool, ...]) -> None:
    found = features_of(text)
    assert (found.restore_json, found.tells_missing, found.tells_password, found.exit_json) == facts


@pytest.mark.parametrize("text", ["", "borg 1.2.4", "restic 0.12.1 compiled with go1.16", "restic unknown"])
def test_tools_that_are_too_old_or_another_are_refused(text: str) -> None:
    with pytest.raises(RepositoryError, match=r"restic|version"):
        features_of(text)


@pytest.mark.parametrize(
    ("line", "old", "new"),
    [
        ("Fatal: wrong password or no key found", "password", "unclear"),
        ("Fatal: unable to open config file: Stat: Access Denied.", "denied", "denied"),
        (
            "Fatal: unable to open config file: Head: dial tcp 127.0.0.1:1: connection refused",
            "unreachable",
            "unreachable",
        ),
        ("Fatal: unable to open config file: stat /x/config: no such file or directory", "missing", "missing"),
        ("Fatal: Unmarshal: invalid character 'x' after object key:value pair", "damaged", "damaged"),
        ("unable to create lock in backend: repository is already locked by PID 4", "locked", "locked"),
        ("panic: something", "unclear", "unclear"),
    ],
)
def test_words_mean_the_same_in_both_versions_unless_a_code_would_say_it(line: str, old: str, new: str) -> None:
    assert kind_of_failure(1, [line], features_of("restic 0.14.0"))[0] == old
    assert kind_of_failure(1, [line], features_of("restic 0.18.0"))[0] == new


def test_kinds_become_the_errors_that_the_port_names() -> None:
    assert isinstance(error_for("password", "main", "x"), AccessDenied)
    assert isinstance(error_for("denied", "main", "x"), AccessDenied)
    assert isinstance(error_for("unreachable", "main", "x"), Unreachable)
    for kind in ("missing", "locked", "damaged", "lost", "unclear", "owner"):
        assert type(error_for(kind, "main", "x")) is RepositoryError  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("paths", "there", "root"),
    [
        (("/srv/ehr/data",), ("/srv", "/srv/ehr", "/srv/ehr/data"), "/srv/ehr/data"),
        (("/home/job/ehr/data",), ("/ehr", "/ehr/data"), "/ehr/data"),
        (("/home/job/data",), ("/data",), "/data"),
        (("/home/job/data",), ("/first", "/second"), "/"),
        (("/srv/ehr", "/srv/lis"), ("/srv", "/srv/ehr", "/srv/lis"), "/srv"),
        (("/",), ("/srv",), "/"),
        ((), (), "/"),
    ],
)
def test_the_root_is_where_the_tree_has_it(paths: tuple[str, ...], there: tuple[str, ...], root: str) -> None:
    listing = TreeListing(paths)
    for place in there:
        listing.take(json.dumps({"path": place, "type": "dir"}))
    listing.take("not json")
    listing.take('["no", "node"]')
    assert listing.root() == root


def test_the_folders_that_are_listed_lead_to_every_tail() -> None:
    assert folders_to_list(("/a/b/c",)) == ("/", "/a", "/a/b", "/b")
    assert declared_root(("/srv/ehr", "/srv/lis")) == "/srv"
    assert declared_root(()) == "/"
    assert declared_root(("/srv/../../../etc", "relative")) == "/etc"


def test_a_tool_that_is_not_installed_is_told(tmp_path: Path) -> None:
    reference = SecretReference(kind="file", value=("/nowhere",))
    (tmp_path / "repository" / "keys").mkdir(parents=True)
    (tmp_path / "repository" / "config").touch()
    (tmp_path / "repository" / "keys" / ("0" * 64)).touch()
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=tmp_path / "repository"),
        password=reference,
        executable="no-such-restic",
    )
    with pytest.raises(RepositoryError, match="not installed"):
        create(settings, resolve=lambda _: "x", cache_directory=tmp_path).preflight()
