"""Whatever a plugin does wrong becomes a result that is not passed, and never stops or outlasts the drill."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from drp.domain.application import CheckSpec
from drp.domain.check import CheckResult, Execution, Expectation, Watermark
from drp.domain.judged import NotJudged, Part
from drp.errors import Interrupted, SandboxError
from drp.redact import remember
from drp.verifiers.running import MOST_RESULTS, Checks
from tests.simulators.target import LocalTarget
from tests.support.waiting import PATIENCE

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GOOD = CheckResult(check="fine", outcome="passed", statement="all is fine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    pass


class Plugin:
    """A verifier made of one function."""

    name = "plugin"
    Options = Nothing

    def __init__(self, work):
        self.work = work

    def verify(self, target, options, expectation) -> Iterator[CheckResult]:
        yield from self.work(target)


def report(work, *, seconds: float = 10, target=None, cancelled=lambda: False):
    checks = Checks([])
    checks._verifiers = {"plugin": Plugin(work)}
    expectation = Expectation(disaster_at=NOON, consistent_at=NOON, timeout_seconds=seconds)
    spec = CheckSpec(name="ehr", verifier="plugin")
    return checks.run(spec, "caller", target or LocalTarget(), expectation, cancelled)


def run(work, **arguments):
    return report(work, **arguments).results


@pytest.mark.parametrize(("place", "stated"), [("reader", 0), ("caller", 1)])
def test_only_who_reads_files_may_say_no_more_than_what_is_not_judged(place, stated):
    class Reader(Plugin):
        def read(self, target, options, expectation):
            yield from self.work(target)

    checks = Checks([])
    checks._verifiers = {"plugin": Reader(lambda _: [NotJudged(part="rows", why="the backup does not fit")])}
    expectation = Expectation(disaster_at=NOON, consistent_at=NOON, timeout_seconds=10)
    spec = CheckSpec(name="ehr", verifier="plugin")
    found = checks.run(spec, place, LocalTarget(), expectation, lambda: False)
    assert len(found.results) == stated
    assert "rows" in {one.part for one in found.not_judged}
    assert {one.outcome for one in found.results} <= {"undetermined"}


@pytest.mark.parametrize("yielded", [(), (NotJudged(part="rows", why="the backup does not fit"),)])
def test_who_only_reads_files_and_states_nothing_has_judged_nothing(yielded):
    class OnlyReader:
        name, Options, parts = "plugin", Nothing, (Part(name="rows", judged="not judged", words="nobody counts them"),)

        def read(self, target, options, expectation):
            yield from yielded

    checks = Checks([])
    checks._verifiers = {"plugin": OnlyReader()}
    expectation = Expectation(disaster_at=NOON, consistent_at=NOON, timeout_seconds=10)
    spec = CheckSpec(name="ehr", verifier="plugin")
    (result,) = checks.run(spec, "reader", LocalTarget(), expectation, lambda: False).results
    assert result.outcome == "undetermined"


def test_results_are_named_after_their_check_and_timed():
    def work(target):
        time.sleep(0.05)
        yield GOOD
        yield GOOD

    started = time.monotonic()
    first, second = run(work)
    elapsed_ms = (time.monotonic() - started) * 1000
    assert first.check == "ehr/fine"
    assert first.outcome == "passed"
    assert first.duration_ms >= 50
    assert first.duration_ms + second.duration_ms <= elapsed_ms, "each has its own time"


def test_what_was_stated_before_an_error_stays_and_the_error_is_undetermined():
    def work(target):
        yield GOOD
        raise KeyError("order 17")

    first, second = run(work)
    assert first.outcome == "passed"
    assert second.outcome == "undetermined"
    assert "KeyError: 'order 17'" in second.observed


@pytest.mark.parametrize(
    "error", [SystemExit(0), KeyboardInterrupt(), SandboxError("it is gone"), RecursionError(), GeneratorExit()]
)
def test_nothing_that_a_plugin_raises_gets_out(error):
    def work(target):
        raise error
        yield

    (result,) = run(work)
    assert result.outcome == "undetermined"


def test_stating_nothing_is_undetermined():
    (result,) = run(lambda target: iter(()))
    assert result.outcome == "undetermined"
    assert "nothing" in result.observed


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        "passed",
        {"check": "x", "outcome": "passed"},
        CheckResult(check="x", outcome="ok", statement="y"),  # type: ignore[arg-type]
        CheckResult(check="x", outcome=True, statement="y"),  # type: ignore[arg-type]
        CheckResult(check=None, outcome="passed", statement="y"),  # type: ignore[arg-type]
        CheckResult(
            check="x", outcome="passed", statement="y", watermark=Watermark(at=datetime(2026, 1, 1), source="naive")
        ),
    ],
)
def test_answers_of_the_wrong_kind_never_pass(answer):
    (result,) = run(lambda target: iter((answer,)))
    assert result.outcome == "undetermined"
    assert result.watermark is None


def test_a_plugin_that_hangs_is_left_behind(monkeypatch):
    monkeypatch.setattr("drp.verifiers.running._GRACE_SECONDS", 0.3)
    release = threading.Event()

    def work(target):
        yield GOOD
        release.wait(60)

    started = time.monotonic()
    results = run(work, seconds=0.5)
    release.set()
    assert time.monotonic() - started < 55
    assert [result.outcome for result in results] == ["passed", "undetermined"]
    assert "500 ms" in results[-1].observed


def test_a_command_gets_no_more_time_than_the_check_has_left():
    def work(target):
        yield CheckResult(check="slept", outcome="passed", statement=str(target.run(["/bin/sleep", "30"]).timed_out))
        target.run(["/bin/true"])

    started = time.monotonic()
    first, second = run(work, seconds=1)
    assert time.monotonic() - started < 28
    assert first.statement == "True"
    assert second.outcome == "undetermined"
    assert "within 1 s" in second.observed


def test_cancelling_interrupts_at_once_and_later_commands_are_refused():
    release, refused = threading.Event(), threading.Event()

    def work(target):
        release.wait(PATIENCE)
        try:
            target.run(["/bin/true"])
        except TimeoutError:
            refused.set()
        yield GOOD

    started = time.monotonic()
    with pytest.raises(Interrupted):
        run(work, cancelled=lambda: True)
    assert time.monotonic() - started < PATIENCE, "nobody waited for the check"
    release.set()
    assert refused.wait(PATIENCE)


def test_endless_results_are_cut():
    def work(target):
        while True:
            yield GOOD

    assert len(run(work)) == 2000


def test_texts_are_made_safe_for_a_terminal_short_and_free_of_secrets():
    remember("hunter2-secret")

    def work(target):
        yield CheckResult(
            check="a\x1b[2Jb",
            outcome="failed",
            statement="line\nbreak",
            observed="pw=hunter2-secret \u202e" + "x" * 99_999,
        )

    (result,) = run(work)
    assert result.check == "ehr/a\\x1b[2Jb"
    assert result.statement == "line break"
    assert result.observed.startswith("pw=[secret] \\u202e")
    assert len(result.observed) <= 2001


def test_the_real_exit_of_a_command_reaches_the_plugin():
    def work(target):
        execution = target.run(["/bin/sh", "-c", "cat; exit 3"], stdin=b"in")
        assert isinstance(execution, Execution)
        yield CheckResult(check="x", outcome="passed", statement=f"{execution.exit_code} {execution.stdout!r}")

    (result,) = run(work)
    assert result.statement == "3 b'in'"


def test_an_unknown_verifier_or_option_at_run_time_is_undetermined_not_an_exception():
    checks = Checks([])
    expectation = Expectation(disaster_at=NOON, consistent_at=NOON)
    for spec in (
        CheckSpec(name="a", verifier="postgers"),
        CheckSpec(name="a", verifier="tcp", options={"prot": 1}),
    ):
        (result,) = checks.run(spec, "caller", LocalTarget(), expectation, lambda: False).results
        assert result.outcome == "undetermined"


def test_a_failure_cannot_hide_behind_many_statements():
    def work(target):
        for _ in range(MOST_RESULTS):
            yield GOOD
        yield CheckResult(check="orders", outcome="failed", statement="all orders are there")

    results = run(work)
    assert len(results) == MOST_RESULTS
    assert results[-1].outcome == "undetermined"
    assert "more" in results[-1].observed


def test_what_was_not_judged_is_kept_beside_the_results_and_cannot_act_on_a_terminal():
    def work(target):
        yield NotJudged(part="large\x1b[31m objects", why="none of them was read")
        yield GOOD

    found = report(work)
    assert [result.outcome for result in found.results] == ["passed"]
    told = {(left_out.check, left_out.part): left_out.why for left_out in found.not_judged}
    assert told["ehr", "large\\x1b[31m objects"] == "none of them was read"
    assert all(left_out.part.isprintable() for left_out in found.not_judged)


def test_a_verifier_that_only_says_what_it_leaves_out_states_nothing():
    def work(target):
        yield NotJudged(part="everything", why="no time")

    found = report(work)
    assert [result.outcome for result in found.results] == ["undetermined"]


def test_a_verifier_that_does_not_say_what_it_leaves_out_is_recorded_as_such():
    (left_out,) = report(lambda target: iter([GOOD])).not_judged
    assert left_out.why == "verifier plugin does not say what"


def test_parts_that_are_never_judged_are_told_each_time(monkeypatch: pytest.MonkeyPatch):
    rows = Part(name="rows", judged="counted", words="row-counts")
    attributes = Part(name="attributes", judged="not judged", words="nobody reads them")
    monkeypatch.setattr(Plugin, "parts", (rows, attributes), raising=False)
    (left_out,) = report(lambda target: iter([GOOD])).not_judged
    assert (left_out.part, left_out.why, left_out.check) == ("attributes", "nobody reads them", "ehr")


def test_a_statement_on_an_unknown_basis_is_malformed():
    (result,) = run(lambda target: iter([dataclasses.replace(GOOD, basis="guessed")]))
    assert result.outcome == "undetermined"
