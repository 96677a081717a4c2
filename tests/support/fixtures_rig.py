"""The small hospital that whole drills run on, made once a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.rig import Rig
from tests.support.scratch import scratch


@pytest.fixture(scope="session")
def stage() -> Iterator[Rig]:
    """The EHR, backed up once to both repositories. Tests that change anything of it put it back."""
    with scratch("drp-rig") as folder, Rig(folder) as made:  # PostgreSQL's user must get in
        made.ehr.write("the last thing written before the disaster")
        made.points = made.backup()
        yield made
