"""What a report says of immutability: three words, never more than was seen, on the first screen and in its section."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from drp.domain.evidence import EvidenceRecord
from drp.domain.phase import Selected
from drp.domain.phrase import fact
from drp.domain.recovery_point import RefusedPoint
from drp.domain.worm.attestation import BucketFacts
from drp.domain.worm.known import RepositoryKnown
from drp.domain.worm.probe import Came, Tried
from drp.domain.worm.scrub import Draw
from drp.reporting.html import render_html
from drp.reporting.text import render_markdown
from drp.reporting.undeletable import undeletable
from drp.reporting.view import view_of
from drp.reporting.worm_words import CAME, CAME_TONES
from drp.share import languages
from tests.support import fixtures_records as sample
from tests.support.pages import page
from tests.support.sample_worm import T0, TAMPERING, UNTIL, horizon, journal_of, locks, probe, read, scrub, seen, weak

NEWEST = "The newest point that nobody can delete before"
HIDDEN = "nobody can delete"


def record_of(select: Selected) -> EvidenceRecord:
    return sample.make_record(journal_of(select), sample.TOOLS)


def first_screen(record: EvidenceRecord) -> str:
    return " ".join((*view_of(record).story.told, *view_of(record).story.kept))


def mode(name: str, **changes: Any) -> Selected:
    found = seen().immutability
    assert found is not None
    return seen(immutability=replace(found, mode=name, **changes))


def test_a_director_reads_until_when_nobody_can_delete_and_from_when_the_point_is() -> None:
    said = first_screen(record_of(seen()))
    assert f"{NEWEST} {UNTIL:%Y-%m-%d} is from 2026-11-14 05:18:03Z." in said
    assert "its lock held against all that drp tried on 2026-11-12" in said


@pytest.mark.parametrize(
    ("select", "kind"),
    [
        (seen(), "until"),
        (seen(horizon=None), "until"),
        (seen(locks=None), "until"),
        (seen(horizon=horizon(until=T0)), "deletable"),
        (seen(horizon=horizon(until=None)), "deletable"),
        (seen(horizon=horizon(until=None, unknown=fact("x", "an index is unreadable"))), "unknown"),
        (seen(horizon=horizon(until=None, forever=True)), "forever"),
        (seen(horizon=horizon(weakest=(weak(mode="governance"),))), "liftable"),
        (seen(horizon=None, locks=locks(asked=20)), "unknown"),
        (seen(horizon=None, locks=locks(asked=0, needed=0)), "unknown"),
        (seen(horizon=None, locks=locks(earliest=None, modes={"none": 1, "compliance": 127})), "deletable"),
        (seen(locks=locks(modes={"none": 1, "compliance": 127})), "deletable"),
        (seen(locks=locks(modes={"governance": 1, "compliance": 127})), "liftable"),
        (seen(locks=locks(modes={"none": 0, "compliance": 128})), "until"),
        (seen(locks=locks(modes={"COMPLIANT-ISH": 1, "compliance": 127})), "liftable"),
        (seen(horizon=None, locks=locks(earliest=None, forever=True, modes={"legal-hold": 128})), "forever"),
        (seen(horizon=None, locks=locks(unknown=fact("x", "the store did not answer"))), "unknown"),
        (seen(locks=locks(modes={"expired": 1, "compliance": 127})), "deletable"),
        (seen(locks=locks(modes={"unknown": 1, "compliance": 127})), "unknown"),
        (mode("governance"), "liftable"),
        (mode("none"), "deletable"),
        (mode("unknown"), "unknown"),
        (mode("compliance", retained_until=T0 - timedelta(days=1)), "deletable"),
        (mode("offline"), None),
        (seen(horizon=None, locks=None), None),
        (seen(point=None, immutability=None), None),
        (seen(known=RepositoryKnown(probe=probe(Tried(attempt="delete-version", came="succeeded")))), "refuted"),
    ],
)
def test_nothing_is_told_as_undeletable_that_somebody_could_delete(select: Selected, kind: str | None) -> None:
    record = record_of(select)
    found = undeletable(record.recoveries[0], T0)
    assert (found.kind if found is not None else None) == kind
    if kind not in {"until", "forever"}:
        assert not re.search("[Nn]obody can delete .* (before|while)", first_screen(record))
    if select.immutability is not None and kind is not None:
        tile = view_of(record).recoveries[0].tiles[-1]
        assert (tile.tone == "good") == (kind in {"until", "forever"})


def test_a_version_that_was_read_and_not_asked_for_makes_it_unknown() -> None:
    few = locks(needed=2, asked=2)
    for select, said in (
        (seen(locks=few, horizon=None), "3 object versions were read, and 2 asked"),
        (seen(locks=few), "it needs 97 objects, and 2 were asked"),
    ):
        record = record_of(select)
        found = undeletable(record.recoveries[0], T0)
        assert found is not None
        assert found.kind == "unknown"
        assert said in first_screen(record)
    beside = record_of(seen(locks=few, horizon=horizon(objects=2)))  # it read an index that the point does not need
    found = undeletable(beside.recoveries[0], T0)
    assert found is not None
    assert found.kind == "until"


def test_the_earliest_of_all_dates_counts() -> None:
    earlier = UNTIL - timedelta(days=3)
    for select in (seen(horizon=horizon(until=earlier)), mode("compliance", retained_until=earlier)):
        found = undeletable(record_of(select).recoveries[0], T0)
        assert found is not None
        assert found.until == earlier


@pytest.mark.parametrize(
    ("changes", "newest"),
    [
        ({}, True),
        ({"newest_at": T0 - timedelta(minutes=1)}, False),
        ({"newest_at": None}, False),
        ({"newest_at": T0 - timedelta(minutes=1), "refused": ("not-immutable",)}, True),
        ({"newest_at": T0 - timedelta(minutes=1), "refused": ("not-immutable", "other")}, False),
        ({"newest_at": T0 - timedelta(minutes=1), "refused": ("not-immutable",), "policy": "newest"}, False),
    ],
)
def test_a_point_is_called_the_newest_only_if_nothing_newer_is_locked(changes: dict[str, Any], newest: bool) -> None:
    refused = tuple(
        RefusedPoint(id="9b2d44e1" * 8, consistent_at=T0 - timedelta(minutes=1), reason=fact(code, "refused"))
        for code in changes.pop("refused", ())
    )
    said = first_screen(record_of(seen(refused=refused, **changes)))
    assert (NEWEST in said) == newest
    assert newest or "Nobody can delete the point of 2026-11-14 05:18:03Z that was taken before" in said


def test_an_attack_is_told_first_with_the_instant_that_it_came_back_from() -> None:
    record = sample.sample_record("attacked")
    first, *_ = view_of(record).story.told
    assert str(TAMPERING) in first
    assert "Restored as of 2026-11-14 05:48:03Z" in first
    (recovery,) = record.recoveries
    assert "its backups are not as they should be" in view_of(record).recoveries[0].summary
    assert view_of(record).meaning.startswith("Every application came back within its objectives. The backups")
    stopped = replace(record, recoveries=(replace(recovery, restore=None),))
    first, *_ = view_of(stopped).story.told
    assert "Restored as of" not in first
    assert "whole until 2026-11-14 05:48:03Z" in first


def test_a_store_that_lets_through_is_never_called_locked() -> None:
    view = view_of(sample.sample_record("lying")).recoveries[0]
    assert view.immutability is not None
    assert [row.tone for row in view.immutability.words] == ["plain", "bad", "bad"]
    assert view.tiles[-1].tone == "bad"
    text = page(sample.sample_record("lying")).text
    assert "let drp delete or change such an object" in text
    assert "1 of 8 attempts on a locked object came through" in text


@pytest.mark.parametrize(
    ("known", "tone", "said"),
    [
        (None, "doubt", "Nobody looked"),
        (RepositoryKnown(), "doubt", "Nobody tried"),
        (RepositoryKnown(probe=probe()), "good", "6 of 7 attempts were refused for the lock's sake"),
        (RepositoryKnown(probe=replace(probe(), tried=probe().tried[1:])), "doubt", "5 of 6"),
        (RepositoryKnown(probe=replace(probe(), tried=())), "doubt", "0 of 0"),
        (RepositoryKnown(probe=replace(probe(), tried=probe().tried[-1:])), "doubt", "0 of 0"),
        (RepositoryKnown(probe=probe(Tried(attempt="overwrite", came="ignored"))), "bad", "1 of 8"),
        (RepositoryKnown(probe=probe(Tried(attempt="add-lifecycle", came="succeeded"))), "good", "scratch bucket came"),
    ],
)
def test_only_what_was_tried_and_refused_is_probed(known: RepositoryKnown | None, tone: str, said: str) -> None:
    record = record_of(seen(known=known))
    view = view_of(record).recoveries[0].immutability
    assert view is not None
    probed = view.words[2]
    assert probed.tone == tone
    assert said in " ".join(probed.says)
    limits = " ".join(view_of(record).limits)
    assert ("sacrificial" in limits) == (tone == "good")
    assert ("nobody tried to delete it" in limits) == (tone != "good")


def test_records_of_before_have_no_such_section_and_say_what_they_said() -> None:
    record = sample.sample_record("passed")
    assert view_of(record).recoveries[0].immutability is None
    assert view_of(record).story.kept == ()
    assert "object lock, compliance mode" in page(record).text


@pytest.mark.parametrize("tag", languages())
@pytest.mark.parametrize("name", ["immutable", "attacked", "lying"])
def test_hostile_names_of_objects_are_shown_and_not_obeyed(tag: str, name: str) -> None:
    record = sample.sample_record(name)
    (recovery,) = record.recoveries
    assert recovery.select is not None
    assert recovery.restore is not None
    key = "data/\x1b]0;x\x07<script>\u202e|`"
    select = replace(recovery.select, locks=locks(weakest=(weak(key=key, version=key, mode=key),)), horizon=None)
    versions = tuple(replace(each, key=key, version=key) for each in read(250))
    restored = replace(recovery.restore, read=versions)
    record = replace(record, recoveries=(replace(recovery, select=select, restore=restored),))
    html, text = render_html(record, tag).decode(), render_markdown(record, tag).decode()
    assert "<script>" not in html
    for content in (html, text):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", content)
    assert html.count("data/\\x1b") or html.count("data/")
    view = view_of(record).recoveries[0].immutability
    assert view is not None
    assert (len(view.read), view.read_more) == (200, 50)


@pytest.mark.parametrize(
    ("share", "chance", "said"),
    [
        (0.001, 0.9999, "if 1 ‰ of all objects were corrupt, one would have been drawn with 99 %"),
        (0.01, 1.0, "if 1 % of all objects were corrupt, one would have been drawn with 100 %"),
        (0.0101, 0.5, "if 11 ‰ of all objects"),
    ],
)
def test_a_draw_shows_no_more_than_it_does(share: float, chance: float, said: str) -> None:
    drawn = Draw(seed="a", drawn=10, population=100, bad_share=share, chance=chance)
    record = record_of(seen(known=RepositoryKnown(scrub=scrub(draw=drawn))))
    assert said in page(record).text


def test_a_medium_on_its_shelf_has_no_bucket_to_speak_of() -> None:
    shelf = locks(needed=1, asked=1, modes={"offline": 1}, earliest=None, bucket=BucketFacts(), demanded="compliance")
    record = record_of(replace(mode("offline", provenance="declared"), locks=shelf, horizon=None, pinned=None))
    view = view_of(record).recoveries[0].immutability
    assert view is not None
    assert [str(label) for label, _ in view.facts] == ["Scrubbed"]
    assert [row.tone for row in view.words[:2]] == ["plain", "doubt"]
    assert "weakest mode" not in page(record).text
    assert view_of(record).story.kept == ()


def test_the_margin_to_what_the_application_asks_for_is_told_either_way() -> None:
    text = page(record_of(seen())).text
    assert "the first lock ends 1 d 3 h after that" in text
    short = record_of(seen(locks=locks(required_until=UNTIL + timedelta(days=5))))
    assert "the first lock ends 5 d too early" in page(short).text
    assert view_of(short).recoveries[0].tiles[-1].tone == "doubt"


def test_whatever_came_of_an_attempt_has_a_word_and_a_tone() -> None:
    assert set(CAME) == set(CAME_TONES) == set(get_args(Came))
    view = view_of(record_of(seen())).recoveries[0].immutability
    assert view is not None
    words = {str(row.word) for row in view.tried}
    assert words == {"refused", "refused, not for the lock", "not probed"}
