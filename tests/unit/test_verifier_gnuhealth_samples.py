"""No sample, no statement: what an application holds and nobody read is not called sound."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from drp.domain.check import CheckResult, Execution, Expectation
from drp.domain.judged import NotJudged
from drp_verifiers.gnuhealth import GnuHealthOptions, GnuHealthVerifier

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Answering:
    def __init__(self, held: int) -> None:
        nothing = {"looked": 0, "bad": 0, "altered": 0, "listed": []}
        self.answer = {"logged_in": True, "errors": {}, "counts": {"ir.attachment": held}}
        self.answer |= {"attachments": nothing, "reports": nothing}

    def run(self, argv: object, **_: object) -> Execution:
        return Execution(exit_code=0, stdout=json.dumps(self.answer).encode(), stderr=b"")


@pytest.mark.parametrize(
    ("held", "models", "outcome"),
    [
        (3, ("ir.attachment",), "undetermined"),
        (3, ("party.party",), "undetermined"),
        (0, ("ir.attachment",), "not judged"),
    ],
)
def test_attachments_that_nobody_read_are_not_passed(held: int, models: tuple[str, ...], outcome: str) -> None:
    options = GnuHealthOptions(database="a", password_file="b", models=models)
    answers = list(
        GnuHealthVerifier().verify(Answering(held), options, Expectation(disaster_at=NOON, consistent_at=NOON))
    )
    found = {answer.check: answer.outcome for answer in answers if isinstance(answer, CheckResult)}
    left_out = {answer.part: "not judged" for answer in answers if isinstance(answer, NotJudged)}
    assert found.get("attachments", left_out.get("attachments")) == outcome
    assert left_out["signed laboratory reports"] == "not judged"
