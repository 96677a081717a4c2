"""Fixtures around the hospital: one for the whole run, healthy at all times; tests damage copies and backups of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hospital.hospital import Hospital


@pytest.fixture(scope="session")
def hospital_folder() -> Iterator[Path]:
    """A folder in memory if there is room, or below /var/tmp.

    pytest's own are closed to other users, and the databases do not run as root.
    """
    room = shutil.disk_usage("/dev/shm").free
    folder = Path(tempfile.mkdtemp(prefix="drp-hospital-", dir="/dev/shm" if room > 4 << 30 else "/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def hospital(hospital_folder: Path) -> Iterator[Hospital]:
    """Four patients; a WAL segment is archived only when it is full or closed by hand."""
    with Hospital(hospital_folder / "production", archive_timeout=0) as built:
        built.seed(4)
        yield built
