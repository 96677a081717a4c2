"""What a program inside the sandbox leaves out of its answer is not passed over: restored software runs beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from drp.domain.check import CheckResult, Execution, Expectation
from drp_verifiers.assertions import Assertion
from drp_verifiers.sqlite import SqliteOptions, SqliteVerifier

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HEALTHY = {
    "exists": True,
    "reason": "",
    "integrity": {"rows": [["ok"]]},
    "foreign_keys": {"rows": []},
    "census": {"tables": {"orders": 3}, "errors": []},
    "queries": [{"rows": [[3]]}],
}


class Answering:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    def run(self, argv, **_: object) -> Execution:
        return Execution(exit_code=0, stdout=json.dumps(self.answer).encode(), stderr=b"")


@pytest.mark.parametrize(
    ("queries", "outcomes"),
    [
        ([{"rows": [[3]]}], {"passed"}),
        ([], {"passed", "undetermined"}),
        (None, {"passed", "undetermined"}),
        ([{"rows": [[3]]}, {"rows": [[3]]}], {"passed", "undetermined"}),
    ],
)
def test_a_query_without_an_answer_is_undetermined(queries: object, outcomes: set[str]) -> None:
    options = SqliteOptions(path="a.db", assertions=(Assertion(name="orders", sql="select 3", equals=3),))
    facts = {"sqlite": {"a.db": {"tables": {"orders": 3}}}}
    expectation = Expectation(facts=facts, disaster_at=NOON, consistent_at=NOON)
    target = Answering({**HEALTHY, "queries": queries})
    answers = SqliteVerifier().read(target, options, expectation)
    assert {answer.outcome for answer in answers if isinstance(answer, CheckResult)} == outcomes


@pytest.mark.parametrize("census", [None, 7, [], {"tables": 7, "definitions": [1], "sequences": "x", "highest": [2]}])
def test_a_census_that_is_none_passes_nothing(census: object) -> None:
    facts = {
        "sqlite": {
            "a.db": {"tables": {"orders": 3}, "definitions": {"tables": {"orders": "aa"}}, "sequences": {"orders": 3}}
        }
    }
    expectation = Expectation(facts=facts, disaster_at=NOON, consistent_at=NOON)
    answers = SqliteVerifier().read(
        Answering({**HEALTHY, "census": census, "queries": []}), SqliteOptions(path="a.db"), expectation
    )
    found = {answer.check.split()[0]: answer.outcome for answer in answers if isinstance(answer, CheckResult)}
    assert {found["row-counts"], found["objects"], found["counters"]} == {"failed"}
