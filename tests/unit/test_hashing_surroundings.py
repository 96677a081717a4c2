"""What lies around a restored tree is judged too: no link leads out of it, and nothing beside it goes unseen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drp.errors import ManifestError
from drp.hashing.tree import TreeHasher, create_manifest


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A tree in production, its manifest, and the same tree restored below ``restore``."""
    for place in (tmp_path / "srv/ehr", tmp_path / "restore/srv/ehr"):
        place.mkdir(parents=True)
        (place / "a").write_text("a")
        os.utime(place / "a", (1, 1))
    create_manifest(tmp_path / "srv/ehr", tmp_path / "m.drpm", application="ehr")
    return tmp_path


def compare(made: Path, root: str = "srv/ehr"):
    within = made / "restore"
    return TreeHasher(workers=1).compare(within / root, made / "m.drpm", uid_offset=None, within=within)


def test_a_tree_with_nothing_around_it_is_clean(made: Path):
    difference = compare(made)
    assert difference.clean
    assert difference.files_hashed == 1


@pytest.mark.parametrize("beside", ["etc", "srv/other", "srv/ehr2"])
def test_what_was_restored_beside_the_tree_is_unexpected(made: Path, beside: str):
    (made / "restore" / beside).mkdir(parents=True)
    difference = compare(made)
    assert difference.counts == {"unexpected": 1}
    assert difference.deviations[0].path == f"/{beside}"
    assert difference.files_hashed == 1


@pytest.mark.parametrize("link", ["srv", "srv/ehr"])
def test_a_link_on_the_way_leads_nowhere(made: Path, link: str):
    place = made / "restore" / link
    place.rename(made / "moved")
    place.symlink_to(made / link)  # production's own tree, which would compare as identical
    difference = compare(made)
    assert difference.counts == {"kind": 1}
    assert difference.files_hashed == 0
    assert difference.deviations[0].observed == "symlink"


def test_an_empty_restore_is_missing_and_not_a_mere_error(made: Path):
    (made / "restore/srv").rename(made / "moved")
    difference = compare(made)
    assert difference.counts == {"missing": 1}
    assert difference.files_hashed == 0


@pytest.mark.parametrize("root", ["../srv/ehr", "srv/../../srv/ehr"])
def test_a_root_that_leads_out_is_never_compared(made: Path, root: str):
    assert not compare(made, root).clean


def test_without_the_folder_nothing_is_compared(made: Path):
    (made / "restore").rename(made / "moved")
    with pytest.raises(ManifestError, match="cannot look at what was restored"):
        compare(made)
