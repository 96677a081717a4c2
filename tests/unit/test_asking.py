"""Several questions at the same time, of which one is never answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from drp.service.asking import ask


def test_one_that_hangs_hides_neither_the_others_nor_what_it_said_before():
    never = threading.Event()

    def hangs() -> Iterator[tuple[str, int]]:
        yield "ehr", 1
        never.wait()
        yield "lis", 2

    def answers() -> Iterator[tuple[str, int]]:
        yield from (("ehr", 3), ("lis", 4))

    try:
        found = ask({"mount": hangs(), "vault": answers()}, 0.5)
        assert (found["mount"].answers, found["mount"].ended) == ({"ehr": 1}, False)
        assert (found["vault"].answers, found["vault"].ended) == ({"ehr": 3, "lis": 4}, True)
    finally:
        never.set()


def test_nobody_waits_for_the_time_limit_when_all_have_answered():
    found = ask({name: iter([("ehr", name)]) for name in ("a", "b")}, 3600)
    assert {name: each.answers for name, each in found.items()} == {"a": {"ehr": "a"}, "b": {"ehr": "b"}}
    assert ask({}, 3600) == {}


def test_what_nobody_foresaw_comes_through():
    def breaks() -> Iterator[tuple[str, int]]:
        yield "ehr", 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask({"vault": breaks()}, 3600)
