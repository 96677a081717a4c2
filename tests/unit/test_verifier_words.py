"""What a verifier says keeps its parts on the way to the record, and acts on no terminal."""

from __future__ import annotations

import pytest

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import QUOTED, Data, fact, say, several
from drp.redact import remember
from tests.unit.test_verifier_running import report, run


def test_what_a_verifier_says_keeps_its_parts_and_only_their_data_is_made_presentable():
    remember("hunter2-secret")
    long = fact("long", "{first}, then {others}", first="y" * 1500, others=several(["z" * 900, "\x1b"]))

    def work(target):
        said = fact(
            "seen", "seen {what} by {whom}", what="a\nb\u202e", whom=fact("by", "{name}", name="hunter2-secret")
        )
        yield CheckResult(check="x", outcome="failed", statement=said, observed=long)
        yield NotJudged(part=say("rows"), why=said)

    told = report(work)
    (result,) = told.results
    assert (result.statement.code, result.statement) == ("seen", "seen a b\\u202e by [secret]")
    assert result.observed.code == "long"
    assert len(result.observed) <= 2001
    assert result.observed.values["others"].values[1] == Data("\\x1b")
    assert (told.not_judged[-1].part.message, told.not_judged[-1].why.code) == ("rows", "seen")


@pytest.mark.parametrize("message", ["bell \x07 {what}", "hunter2-{what}"])
def test_words_that_would_act_or_tell_a_secret_with_their_data_are_kept_as_a_text_alone(message):
    remember("hunter2-secret")
    ((result,)) = run(lambda _: iter([CheckResult(check="x", outcome="failed", statement=say(message, what="secret"))]))
    assert result.statement.code == QUOTED
    assert "\x07" not in result.statement
    assert "hunter2" not in result.statement
