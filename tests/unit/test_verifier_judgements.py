"""The pure parts of the verifiers: counts, values, watermarks, and what the end of a command means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.check import Execution, Expectation
from drp_verifiers.assertions import Assertion, judge_rows, same
from drp_verifiers.counts import TableCounts, compare, expected_counts
from drp_verifiers.postgres_session import trouble_of
from drp_verifiers.statements import death, signal_of, why_it_ended
from drp_verifiers.watermarks import Newest, judge
from tests.simulators.target import LocalTarget

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EXPECTATION = Expectation(
    disaster_at=NOON, consistent_at=NOON - timedelta(hours=2), declared_at=NOON + timedelta(hours=1)
)


def counted(found: dict[str, int | None], expected: dict[str, int], **more: object):
    (result,) = compare("ehr", TableCounts(tables=found), expected, **more)
    return result


def test_equal_counts_pass():
    assert counted({"a": 3, "b": 0}, {"a": 3, "b": 0}).outcome == "passed"


@pytest.mark.parametrize(
    ("found", "expected", "named"),
    [
        ({"a": 2}, {"a": 3}, "a has 2 rows, had 3 (-1)"),
        ({"a": 4}, {"a": 3}, "a has 4 rows, had 3 (+1)"),
        ({}, {"a": 3}, "a is missing"),
        ({"a": 3, "b": 1}, {"a": 3}, "b was not there at backup time"),
        ({"a": None}, {"a": 3}, "a cannot be read"),
    ],
)
def test_every_departure_is_named(found, expected, named):
    result = counted(found, expected)
    assert result.outcome == "failed"
    assert named in result.observed


def test_an_error_fails_even_when_the_counts_agree():
    (result,) = compare("ehr", TableCounts(tables={"a": 1}, errors=("XX001: invalid page",)), {"a": 1})
    assert result.outcome == "failed"
    assert "invalid page" in result.observed


def test_tolerance_never_forgives_a_table_that_lost_everything():
    assert counted({"a": 990}, {"a": 1000}, tolerance=0.01).outcome == "passed"
    assert counted({"a": 989}, {"a": 1000}, tolerance=0.01).outcome == "failed"
    assert counted({"a": 0}, {"a": 5}, tolerance=1.0).outcome == "failed"


def test_many_departures_are_cut_and_counted():
    result = counted({}, {f"t{number:03}": 1 for number in range(50)})
    assert "and 38 more" in result.observed


@pytest.mark.parametrize(
    "facts", [None, {}, {"tables": 3}, {"tables": {"a": "3"}}, {"tables": {"a": True}}, {"tables": {3: 3}}]
)
def test_facts_that_are_not_understood_are_no_facts(facts):
    assert expected_counts(facts) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-20T11:00:00+00:00", NOON - timedelta(hours=1)),
        ("2026-11-20 12:00:00+01", NOON - timedelta(hours=1)),
        ("2026-11-20T16:45:00.5+05:45", NOON - timedelta(hours=1) + timedelta(milliseconds=500)),
    ],
)
def test_a_timestamp_with_zone_is_a_watermark_in_utc(text, at):
    result = judge(text, Newest(query="select 1", canary=True), EXPECTATION, store="main")
    assert result.outcome == "passed"
    assert result.watermark is not None
    assert result.watermark.at == at
    assert result.watermark.canary


@pytest.mark.parametrize("text", ["2026-11-20T11:00:00", "infinity", "yesterday", "", "0044-03-15 BC", "5" * 10_000])
def test_what_is_no_instant_is_undetermined(text):
    result = judge(text, Newest(query="select 1"), EXPECTATION, store="main")
    assert result.outcome == "undetermined"
    assert result.watermark is None


def test_a_naive_timestamp_counts_only_when_the_site_says_what_it_means():
    result = judge("2026-11-20T11:00:00", Newest(query="select 1", assume_utc=True), EXPECTATION, store="main")
    assert result.watermark is not None
    assert result.watermark.at == NOON - timedelta(hours=1)


def test_no_datum_at_all_fails():
    assert judge(None, Newest(query="select 1"), EXPECTATION, store="main").outcome == "failed"


def test_a_datum_after_the_disaster_is_refused():
    result = judge((NOON + timedelta(milliseconds=1)).isoformat(), Newest(query="select 1"), EXPECTATION, store="main")
    assert (result.outcome, result.watermark) == ("undetermined", None)
    assert "restore's own time" in result.observed


def test_clock_skew_is_allowed_for_but_never_past_the_start_of_the_drill():
    generous = Newest(query="select 1", clock_skew_seconds=7200)
    assert judge((NOON + timedelta(minutes=59)).isoformat(), generous, EXPECTATION, store="main").outcome == "passed"
    assert (
        judge((NOON + timedelta(minutes=61)).isoformat(), generous, EXPECTATION, store="main").outcome == "undetermined"
    )


def test_a_datum_older_than_the_site_allows_fails():
    busy = Newest(query="select 1", within_seconds=60)
    assert (
        judge((NOON - timedelta(hours=2, seconds=59)).isoformat(), busy, EXPECTATION, store="main").outcome == "passed"
    )
    assert (
        judge((NOON - timedelta(hours=2, seconds=61)).isoformat(), busy, EXPECTATION, store="main").outcome == "failed"
    )


@pytest.mark.parametrize(
    ("value", "expected", "holds"),
    [
        (3, 3, True),
        (3.0, 3, True),
        ("3", 3, True),
        ("3", "3", True),
        (3, "3", False),
        ("3.0", "3", False),
        (True, 1, False),
        (True, True, True),
        ("NaN", 3, False),
        ("nan", "nan", True),
        ("9" * 1000, 3, False),
    ],
)
def test_values_are_compared_as_what_they_are(value, expected, holds):
    assert same(value, expected) is holds


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ([{"n": 3}], "passed"),
        ([[3]], "passed"),
        ([{"n": 4}], "failed"),
        ([{"n": None}], "failed"),
        ([], "failed"),
        ([{"n": 3}, {"n": 3}], "undetermined"),
        ([{"n": 3, "m": 3}], "undetermined"),
        ([{"n": [3]}], "undetermined"),
    ],
)
def test_an_assertion_wants_one_cell(rows, outcome):
    assertion = Assertion(name="three", sql="select 3", equals=3)
    assert judge_rows(assertion, rows, LocalTarget(), timeout_seconds=60).outcome == outcome


@pytest.mark.parametrize(
    ("value", "outcome"), [(9, "failed"), (10, "passed"), (20, "passed"), (21, "failed"), ("x", "failed")]
)
def test_bounds(value, outcome):
    assertion = Assertion(name="between", sql="select 1", at_least=10, at_most=20)
    assert judge_rows(assertion, [[value]], LocalTarget(), timeout_seconds=60).outcome == outcome


def test_a_regular_expression_is_searched_outside_this_process_and_may_not_run_for_ever():
    hostile = Assertion(name="slow", sql="select 1", matches=r"^(a+)+$")
    assert judge_rows(hostile, [["aaaa"]], LocalTarget(), timeout_seconds=60).outcome == "passed"
    assert judge_rows(hostile, [["b"]], LocalTarget(), timeout_seconds=60).outcome == "failed"
    endless = judge_rows(hostile, [["a" * 64 + "b"]], LocalTarget(), timeout_seconds=1)
    assert endless.outcome == "undetermined"
    assert "time limit" in endless.observed


def test_an_assertion_of_nothing_is_refused():
    with pytest.raises(ValueError, match="equals, at_least, at_most or matches"):
        Assertion(name="nothing", sql="select 1")


@pytest.mark.parametrize(
    ("exit_code", "number"), [(0, None), (1, None), (-11, 11), (139, 11), (134, 6), (127, None), (255, None)]
)
def test_a_death_by_signal_is_recognised_also_through_a_shell(exit_code, number):
    execution = Execution(exit_code=exit_code, stdout=b"", stderr=b"")
    assert signal_of(execution) == number
    trouble = death("psql", execution)
    assert (trouble.outcome if trouble else None) == ("failed" if number else None)


def test_running_out_of_time_says_nothing():
    trouble = death("psql", Execution(exit_code=-9, stdout=b"", stderr=b"", timed_out=True))
    assert trouble is not None
    assert trouble.outcome == "undetermined"


def test_last_words_prefer_standard_error_and_are_short():
    assert why_it_ended(Execution(exit_code=1, stdout=b"out\n", stderr=b"first\n\nlast \n\n")) == "last"
    assert why_it_ended(Execution(exit_code=1, stdout=b"out\n", stderr=b"")) == "out"
    assert len(why_it_ended(Execution(exit_code=1, stdout=b"", stderr=b"x" * 100_000))) == 400


@pytest.mark.parametrize(
    ("stderr", "exit_code", "outcome", "reason"),
    [
        (
            "psql:<stdin>:11: ERROR:  XX001: invalid page in block 2\nLOCATION:  ReadBuffer",
            3,
            "failed",
            "XX001: invalid page in block 2",
        ),
        ("ERREUR:  42P01: la relation n'existe pas", 1, "failed", "42P01: la relation n'existe pas"),
        ("ERROR:  42601: syntax error", 1, "undetermined", "42601: syntax error"),
        ("ERROR:  42501: permission denied for table x", 1, "undetermined", "42501: permission denied for table x"),
        (
            "ERROR:  57014: canceling statement due to statement timeout",
            1,
            "undetermined",
            "57014: canceling statement due to statement timeout",
        ),
        (
            "psql: error: connection to server failed: Connection refused",
            2,
            "failed",
            "psql: error: connection to server failed: Connection refused",
        ),
        (
            "psql: error: FATAL:  password authentication failed",
            2,
            "undetermined",
            "psql: error: FATAL:  password authentication failed",
        ),
        (
            "psql: error: FATAL:  the database system is starting up",
            2,
            "failed",
            "psql: error: FATAL:  the database system is starting up",
        ),
        ("server closed the connection unexpectedly", 2, "failed", "server closed the connection unexpectedly"),
        ("", 1, "undetermined", "psql ended with 1"),
    ],
)
def test_errors_about_the_data_fail_and_all_others_are_undetermined(stderr, exit_code, outcome, reason):
    trouble = trouble_of(Execution(exit_code=exit_code, stdout=b"", stderr=stderr.encode()))
    assert (trouble.outcome, trouble.reason) == (outcome, reason)


def test_last_words_are_no_advice_that_goes_on_with_a_line():
    said = b"psql: error: no socket: No such file or directory\n\tIs the server running locally?\n"
    assert why_it_ended(Execution(exit_code=2, stdout=b"", stderr=said)).endswith("No such file or directory")
    assert why_it_ended(Execution(exit_code=1, stdout=b"", stderr=b"  indented\n")) == "indented"


@pytest.mark.parametrize("code", [-9, -13, 1, 141])
def test_an_answer_that_was_cut_says_nothing_of_the_backup(code):
    trouble = death("psql", Execution(exit_code=code, stdout=b"{", stderr=b"", truncated=True))
    assert trouble is not None
    assert (trouble.outcome, trouble.reason) == ("undetermined", "psql answered more than is taken from one command")
