"""What dates a loss, verifier by verifier: whoever was asked and has no answer says so, and lines mean one thing only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.application import CheckSpec
from drp.domain.check import CheckResult, Execution, Expectation, Watermark
from drp.domain.judged import NotJudged
from drp.domain.watermarks import all_dated, bounding
from drp.verifiers.answers import checked
from drp.verifiers.running import Checks
from drp_verifiers.acknowledged import read_log
from drp_verifiers.command import CommandOptions, CommandVerifier
from drp_verifiers.fhir import FhirOptions, FhirVerifier
from drp_verifiers.files import FilesOptions, FilesVerifier
from drp_verifiers.sqlite import SqliteOptions, SqliteVerifier
from drp_verifiers.watermarks import Newest, judge

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EXPECTATION = Expectation(disaster_at=NOON, consistent_at=NOON, declared_at=NOON, timeout_seconds=5)
NEWEST = Newest(query="SELECT max(at) FROM orders")


class Answering:
    """A target whose every command prints the same."""

    def __init__(self, stdout: str = "", exit_code: int = 0) -> None:
        self.execution = Execution(exit_code=exit_code, stdout=stdout.encode(), stderr=b"")

    def run(self, argv, **_more):
        assert argv
        return self.execution


def asked(verifier):
    """Return how the verifier is asked: those that read files have no `verify`."""
    return getattr(verifier, "verify", None) or verifier.read


def stated(answers: Iterable[CheckResult | NotJudged]) -> list[CheckResult]:
    return [answer for answer in answers if isinstance(answer, CheckResult)]


def command(*lines: object) -> list[CheckResult]:
    printed = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    options = CommandOptions(argv=("sh", "-c", "ask"))
    return list(CommandVerifier().verify(Answering(printed), options, EXPECTATION))


def dated(hour: int, **more: object) -> dict[str, object]:
    return {"watermark": f"2026-11-20T{hour:02}:00:00Z", **more}


_FHIR = {"answered": True, "status": 200, "kind": "CapabilityStatement", "version": "4.0.1", "counts": {"Patient": 1}}
_REFERENCES = {"found": 0, "near": 0, "followed": 1, "asked": 1, "dangling": 0, "broken": 0, "missed": 0}
_REFERENCES |= {"contained": 0, "logical": 0}
_NO_TIME = {**_FHIR, "read": 1, "undated": 1, "newest": None, "unsorted": [], "references": _REFERENCES}


@pytest.mark.parametrize(
    ("verifier", "options", "target"),
    [
        (SqliteVerifier, SqliteOptions(path="db", newest=NEWEST), Answering("no answer")),
        (SqliteVerifier, SqliteOptions(path="db", newest=NEWEST), Answering("{}", exit_code=1)),
        (SqliteVerifier, SqliteOptions(path="db", newest=NEWEST), Answering('{"exists": false}')),
        (SqliteVerifier, SqliteOptions(path="db", newest=NEWEST), Answering('{"exists": true, "reason": "no room"}')),
        (SqliteVerifier, SqliteOptions(path="db", newest=NEWEST), Answering('{"exists": true, "integrity": {}}')),
        (FilesVerifier, FilesOptions(newest=True), Answering(exit_code=-11)),
        (FilesVerifier, FilesOptions(canary="beat"), Answering("no answer")),
        (FhirVerifier, FhirOptions(base="http://a", last_updated=NEWEST), Answering("no answer")),
        (FhirVerifier, FhirOptions(base="http://a", last_updated=NEWEST), Answering('{"status": 500}')),
        (FhirVerifier, FhirOptions(base="http://a", last_updated=NEWEST), Answering(json.dumps(_NO_TIME))),
        (
            FhirVerifier,
            FhirOptions(base="http://a", last_updated=NEWEST),
            Answering(json.dumps({**_NO_TIME, "newest": NOON.isoformat(), "unsorted": ["Patient"]})),
        ),
    ],
)
def test_whoever_was_asked_for_the_newest_datum_and_has_none_leaves_the_loss_unknown(verifier, options, target):
    results = stated(asked(verifier())(target, options, EXPECTATION))
    assert not all_dated(results)
    assert bounding(results) is None


@pytest.mark.parametrize(
    ("verifier", "options"),
    [
        (SqliteVerifier, SqliteOptions(path="db")),
        (FilesVerifier, FilesOptions()),
        (FhirVerifier, FhirOptions(base="http://a")),
    ],
)
def test_whoever_was_not_asked_does_not_matter(verifier, options):
    assert all_dated(stated(asked(verifier())(Answering("no answer"), options, EXPECTATION)))


def test_a_fhir_server_that_dates_what_it_holds_gives_its_watermark():
    answer = {**_NO_TIME, "undated": 0, "newest": "2026-11-20T11:00:00+00:00"}
    options = FhirOptions(base="http://a", last_updated=NEWEST)
    results = stated(FhirVerifier().verify(Answering(json.dumps(answer)), options, EXPECTATION))
    mark = bounding(results)
    assert mark is not None
    assert mark.at.hour == 11


def test_a_line_that_fails_and_brings_a_watermark_along_fails():
    results = command(dated(10, check="orders", outcome="failed", observed="11", expected="12"))
    assert [result.outcome for result in results] == ["failed", "failed"]
    assert not all_dated(results)
    unclear = command(dated(10, check="orders", outcome="fine"))
    assert [result.outcome for result in unclear] == ["undetermined", "undetermined"]
    assert not all_dated(unclear)


def test_a_line_that_passes_may_bring_a_watermark_along():
    results = command(dated(10, check="orders", outcome="passed"), {"check": "b", "outcome": "passed"})
    assert [(result.check, result.outcome) for result in results] == [
        ("orders", "passed"), ("b", "passed"), ("exit", "passed"),
    ]  # fmt: skip
    mark = bounding(results)
    assert mark is not None
    assert mark.at.hour == 10


@pytest.mark.parametrize(
    "line",
    [
        '{"check": "a", "outcome": "failed", "outcome": "passed"}',
        '{"watermark": "2026-11-20T09:00:00Z", "watermark": "2026-11-20T11:00:00Z"}',
    ],
)
def test_a_line_that_says_two_things_says_nothing(line):
    assert {result.outcome for result in command(line)} == {"undetermined"}


@pytest.mark.parametrize(
    ("lines", "hour"),
    [
        ((dated(11, source="beat", canary=True), dated(3, source="lab")), 3),
        ((dated(11, canary=True), dated(3)), 3),
        ((dated(11, canary=True, source="a"), dated(3, canary=True, source="b")), 3),
        ((dated(11, source="beat", canary=True, store="lab"), dated(3, source="lab", store="lab")), 11),
        ((dated(11, source="beat", canary=True, store="lab"), dated(3, source="pacs", store="pacs")), 3),
    ],
)
def test_a_canary_of_a_program_speaks_for_its_own_store_alone(lines, hour):
    results = command(*lines)
    mark = bounding([result for result in results if result.check != "exit"])
    assert mark is not None
    assert mark.at.hour == hour


def test_programs_that_share_a_shell_share_no_store():
    marks = []
    for asked, line in (("ask a", dated(11, canary=True)), ("ask b", dated(3))):
        options = CommandOptions(argv=("sh", "-c", asked))
        marks += list(CommandVerifier().verify(Answering(json.dumps(line)), options, EXPECTATION))
    mark = bounding(marks)
    assert mark is not None
    assert mark.at.hour == 3


def test_what_a_program_calls_its_store_cannot_act_on_a_terminal():
    spec = CheckSpec(name="own", verifier="command", options={"argv": ["ask"]})
    line = json.dumps(dated(11, store="a\x1b[31m\n"))
    (result, _) = Checks([spec]).run(spec, "caller", Answering(line), EXPECTATION, lambda: False).results
    assert result.watermark is not None
    assert result.watermark.store.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T10:00:00." + "0" * 44 + "-05:00",  # whose zone would be cut off
        "2026-11-20T23:59:60Z",
        "infinity",
        "2026-11-20",
        "1700000000",
        "9999-12-31T23:59:59Z",
    ],
)
def test_what_is_no_instant_that_can_be_dates_nothing(text):
    assert judge(text, Newest(query="q"), EXPECTATION, store="s").undated


@pytest.mark.parametrize(
    "odd",
    [
        {"clock_skew_seconds": float("nan")},
        {"clock_skew_seconds": float("inf")},
        {"clock_skew_seconds": -60.0},
        {"canary": "no"},
        {"store": None},
    ],
)
def test_a_malformed_watermark_of_a_plugin_is_none(odd):
    mark = Watermark(at=NOON, source="q", **odd)
    result = checked(CheckResult(check="c", outcome="passed", statement="s", watermark=mark))
    assert (result.outcome, result.undated) == ("undetermined", True)
    sound = CheckResult(check="c", outcome="passed", statement="s", watermark=Watermark(at=NOON, source="q"))
    assert checked(sound) is sound


def test_an_acknowledged_write_that_says_two_things_is_not_read(tmp_path):
    log = tmp_path / "acknowledged.jsonl"
    good = '{"at": "2026-11-20T09:00:00Z", "kind": "order", "id": "1"}'
    log.write_text(good + "\n" + good.replace('"id": "1"', '"id": "2", "id": "1"') + "\n")
    with pytest.raises(ValueError, match="line 2"):
        read_log(str(log), "", NOON)
    log.write_text(good + "\n")
    assert len(read_log(str(log), "", NOON + timedelta(hours=1))) == 1
