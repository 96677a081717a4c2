"""What the storage of the host refuses makes a drill inconclusive, whatever the restore itself came to."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from drp.domain.manifest import Deviation
from drp.errors import MediumFailed
from tests.simulators.world import Script, World
from tests.unit.test_drill_control_flow import codes, run


@pytest.mark.parametrize("restored", [True, False])
def test_storage_of_the_host_that_fails_is_never_the_backups_fault(restored):
    world = World(Script(restore_ok=restored))
    world.script.faults["settle"] = MediumFailed("input/output error")
    assert run(world).verdict == "inconclusive"
    assert codes(world) == {"DRP-R003"}
    assert not world.alive


def hashed(number: int) -> World:
    """A drill in which one restored file could not be read."""
    world = World(Script(difference={"unreadable": 1}))
    compare = world.compare

    def unreadable(*given: object, **named: object) -> object:
        found = compare(*given, **named)
        told = Deviation(kind="unreadable", path="/a", path_b64="L2E=", observed="it says", errno=number)
        return replace(found, deviations=(told,))

    world.compare = unreadable
    return world


def test_what_the_storage_cannot_read_back_is_never_the_backups_fault():
    world = hashed(errno.EIO)
    assert run(world).verdict == "inconclusive"
    assert "settle" in world.calls


def test_what_else_cannot_be_read_is_what_the_backup_gave():
    assert run(hashed(errno.EACCES)).verdict == "failed"
