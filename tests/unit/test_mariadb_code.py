"""Code that a MariaDB does not tell is not judged, and said to be: what nobody saw is not absent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from drp.domain.judged import NotJudged
from drp.domain.restored_code import MOST, RestoredCode
from drp_verifiers.mariadb_code import _KINDS, _QUERIES, met
from drp_verifiers.mariadb_session import Session
from drp_verifiers.statements import NoAnswer, Trouble

TROUBLE = Trouble(outcome="undetermined", reason="the server died over it")


class Server:
    """Answers each query with what is given."""

    def __init__(self, *answers: object) -> None:
        self.answers = answers

    def each(self, statements: Sequence[str], *, first: str = "") -> list[object]:
        assert len(statements) == len(_QUERIES) == len(_KINDS)
        assert first
        if not self.answers:
            raise NoAnswer(TROUBLE)
        return [*self.answers, *([[]] * (len(statements) - len(self.answers)))]


def told(*answers: object) -> tuple[list[str], list[str]]:
    found = list(met(cast("Session", Server(*answers))))
    return (
        [one.name for one in found if isinstance(one, RestoredCode)],
        [one.part for one in found if isinstance(one, NotJudged)],
    )


def row(name: str) -> list[str]:
    return [name.encode().hex(), "ab" * 32]


def test_what_is_told_is_named() -> None:
    assert told([row("routine a.b")], [row("trigger a.c")]) == (["routine a.b", "trigger a.c"], [])


def test_a_kind_that_is_not_told_is_not_judged_and_takes_no_other_along() -> None:
    assert told([row("routine a.b")], TROUBLE, [row("event a.d")]) == (
        ["routine a.b", "event a.d"],
        ["code that the backup brings: triggers"],
    )


def test_nothing_told_at_all_is_said() -> None:
    assert told() == ([], ["code that the backup brings"])


@pytest.mark.parametrize(
    ("count", "unjudged"), [(MOST, []), (MOST + 1, ["code that the backup brings: routines beyond the first 5000"])]
)
def test_more_than_can_be_named_is_said(count: int, unjudged: list[str]) -> None:
    names, parts = told([row(f"routine r{number}") for number in range(count)])
    assert (len(names), parts) == (MOST, unjudged)


def test_each_query_is_of_its_kind() -> None:
    for kind, query in zip(_KINDS, _QUERIES, strict=True):
        assert f"'{kind} '" in query
