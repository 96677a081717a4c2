"""What is wrong with a site, its repositories, its sandboxes and its journal: a French reader reads no English of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.calendars.feeds import read_calendars
from drp.config.site import check_and_advise, load_site
from drp.domain.phrase import count, quoted, say
from drp.domain.schedule.site import CalendarFeed
from drp.domain.worm.attestation import Attestation, BucketFacts, LockDemand
from drp.domain.worm.judging import SeenObject, immutability_of, weighed
from drp.domain.worm.lock_findings import lock_findings
from drp.domain.worm.objects import ObjectLock
from drp.errors import DrpError
from drp.journal.chain import DrillChain, JournalChain, Row, digest
from drp.repositories.copies.folders import find
from drp.sandboxes.proof.answers import meaning
from drp.service.telling import heard_error, heard_words, told_error, told_words
from drp.trust import Trust
from drp.verifiers.judge import InstalledOptions
from tests.support.copies import copies_settings
from tests.support.french_phrases import english_in_phrase
from tests.support.sites import write_site
from tests.unit.test_config_problems import APP, PLAN, YAML
from tests.unit.test_repository_receipt import final, item, judged

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
THIRD = {"an open bracket"}
"""What the reader of YAML says itself."""


def raised(do: Callable[[], object]) -> DrpError:
    with pytest.raises(DrpError) as caught:
        do()
    return caught.value


def all_french(phrases: Iterable[str]) -> None:
    found = list(phrases)
    assert found
    assert [(each, english) for each in found if (english := english_in_phrase(each))] == []


@pytest.mark.parametrize("case", sorted(YAML.keys() - THIRD))
def test_what_is_no_yaml(tmp_path: Path, case: str) -> None:
    site = write_site(tmp_path, {APP: YAML[case][0], "inventory/applications/documents.yml": None, PLAN: None})
    all_french(problem.line for problem in check_and_advise(site, InstalledOptions())[0])


WRONG = {
    "a word that is none": "name: Ehr\ntitle: x\ntire: 0\n",
    "values": "name: ehr\ntitle: ''\ntier: many\nobjectives: {rpo: 5, rto: soon}\nchecks: {}\n",
    "bounds": "name: ehr\ntitle: x\ntier: 12\ndepends_on: [ehr, nothing]\nrunbook: {kind: file}\n",
    "options": "name: ehr\ntitle: x\nchecks: [{name: c, verifier: tcp, options: {port: x, frob: 1}}, {name: c, verifier: tpc}]\n",
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_an_application(tmp_path: Path, case: str) -> None:
    site = write_site(tmp_path, {APP: WRONG[case]})
    all_french(problem.line for problem in check_and_advise(site, InstalledOptions())[0])


def test_flags_that_ask_for_the_impossible(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path))
    asked: list[dict[str, object]] = [
        {"applications": ("lis",)},
        {"point": "a1b2c3"},
        {"repository": "shelf"},
        {"policy": "specific"},
        {"seed": 3},
        {"keep_for": "soon"},
        {"recover_to": "then"},
        {"sample_files": 3},
    ]
    errors = [raised(lambda flags=flags: site.plan("hospital", **flags)) for flags in asked]  # type: ignore[misc]
    errors += [raised(lambda: site.application("her")), raised(lambda: site.drill("x"))]
    all_french(error.message for error in errors)


def test_folders_that_are_no_recovery_points(tmp_path: Path) -> None:
    for name in ("2026-11-01T000000Z", "2026-11-02T000000Z.partial", "x-2026-11-03", "2026-11-04T000000Z"):
        (tmp_path / name).mkdir()
    (tmp_path / "2026-11-04T000000Z/a").touch()
    found = find(tmp_path, copies_settings(tmp_path, "%Y-%m-%dT%H%M%SZ", complete="{folder}.done"))
    all_french(each.line for each in found.refused)


def test_what_a_restore_could_not_bring_back() -> None:
    receipt = judged(item("/srv/a", "lchown /a: no such file"), final("There were 3 errors"))
    all_french(receipt.unrestored)
    all_french([raised(lambda: judged(final("wrong password or no key found"), code=12)).message])


def test_what_locks_prove() -> None:
    locks = {"config": ObjectLock(mode="worm", until=None, legal_hold=False)}
    locks |= {f"data/{n}": ObjectLock(mode="none", until=None, legal_hold=False) for n in range(9)}
    locks |= {"keys/a": ObjectLock(mode="governance", until=NOW + timedelta(days=1), legal_hold=False)}
    seen = [SeenObject(key=key, lock=lock, required=NOW + timedelta(days=2)) for key, lock in locks.items()]
    bucket = BucketFacts(object_lock=True, versioning="", hides=("r",), bypass=("*",))
    attestation = weighed(seen, Attestation(at=NOW, needed=12, asked=0, bucket=bucket))
    all_french(immutability_of(attestation).remarks)
    covered = [replace(seen[0], covered="version"), replace(seen[1], covered="marker")]
    found = lock_findings("worm", [*seen, *covered], attestation, LockDemand(required=True))
    assert len(found) == 8, [each.code for each in found]
    all_french([words for each in found for words in (each.observed, each.expected, each.remedy)])


def test_what_a_probe_answers() -> None:
    said = (
        "not-the-tripwire",
        "tripwire-visible=7,8",
        "visible=1",
        "visible=12",
        "read-secret=64",
        "only=lo",
        "no-route",
    )
    all_french(map(meaning, said))
    assert meaning("ECONNREFUSED") == quoted("ECONNREFUSED")
    assert meaning("visible=99999999999") == quoted("visible=99999999999")
    assert meaning("visible=-1") == quoted("visible=-1")


def test_what_others_may_change(tmp_path: Path) -> None:
    (tmp_path / "drp.yml").write_text("")
    (tmp_path / "drp.yml").chmod(0o666)
    doubt = Trust().doubt(tmp_path / "drp.yml")
    assert doubt is not None
    os.chown(tmp_path / "drp.yml", 64030, 64030)
    other = Trust().doubt(tmp_path / "drp.yml")
    assert other is not None
    all_french([doubt.reason, other.reason])


def test_a_journal_that_was_changed() -> None:
    row = Row(position=3, drill="d", sequence=2, body="{}", hash=digest("{}"), link="x")
    chain = JournalChain()
    errors = [raised(lambda: DrillChain().follow(row)), raised(lambda: JournalChain().end(4, "x"))]
    errors += [raised(lambda: chain.pass_over(row)), raised(lambda: DrillChain(next_sequence=9).pass_over(row))]
    all_french(error.message for error in errors)


def test_a_calendar_that_cannot_be_read(tmp_path: Path) -> None:
    contents = (b"", b"x", b"\xff", b"BEGIN:VCALENDAR\n", b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR")
    feeds = []
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
        feeds.append(CalendarFeed(name=str(number), path=tmp_path / str(number), zone="Europe/Paris"))
    all_french(each.problem for each in read_calendars(feeds, NOW))


def test_what_a_worker_says_arrives_with_its_values() -> None:
    said = count("{n} file of {path}", "{n} files of {path}", 3, path="/srv")
    assert heard_words(told_words(said)) == said
    error = heard_error(told_error(raised(lambda: judged(final("wrong password or no key found"), code=12))))
    all_french([error.message])
    assert heard_error({"kind": "nothing known", "message": "so", "hint": ""}).exit_status == DrpError.exit_status


def test_english_is_seen() -> None:
    assert english_in_phrase(say("nobody ever said that: {why}", why="x"))
    assert english_in_phrase(say("cannot be read: {why}", why="it is not there"))
    assert english_in_phrase("a sentence")
    assert english_in_phrase(say("cannot be read: {why}", why=quoted("it is not there"))) == set()
