"""How dated folders that nobody has described are named: the pattern that fits them, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.config.repository_kinds import entry_file
from drp.repositories.copies.guess import guessed


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("names", "pattern", "at"),
    [
        (("2026-11-28T020000Z", "2026-11-27T020000Z"), "%Y-%m-%dT%H%M%SZ", None),
        (("2026-11-28", "2026-11-27"), "%Y-%m-%d", "00:00"),
        (("20261128_0200",), "%Y%m%d_%H%M", None),
        (("backup-2026.11.28-02:00:00+0100",), "backup-%Y.%m.%d-%H:%M:%S%z", None),
        (("100%-2026-11-28",), "100%%-%Y-%m-%d", "00:00"),
        (("ehr/2026-11-28_0200", "lis/2026-11-28_0200"), "{tag}/%Y-%m-%d_%H%M", None),
    ],
)
def test_the_names_tell_the_pattern(names: tuple[str, ...], pattern: str, at: str | None, tmp_path: Path) -> None:
    found = guessed(make(tmp_path, *names, "lost+found"))
    assert (found["folders"], found.get("at")) == ([pattern], at)
    entry_file("copies", ["directory"]).model_validate(
        {"kind": "copies", "location": {"directory": str(tmp_path)}, **found}
    )


@pytest.mark.parametrize(
    "names", [(), ("daily.0", "daily.1"), ("latest",), ("{x}-2026-11-28",), ("2026-19-39x0", "v1.2.3")]
)
def test_what_has_no_date_is_none(names: tuple[str, ...], tmp_path: Path) -> None:
    found = guessed(make(tmp_path, *names))
    assert found.get("folders", []) in ([], ["%Y-%m-%dx0"])


def test_marks_of_completion_count_where_most_folders_have_one(tmp_path: Path) -> None:
    make(tmp_path, *(f"2026-11-2{day}" for day in range(4)))
    (tmp_path / "2026-11-20.done").touch()
    assert "complete" not in guessed(tmp_path)
    for day in range(3):
        (tmp_path / f"2026-11-2{day}.done").touch()
    assert guessed(tmp_path)["complete"] == "{folder}.done"
