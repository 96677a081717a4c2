"""The section on reconciliation: what dangles, what to run, where to roll; in both languages, hostile keys included."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drp.domain.evidence import EvidenceRecord
from drp.domain.reconciliation.declaration import FieldOf, Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.result import (
    ApplicationState,
    IdentifierResult,
    ReconciliationResult,
    ReferenceResult,
    Way,
)
from drp.evidence.record import make_record, read_record, record_bytes
from drp.reporting.html import render_html
from drp.reporting.reconciliation import reconciliation_of
from drp.reporting.text import render_markdown
from tests.support.fixtures_records import TOOLS, passed_journal

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AGREES = ReferenceResult(
    name="result has its order",
    source="results.order",
    target="orders.number",
    judged=True,
    ways=(Way(holder="lis", lacking="ehr", keys=26, dangling=0),),
    matched=26,
)
DANGLES = replace(
    AGREES,
    ways=(
        Way(
            holder="lis",
            lacking="ehr",
            keys=26,
            dangling=2,
            listed=("21", "<b>\u202e|`"),
            oldest_at=NOON,
            newest_at=NOON,
        ),
    ),
    matched=24,
)
NUMBER = IdentifierResult(
    name="accession numbers", application="ehr", judged=True, next=13, highest=15, highest_in="pacs", reissued=3,
    listed=("13", "14", "15"), bump="SELECT setval('s', 16, false)",
)  # fmt: skip
LIS = ApplicationState(application="lis", records=26, newest_at=NOON, point_in_time=True, after=2, advice="roll-back")
PACS = ApplicationState(application="pacs", records=9, newest_at=None, point_in_time=False, after=1, advice="ahead")


def record_with(result: ReconciliationResult | None) -> EvidenceRecord:
    record = make_record(passed_journal(), TOOLS)
    source, target = FieldOf(records="results", field="order"), FieldOf(records="orders", field="number")
    declared = Reconciliation(
        records=(RecordSource(name="results", application="lis", reader="postgres"),),
        references=(Reference(name="result has its order", source=source, target=target),),
    )
    return replace(record, plan=replace(record.plan, reconciliation=declared), reconciliation=result)


def result(**changes: object) -> ReconciliationResult:
    base = ReconciliationResult(references=(AGREES,), identifiers=(), applications=(), agreement="as-restored")
    return replace(base, **changes)


EARLIER = result(
    references=(DANGLES,), identifiers=(NUMBER,), applications=(LIS, PACS), agreement="earlier", agreed_at=NOON
)


def pages(record: EvidenceRecord, tag: str) -> tuple[str, str]:
    return render_html(record, tag).decode(), render_markdown(record, tag).decode()


def test_a_plan_that_compares_nothing_has_no_such_section():
    record = make_record(passed_journal(), TOOLS)
    assert reconciliation_of(record) is None
    for page in pages(record, "en"):
        assert "Reconciliation of the applications" not in page


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        (
            "en",
            (
                "Reconciliation of the applications",
                "2 of 26 not in",
                "Dangles",
                "Issued again",
                "roll it to",
                "cannot be rolled",
            ),
        ),
        (
            "fr",
            (
                "Rapprochement des applications",
                "2 sur 26 absents de",
                "Sans cible",
                "Réattribué",
                "la ramener à",
                "ressaisir",
            ),
        ),
    ],
)
def test_what_dangles_what_to_run_and_where_to_roll_is_in_every_report(tag, said):
    for page in pages(record_with(EARLIER), tag):
        for words in said:
            assert words in page
        assert "setval(" in page
        assert "\u202e" not in page
    assert "<b>" not in pages(record_with(EARLIER), tag)[0].replace("<b>drp</b>", "")


@pytest.mark.parametrize(
    ("found", "tone", "summary"),
    [
        (None, "doubt", "not compared"),
        (result(), "good", "agree as they were restored"),
        (result(references=(replace(DANGLES, tolerate=2),)), "doubt", "tolerates"),
        (result(references=(replace(AGREES, mismatched=1, mismatches=("7: a in x, b in y",)),)), "bad", "same patient"),
        (
            result(references=(replace(AGREES, judged=False, reason="x"),), agreement="undetermined"),
            "doubt",
            "nobody knows",
        ),
        (result(references=(DANGLES,), agreement="none"), "bad", "at no instant"),
        (result(identifiers=(NUMBER,)), "bad", "issued again"),
        (result(identifiers=(replace(NUMBER, judged=False, reissued=0),)), "doubt", "not all numbers"),
        (result(identifiers=(replace(NUMBER, highest=None, reissued=0),)), "good", "agree as they were restored"),
        (EARLIER, "bad", "They all did at"),
    ],
)
def test_the_summary_says_no_more_than_is_known(found, tone, summary):
    record = record_with(found)
    view = reconciliation_of(record)
    assert view is not None
    assert view.tone == tone
    assert summary in view.summary.message
    for tag in ("en", "fr"):
        assert all(pages(record, tag))


def test_the_result_is_kept_in_the_record_word_for_word():
    record = record_with(EARLIER)
    assert read_record(record_bytes(record)) == record
