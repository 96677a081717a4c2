"""Where volumes on disk lie: the doctor names each folder, what else is written there, and who else may write to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drp.cli import doctor_sandboxes
from drp.domain.volume import DataVolume, image_bytes
from drp.errors import SandboxError
from drp.sandboxes.bubblewrap import doctor
from drp.sandboxes.host import image, mounts
from drp.sandboxes.host.volume import spare
from tests.support.fixtures_sandboxes import profile

pytestmark = pytest.mark.real


def rows(tmp_path: Path, **changes: Any) -> list[tuple[bool, str]]:
    """Return what the doctor says of places of volumes, on a site with one profile."""
    state, evidence = tmp_path / "state", tmp_path / "evidence"
    site: Any = SimpleNamespace(
        drills=(),
        sandboxes={"default": profile(**changes)},
        state_directory=state,
        evidence_directories=(evidence,),
    )
    found = doctor_sandboxes.sandbox_needs(site, state / "run")
    return [(each.met, each.detail) for each in found if each.name == "place of volumes"]


def test_where_all_is_in_memory_no_place_is_named(tmp_path: Path) -> None:
    assert rows(tmp_path) == []


def test_volumes_beside_the_journal_are_told(tmp_path: Path) -> None:
    ((met, said),) = rows(tmp_path, data_backing="disk")
    assert met
    assert said.startswith(f"{tmp_path}/state/run, ")
    assert "on the same file system: journal, evidence" in said
    assert "volumes.directories" in said


def test_volumes_on_a_file_system_of_their_own_are_not(tmp_path: Path) -> None:
    place = tmp_path / "apart"
    place.mkdir()
    mounts.mount_tmpfs(place, size_bytes=64 << 20, uid=0)
    try:
        parts = (DataVolume(at="/srv", directory=str(tmp_path / "part"), size_bytes=1),)
        first, second = rows(tmp_path, data_backing="disk", volumes=(str(place),), data_volumes=parts)
        assert first == (True, f"{place}, 67,108,864 bytes free")
        assert second[1].startswith(f"{tmp_path}/part, ")
    finally:
        mounts.unmount(place)


def test_a_place_that_others_may_write_to_is_none(tmp_path: Path) -> None:
    place = tmp_path / "open"
    place.mkdir()
    place.chmod(0o777)
    ((met, said),) = rows(tmp_path, data_backing="disk", volumes=(str(place),))
    assert not met
    assert str(place) in said


def test_a_profile_fits_with_exactly_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, asked = tmp_path / "run", profile(data_backing="disk")
    enough = image_bytes(asked.data_bytes) + spare(run, run)
    assert spare(run, run) > 0, "the journal goes on"
    monkeypatch.setattr(doctor, "room", lambda _folder: enough)
    assert str(run) in doctor.room_for(asked, run)
    monkeypatch.setattr(doctor, "room", lambda _folder: enough - 1)
    with pytest.raises(SandboxError, match="`data_bytes` says 32 MiB, which take 36 MiB on disk"):
        doctor.room_for(asked, run)
    elsewhere = {run: 0, tmp_path / "more": enough}
    monkeypatch.setattr(doctor, "room", elsewhere.__getitem__)
    both = replace(asked, volumes=tuple(map(str, elsewhere)))
    assert str(tmp_path / "more") in doctor.room_for(both, run)


def test_a_folder_that_is_not_made_yet_is_where_its_parent_is(tmp_path: Path) -> None:
    assert image.device(tmp_path / "a" / "b") == tmp_path.stat().st_dev
    assert image.room(tmp_path / "a" / "b") > 0
