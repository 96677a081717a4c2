"""File systems of their own for tests that need one: attributes, reflinks, snapshots."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Mounted = Callable[[str], Path]
"""Makes and mounts a file system of a kind, 400 MB that take no room until they are written."""


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mounted]:
    """Return a maker of file systems on loop devices."""
    made: list[tuple[str, Path]] = []

    def mount(form: str) -> Path:
        image, place = tmp_path / f"{form}.image", tmp_path / form
        with image.open("wb") as stream:
            stream.truncate(400 << 20)
        options = ["-q", "-F"] if form == "ext4" else ["-q"]
        subprocess.run([f"mkfs.{form}", *options, str(image)], check=True)
        place.mkdir()
        told = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=True)
        made.append((told.stdout.strip(), place))
        subprocess.run(["mount", told.stdout.strip(), str(place)], check=True)
        return place

    yield mount
    for loop, place in made:
        subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)
        subprocess.run(["losetup", "-d", loop], check=False, capture_output=True)
