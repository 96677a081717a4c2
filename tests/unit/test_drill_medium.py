"""What the storage of the host refuses makes a drill inconclusive, whatever the restore itself came to."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from drp.domain.manifest import Deviation, encode_path
from drp.domain.volume import VolumeMade
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


def on_volume(at: str, *unexpected: str) -> World:
    """A drill with a volume for a part of the tree, after which these paths are not in the manifest."""
    world = World(Script(difference={"unexpected": len(unexpected)} if unexpected else {}))
    opened, compare = world.open, world.compare
    made = VolumeMade(at=at, backing="disk", size_bytes=1, erased_by="overwrite")

    def open_with(*given: object) -> object:
        return replace(opened(*given), volumes=(made,))

    def compared(*given: object, **named: object) -> object:
        told = (Deviation(kind="unexpected", path=each, path_b64=encode_path(each.encode())) for each in unexpected)
        return replace(compare(*given, **named), deviations=tuple(told))

    world.open, world.compare = open_with, compared
    return world


@pytest.mark.parametrize("unexpected", ["images/ct", "images"])
def test_a_volume_at_a_folder_that_was_not_backed_up_is_the_profiles_fault(unexpected):
    assert run(on_volume("/srv/app/images/ct", unexpected)).verdict == "inconclusive"


def test_what_is_unexpected_elsewhere_is_what_the_backup_gave():
    assert run(on_volume("/srv/app/images/ct", "images/mr")).verdict == "failed"
    assert run(on_volume("/srv/app/images/ct")).verdict == "passed"
