"""Runs hashing tests over both cores: the one in Python, and the compiled one that `make accelerator` installs."""

from __future__ import annotations

import pytest

from drp.hashing.reading import rows

CORES = ("pure", "native")


@pytest.fixture(scope="module", params=CORES)
def core(request):
    """Let everything that hashes use one core; native is an error, not a skip, where it is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "DEFAULT_CORE", request.param)
        yield request.param
