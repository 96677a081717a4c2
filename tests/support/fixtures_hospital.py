"""Fixtures around the hospital: a work folder that the databases' own accounts can enter."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def traversable_work() -> Iterator[Path]:
    """A folder below /var/tmp; pytest's own are closed to other users, and the databases do not run as root."""
    folder = Path(tempfile.mkdtemp(prefix="drp-hospital-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
