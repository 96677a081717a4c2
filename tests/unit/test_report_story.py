"""What a report says first: what happened, what to do, and never less than the verdict, in every ending."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.evidence import EvidenceRecord
from drp.domain.findings.catalogue import RTO_MISSED
from drp.domain.findings.reconciliation import IDENTIFIER_REISSUED, REFERENCE_DANGLING
from drp.domain.reconciliation.declaration import FieldOf, Reconciliation, RecordSource, Reference
from drp.domain.reconciliation.result import (
    ApplicationState,
    Dangling,
    Harm,
    IdentifierResult,
    ReconciliationResult,
    ReferenceResult,
    Way,
)
from drp.reporting.html import render_html
from drp.reporting.i18n import language
from drp.reporting.story import story_of
from drp.reporting.text import render_markdown
from drp.reporting.view import view_of
from drp.share import languages
from tests.support import fixtures_records as sample
from tests.support.sample_journal import tale, tell
from tests.support.sample_outputs import T0, application

NUMBER = IdentifierResult(
    name="accession numbers", application="ehr", judged=True, next=13, highest=15, highest_in="pacs", reissued=3,
    listed=("13", "14", "15"), bump="SELECT setval('s', 16, false)",
)  # fmt: skip


def spaces(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def dangling(number: int = 7, **changes: object) -> ReferenceResult:
    kinds = (Dangling(kind="recent", count=number),) if number else ()
    way = Way(holder="lis", lacking="ehr", keys=12, dangling=number, kinds=kinds)
    base = ReferenceResult(
        name="result has its order", source="results.number", target="orders.number", judged=True, ways=(way,)
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def apart(title: str = "laboratory results", **changes: object) -> EvidenceRecord:
    """Return the record of a trio of which each came back, and that does not fit together."""
    own = [
        *([REFERENCE_DANGLING.finding(subject="result has its order", observed="7", expected="none")]),
        IDENTIFIER_REISSUED.finding(subject="accession numbers", observed="13", expected="16"),
    ]
    lis = tale(application=application("lis", "Laboratory", tier=1))
    record = sample.make_record(tell(tale(raised=own), lis), sample.TOOLS)
    declared = Reconciliation(
        records=(
            RecordSource(name="results", application="lis", reader="postgres", title=title),
            RecordSource(name="orders", application="ehr", reader="postgres"),
        ),
        references=(
            Reference(
                name="result has its order",
                source=FieldOf(records="results", field="number"),
                target=FieldOf(records="orders", field="number"),
            ),
        ),
    )
    found = ReconciliationResult(
        references=(dangling(),),
        identifiers=(NUMBER,),
        applications=(
            ApplicationState(
                application="lis", records=12, newest_at=T0, point_in_time=True, after=7, advice="roll-back"
            ),
        ),
        agreement="earlier",
        agreed_at=T0,
        harm=(Harm(kind="enter-again", application="ehr", reference="result has its order", count=7),),
    )
    return replace(
        record,
        plan=replace(record.plan, reconciliation=declared),
        reconciliation=replace(found, **changes),  # type: ignore[arg-type]
    )


def told(record: EvidenceRecord, tag: str = "en") -> list[str]:
    return [spaces(language(tag).plain(one)) for one in story_of(record).told]


def test_a_director_reads_how_many_of_what_and_the_commands() -> None:
    record = apart()
    assert told(record) == [
        "7 of 12 laboratory results (lis) have no match among the orders (ehr).",
        "The next patients in ehr would get 3 numbers that already belong to others (accession numbers).",
        "Nothing speaks against lis.",
    ]
    story = story_of(record)
    assert story.lead is not None
    assert language("en").plain(story.lead) == "Before anybody works with them: 1 command."
    assert [action.command for action in story.actions if action.command] == ["SELECT setval('s', 16, false)"]
    actions = [spaces(language("en").plain(action.what)) for action in story.actions]
    assert actions[0] == "In ehr, for the accession numbers:"
    assert actions[1].startswith("Roll lis to 14 Nov 2026, 06:00:03 UTC, when all agreed")
    assert actions[2:] == ["Enter 7 records again in ehr: result has its order"]


def test_a_hospital_reads_it_in_french() -> None:
    assert told(apart("résultats de laboratoire"), "fr")[:2] == [
        "Sur 12 résultats de laboratoire (lis), 7 n’ont pas de correspondance parmi les orders (ehr).",
        "Les prochains patients de ehr recevraient 3 numéros déjà attribués à d’autres (accession numbers).",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"references": (dangling(0, mismatched=1, matched=12),)}, "1 of 12 laboratory results (lis) would be shown"),
        ({"references": (dangling(1),)}, "1 of 12 laboratory results (lis) has no match"),
        (
            {"identifiers": (replace(NUMBER, reissued=1),), "references": ()},
            "The next patient in ehr would get a number",
        ),
    ],
)
def test_one_is_told_as_one(changes: dict[str, object], sentence: str) -> None:
    assert told(apart(**changes))[0].startswith(sentence)


def test_what_is_tolerated_or_of_strange_form_is_no_loss() -> None:
    strange = dangling(
        0, ways=(Way(holder="lis", lacking="ehr", keys=12, dangling=7, kinds=(Dangling(kind="strange", count=7),)),)
    )
    old = dangling(
        0,
        tolerate=7,
        ways=(Way(holder="lis", lacking="ehr", keys=12, dangling=7, kinds=(Dangling(kind="older", count=7),)),),
    )
    for reference in (strange, old):
        assert not [one for one in told(apart(references=(reference,))) if "no match" in one]


def test_a_failed_application_never_has_a_row_of_green_ticks() -> None:
    for record in (apart(), sample.sample_record("failed"), sample.sample_record("missed")):
        for recovery in view_of(record).recoveries:
            if recovery.standing == "failed":
                assert "bad" in [tile.tone for tile in recovery.tiles]
    rows = {recovery.planned.name: recovery for recovery in view_of(apart()).recoveries}
    fits = {name: row.tiles[4] for name, row in rows.items()}
    assert {name: row.standing for name, row in rows.items()} == {"ehr": "failed", "lis": "passed"}
    assert {name: (tile.tone, tile.word.message) for name, tile in fits.items()} == {
        "ehr": ("bad", "Does not fit"),
        "lis": ("doubt", "Not with all"),
    }


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"references": (dangling(0),), "identifiers": ()}, "Fits"),
        ({"references": (dangling(0, judged=False),), "identifiers": ()}, "Not judged"),
        ({"references": (), "identifiers": ()}, "Not asked"),
    ],
)
def test_whether_it_fits_says_what_was_found(changes: dict[str, object], word: str) -> None:
    row = view_of(apart(**changes)).recoveries[1]
    assert row.tiles[4].word.message == word
    missing = view_of(replace(apart(), reconciliation=None)).recoveries[1].tiles[4]
    assert (missing.word.message, missing.tone) == ("Not compared", "doubt")


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("passed", ["Electronic patient record was usable again after 20.1 s; the objective is 4 h."]),
        ("failed", ["433 files of ehr are not as they were backed up."]),
        ("missed", ["lab was usable after 2 h 40 min; at most 2 h is acceptable."]),
        (
            "inconclusive",
            ["Electronic patient record was up after 18.3 s; 4 of 5 checks passed, 1 could not be judged."],
        ),
        ("aborted", ["The drill was stopped before any application had come back."]),
        (
            "unreachable",
            [
                "Laboratory information system was not recovered: the recovery could not be exercised.",
                "Nothing speaks against ehr.",
            ],
        ),
    ],
)
def test_every_ending_has_its_story(name: str, sentences: list[str]) -> None:
    assert told(sample.sample_record(name)) == sentences


def test_an_inconclusive_drill_says_what_would_make_it_conclusive() -> None:
    story = story_of(sample.sample_record("inconclusive"))
    assert story.lead is not None
    assert story.lead.message == "What would make it conclusive:"
    words = [language("en").plain(action.what) for action in story.actions]
    assert any("drp manifest create" in one for one in words)
    assert story.actions[-1].command == "drp drill run quarterly-ransomware"
    assert not any("not recovered" in one for one in told(sample.sample_record("inconclusive")))
    unreachable = story_of(sample.sample_record("unreachable"))
    assert "lab (no answer from 127.0.0.1:9000 within 10 s): check the endpoint" in language("en").plain(
        unreachable.actions[0].what
    )


def test_several_that_passed_are_told_by_the_slowest_and_the_greatest_loss() -> None:
    lis = replace(
        tale(application=application("lis", "Laboratory", tier=1)), durations=tale().durations | {"start": 9_000}
    )
    record = sample.make_record(tell(tale(), lis), sample.TOOLS)
    assert record.verdict == "passed"
    assert told(record)[0].startswith(
        "All 2 applications came back within their objectives, the last of them, lis, after"
    )
    assert told(record)[1] == "At most 47 min of data would have been lost, in ehr."


def test_a_critical_finding_that_nothing_else_tells_is_told_by_its_title() -> None:
    grave = [RTO_MISSED.finding(subject=f"x{number}", observed="a", expected="b") for number in range(3)]
    assert told(sample.make_record(tell(tale(raised=grave)), sample.TOOLS)) == [
        "ehr: recovery time objective missed (x0, and 2 more)."
    ]


@pytest.mark.parametrize("tag", languages())
@pytest.mark.parametrize("make", [apart, *(lambda name=name: sample.sample_record(name) for name in sample.JOURNALS)])
def test_every_format_begins_with_the_story(make: Callable[[], EvidenceRecord], tag: str) -> None:
    record = make()
    story = story_of(record)
    text, page = spaces(render_markdown(record, tag).decode()), spaces(render_html(record, tag).decode())
    assert page.index('class="told"') < page.index("<table" if "<table" in page else "<h3")
    for action in story.actions:
        if action.command:
            assert f"`{action.command}`" in text.partition("\n## ")[0]
            assert page.index('class="command"') < page.index("<dl")


def test_instants_are_told_in_the_zone_of_the_site_beside_utc() -> None:
    record = replace(sample.sample_record("passed"), zone="Europe/Paris")
    assert "14 Nov 2026, 07:00:03 CET (06:00:03 UTC)" in spaces(render_html(record, "en").decode())
    assert "14 nov. 2026, 07:00:03 CET (06:00:03 UTC)" in spaces(render_markdown(record, "fr").decode())
    far = replace(record, zone="Pacific/Auckland", declared_at=T0 + timedelta(hours=12))
    assert "15 Nov 2026, 07:00:03 NZDT (14 Nov 2026, 18:00:03 UTC)" in spaces(render_html(far, "en").decode())
    for zone in ("", "UTC", "Nowhere/Atlantis"):
        assert "CET" not in render_html(replace(record, zone=zone), "en").decode()


HOSTILE = [
    "<script>alert(1)</script>",
    "\u202egpj.exe\u2066\u200b",
    "\x1b[31mred\x07",
    "x" * 5_000,
    "{application} {0} %s",
    "a`|\n# b",
]


@pytest.mark.parametrize("tag", languages())
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_of_records_and_applications_are_only_shown(hostile: str, tag: str) -> None:
    record = apart(hostile, identifiers=(replace(NUMBER, name=hostile, bump=hostile),))
    record = replace(record, plan=replace(record.plan, scenario=replace(record.plan.scenario, title=hostile)))
    for content in (render_html(record, tag), render_markdown(record, tag)):
        text = content.decode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", text)
        assert hostile[:1_000] not in text or len(hostile) < 1_000
    assert "<script>alert" not in render_html(record, tag).decode()
    assert "\n# b" not in render_markdown(record, tag).decode()
