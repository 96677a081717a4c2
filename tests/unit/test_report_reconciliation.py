"""The section on reconciliation: what dangles, what to run, where to roll; in both languages, hostile keys included."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from drp.domain.evidence import EvidenceRecord
from drp.domain.reconciliation.declaration import FieldOf, Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.result import (
    ApplicationState,
    Dangling,
    ExceptionUse,
    Harm,
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
                "la ramener au",
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
        (EARLIER, "bad", "All of them did at"),
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


EXCEPTION = ExceptionUse(
    name="EXT-*", reason="second opinions", owner="Dr <Roux>", expires=date(2027, 6, 30), count=60, listed=("EXT-1",)
)
STALE = replace(EXCEPTION, name="/site/foreign.txt", expired=True, count=12)
BROAD = replace(EXCEPTION, name="1*", count=5, recent=3, broad=True)
USELESS = replace(EXCEPTION, name="OLD-*", count=0, listed=())
KINDS = (
    Dangling(kind="recent", count=3, listed=("1000", "1001", "1002"), oldest_at=NOON, newest_at=NOON),
    Dangling(kind="older", count=12, listed=("900", "899"), oldest_at=NOON, newest_at=NOON),
    Dangling(kind="strange", count=40, listed=("LYN1",), forms=("AAA0000000",), forms_there=("0000000",)),
    Dangling(kind="undated", count=2, listed=("u1", "u2")),
)
HARM = (
    Harm(kind="number-reissued", application="ehr", reference="accession numbers", count=3, listed=("13", "14"),
         patients=("aa11", "bb22")),
    Harm(kind="patient-mismatch", application="pacs", reference="images", count=1, patients=("cc33",)),
    Harm(kind="orphaned", application="lis", reference="result has its order", count=2, listed=("21", "<b>\u202e|`")),
    Harm(kind="enter-again", application="ehr", reference="result has its order", count=15, listed=("21",), recent=False),
)  # fmt: skip


def kinds(*chosen: str, tolerate: int = 0, **changes: object) -> ReferenceResult:
    found = tuple(kind for kind in KINDS if kind.kind in chosen)
    total = sum(kind.count for kind in found)
    way = replace(DANGLES.ways[0], keys=900, dangling=total, listed=(), border_at=NOON, kinds=found)
    return replace(AGREES, ways=(replace(way, **changes),), tolerate=tolerate)


EVERYTHING = result(
    references=(
        replace(
            kinds("recent", "older", "strange", "undated", excepted=60, exceptions=(EXCEPTION, STALE, USELESS, BROAD)),
            merged=7,
            tolerate=54,
        ),
    ),
    identifiers=(NUMBER,),
    applications=(LIS, PACS),
    agreement="earlier",
    agreed_at=NOON,
    harm=HARM,
)


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        (
            "en",
            ("3 of 900 not in", "newer than its restored state of", "Lost", "12 of 900 not in", "the newest of",
             "Tolerated", "where no key is written like that", "AAA0000000", "Not comparable", "without a date",
             "Undated", "7 records taken for the patients", "3 numbers in use would be given to other patients",
             "1 record would be shown under another patient", "2 records of", "would be orphaned",
             "15 records to enter again in", "Expired", "Fits nothing", "Too broad", "3 of them newer than what was restored", "30 Jun 2027"),
        ),
        (
            "fr",
            ("3 sur 900 absents de", "plus récents que son état restauré du", "Perdu", "antérieurs à l’état restauré",
             "Toléré", "où aucune clé ne s’écrit ainsi", "Non comparable", "sans date", "Sans date",
             "7 enregistrements rattachés", "3 numéros déjà utilisés seraient attribués à d’autres patients",
             "1 enregistrement s’afficherait chez un autre patient", "seraient orphelins",
             "15 enregistrements à ressaisir dans", "Expirée", "Sans objet", "Trop large", "dont 3 plus récentes que l’état restauré", "30 juin 2027"),
        ),
    ],
)  # fmt: skip
def test_every_kind_harm_and_exception_is_told_apart(tag, said):
    for page in pages(record_with(EVERYTHING), tag):
        for words in (*said, "second opinions", "aa11", "cc33"):
            assert words in page.replace("\u00a0", " "), words
        assert "\u202e" not in page
        assert "<Roux>" not in page.replace("`Dr <Roux>`", "")


def test_harm_stands_before_everything_else_and_in_its_order():
    for page in pages(record_with(EVERYTHING), "en"):
        at = [page.index(words) for words in ("would be given", "would be shown", "be orphaned", "to enter again in")]
        assert at == sorted(at)
        assert at[-1] < page.index("not in")


@pytest.mark.parametrize(
    ("found", "tone", "summary"),
    [
        (kinds("older", tolerate=12), "doubt", "tolerates"),
        (kinds("older", tolerate=11), "bad", "no restore has broken"),
        (kinds("undated", tolerate=1), "bad", "no restore has broken"),
        (kinds("undated", tolerate=2), "doubt", "could not be compared"),
        (kinds("strange", tolerate=99), "doubt", "could not be compared"),
        (kinds(excepted=60, exceptions=(EXCEPTION,)), "good", "but for declared exceptions"),
    ],
)
def test_a_tolerance_covers_old_keys_and_no_others(found, tone, summary):
    view = reconciliation_of(record_with(result(references=(found,))))
    assert view is not None
    assert (view.tone, summary in view.summary.message) == (tone, True)


def test_an_exception_of_both_ways_is_shown_once_with_all_its_keys():
    ways = tuple(replace(kinds().ways[0], exceptions=(replace(EXCEPTION, count=n),)) for n in (0, 5))
    view = reconciliation_of(record_with(result(references=(replace(AGREES, ways=ways),))))
    assert view is not None
    assert [(row.found.number, row.word.message) for row in view.exceptions] == [(5, "Excepted")]


def test_a_longer_result_is_kept_word_for_word_too():
    record = record_with(EVERYTHING)
    assert read_record(record_bytes(record)) == record
