"""Who comes while a drill of the site is at work is told which one, for whom and since when, in words that are safe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drp.errors import Busy
from drp.service.lock import say_what_for, site_lock


def refused(state: Path) -> Busy:
    with pytest.raises(Busy) as raised, site_lock(state, "another"):
        pass
    return raised.value


def test_who_comes_second_hears_of_the_first(tmp_path: Path) -> None:
    with site_lock(tmp_path, "quarterly for n.durand"):
        error = refused(tmp_path)
    assert f"pid {os.getpid()}, quarterly for n.durand, since 20" in error.message
    assert "drp drill watch latest" in error.hint
    assert error.exit_status == 11
    with site_lock(tmp_path, "another"):
        assert "quarterly" not in refused(tmp_path).message, "of an earlier holder nothing is left"


def test_what_it_is_held_for_may_change_and_only_the_last_word_is_told(tmp_path: Path) -> None:
    with site_lock(tmp_path, "quarterly for n.durand") as lock:
        say_what_for(lock, "quarterly for n.durand, waits for approval by anna until 2026-11-30 04:00:00Z")
        assert "waits for approval by anna until 2026-11-30 04:00:00Z, since 20" in refused(tmp_path).message
        say_what_for(lock, "quarterly")
        message = refused(tmp_path).message
    assert "pid" in message
    assert "anna" not in message
    assert "durand" not in message


def test_what_a_holder_says_cannot_act_on_a_terminal_and_has_an_end(tmp_path: Path) -> None:
    with site_lock(tmp_path, "\x1b[2J\n\udcff" + "é" * 5000):
        message = refused(tmp_path).message
    assert message.isprintable()
    assert len(message) < 2000


def test_a_holder_that_says_nothing_is_named_all_the_same(tmp_path: Path) -> None:
    with site_lock(tmp_path):
        (tmp_path / "lock").write_text("")
        assert "another process" in refused(tmp_path).message
