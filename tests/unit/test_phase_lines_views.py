"""What the terminal says of a drill that was bound to an instant of its repository."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from drp.cli.phase_lines import describe
from drp.domain.worm.pinned import Pinned
from tests.support.sample_outputs import T0, restored, selected
from tests.support.sample_worm import read, seen


def test_as_of_when_the_repository_is_read_is_said():
    assert "; read as of 2026-11-14 06:00:02Z" in describe(seen())
    assert "read as of" not in describe(selected())


def test_an_attack_is_said():
    pinned = Pinned(at=T0 - timedelta(minutes=12), why="before-tampering")
    assert "; it was attacked, and is read as of 2026-11-14 05:48:03Z, before that" in describe(seen(pinned=pinned))


def test_how_many_versions_were_read_is_said():
    assert describe(replace(restored(), read=read(3))).endswith("2418 files, from 3 object versions")
    assert "version" not in describe(restored())
