"""Copies of the test hospital take the place of what an earlier one left: nothing of that is inside, or beside."""

from __future__ import annotations

from pathlib import Path

from tests.hospital.processes import copy


def test_a_tree_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    source, target = tmp_path / "2a", tmp_path / "vault" / "2a"
    for folder, name in ((source, "new"), (target, "old")):
        (folder / "7a").mkdir(parents=True)
        (folder / "7a" / name).write_text(name)
    copy(source, target)
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == ["7a", "7a/new"]


def test_a_file_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("new")
    (tmp_path / "kept").write_text("old")
    copy(tmp_path / "index", tmp_path / "kept")
    assert (tmp_path / "kept").read_text() == "new"
