"""The small hospital that whole drills run on, made once a session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rig import Rig


@pytest.fixture(scope="session")
def stage() -> Iterator[Rig]:
    """The EHR, backed up once to both repositories. Tests that change anything of it put it back."""
    folder = Path(tempfile.mkdtemp(prefix="drp-rig-", dir="/var/tmp"))  # PostgreSQL's user must get in
    try:
        with Rig(folder) as made:
            made.ehr.write("the last thing written before the disaster")
            made.points = made.backup()
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
