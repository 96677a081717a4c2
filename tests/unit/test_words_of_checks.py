"""What checks say stays a fact to its reader: the data in it are made fit, and its words come in his language."""

from __future__ import annotations

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import Data, Phrase, counted, fact, quoted, several
from drp.redact import remember
from drp.verifiers.answers import presentable, words_of


def test_data_of_a_fact_are_made_fit_and_its_words_stay():
    remember("hunter2-hunter2")
    said = fact(
        "lacks", "{table} lacks: {rows}", table="a\x1b[31m", rows=several(["b\u202e", fact("c", "{d}", d="x" * 5000)])
    )
    result = CheckResult(check="rows", outcome="failed", statement=quoted("s"), observed=said)
    found = presentable("ehr", "caller", result).observed
    assert (found.code, found.message) == ("lacks", "{table} lacks: {rows}")
    assert found.values["table"] == Data("a\\x1b[31m")
    assert found.startswith("a\\x1b[31m lacks: b\\u202e, xxx")
    assert 1000 < len(found) <= 2001
    assert "hunter2" not in words_of(fact("told", "it says {secret}", secret="password hunter2-hunter2"))


def test_the_number_of_a_fact_stays_with_it():
    found = words_of(counted("lost", "{n} row of {table}", "{n} rows of {table}", 3, table="t\n"))
    assert (found, found.number, found.code) == ("3 rows of t", 3, "lost")


def test_words_that_would_act_on_a_terminal_are_data_as_a_whole():
    found = words_of(Phrase("{n} \x1b[2J rows", values={"n": 3}))
    assert (found, found.message) == ("3 \\x1b[2J rows", "{text}")


def test_a_sentence_of_a_plugin_is_quoted():
    left_out = NotJudged(part=words_of("large objects"), why=words_of("none was read"))
    assert (left_out.part.code, left_out.part, left_out.why) == ("quoted", "large objects", "none was read")
