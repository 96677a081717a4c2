"""What reports say about a sign-off, in both languages, and that a referent's words act on nobody's screen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from drp.domain.evidence import EvidenceRecord
from drp.domain.phrase import fact
from drp.domain.sign_off import StepResult
from drp.evidence.record import make_record, read_record, record_bytes
from drp.evidence.schema import published_schema
from drp.reporting.html import render_html
from drp.reporting.reasons import reasons_of
from drp.reporting.text import render_markdown
from drp.reporting.view import view_of
from tests.simulators.world import World
from tests.support.reasons import about
from tests.support.sign_offs import CHECKLIST, STEPS, answering, run, world_with

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e|`x`"


def record_of(world: World) -> EvidenceRecord:
    run(world)
    return make_record(world.journal.entries(world.journal.drills()[0]), {})


def signed(**changes: object) -> EvidenceRecord:
    world = world_with(wrt=timedelta(minutes=5))
    answering(world, **changes)
    return record_of(world)


def unanswered() -> EvidenceRecord:
    return record_of(world_with())


def refused() -> EvidenceRecord:
    return signed(
        results=(StepResult(id="open", outcome="failed", comment=HOSTILE), StepResult(id="print", outcome="passed")),
        name=f"N. {HOSTILE}",
        comment=HOSTILE,
    )


@pytest.mark.parametrize("make", [signed, unanswered, refused])
def test_records_with_a_sign_off_fit_the_schema_and_read_back(make) -> None:
    record = make()
    Draft202012Validator(json.loads(published_schema())).validate(json.loads(record_bytes(record)))
    assert read_record(record_bytes(record)) == record


def test_the_tile_says_how_long_the_business_took() -> None:
    tones = {"passed": (signed(), "good"), "refused": (refused(), "bad"), "nobody": (unanswered(), "doubt")}
    for record, tone in tones.values():
        tiles = view_of(record).recoveries[0].tiles
        assert len(tiles) == 7
        assert tiles[-1].tone == tone
    world = world_with()
    world.plan = replace(world.plan, sign_off=None)
    assert len(view_of(record_of(world)).recoveries[0].tiles) == 6
    pair = world_with(names=("ehr", "lis"))
    bare = replace(pair.plan.recoveries[1], application=replace(pair.plan.recoveries[1].application, sign_off=None))
    pair.plan = replace(pair.plan, recoveries=(pair.plan.recoveries[0], bare))
    answering(pair, after_looks=1)
    both = view_of(record_of(pair)).recoveries
    assert [recovery.tiles[-1].tone for recovery in both] == ["good", "plain"]
    assert {len(recovery.tiles) for recovery in both} == {7}, "one table shows both"


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("en", ("Sign-off by the business", "Nobody signed the application off.", "head nurse on duty")),
        ("fr", ("Validation par le métier", "Personne n'a validé l'application.", "head nurse on duty")),
    ],
)
def test_pages_tell_every_step_in_both_languages(tag: str, words: tuple[str, str, str]) -> None:
    heading, nobody, referent = words
    page = render_html(signed(), tag).decode()
    assert heading in page
    assert referent in page
    assert all(step.do in page for step in STEPS)
    missing = render_html(unanswered(), tag).decode()
    assert nobody in missing.replace("&#39;", "'")
    assert nobody in render_markdown(unanswered(), tag).decode()
    assert "N. Durand" in render_markdown(signed(), tag).decode()


def test_what_a_referent_writes_is_only_shown() -> None:
    page, text = render_html(refused(), "en").decode(), render_markdown(refused(), "en").decode()
    assert "<script>alert" not in page
    for sign in ("\x1b", "\u202e"):
        assert sign not in page
        assert sign not in text


def test_limits_say_who_signed_and_how() -> None:
    def limits(record: EvidenceRecord) -> str:
        return " ".join(phrase.message for phrase in view_of(record).limits)

    assert "No clinician has signed" in limits(unanswered())
    assert "No clinician has signed" not in limits(signed())
    assert "a name and no signature" in limits(signed())
    world = world_with(replace(CHECKLIST, allowed_signers="nurse"))
    answering(world, signature="signed by nurse")
    assert "a name and no signature" not in limits(record_of(world))


def test_reasons_about_sign_offs_can_be_translated() -> None:
    known = reasons_of(
        (
            about("ehr", fact("not-signed-off", "the application was not signed off")),
            about("ehr", fact("objective", "{objective} {attainment}", objective="WRT", attainment="missed")),
        )
    )
    assert [phrase.values["reason"].message for phrase in known] == [  # type: ignore[union-attr]
        "the application was not signed off",
        "{objective}: {attainment}",
    ]
