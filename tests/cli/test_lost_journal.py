"""A journal that was emptied, deleted or brought back from an older copy, while records of its drills are there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_report_cli import SiteWithDrills, site  # noqa: F401 - the fixture
from tests.support import fixtures_records as sample

READING = (["status"], ["doctor"], ["drill", "list"], ["drill", "show", "latest"], ["evidence", "list"])


def delete(journal: Path) -> None:
    for part in journal.parent.glob("journal.sqlite*"):
        part.unlink()


def empty(journal: Path) -> None:
    delete(journal)
    journal.touch()


def another(journal: Path) -> None:
    """Put the journal of another site in its place: sound, and none of ours."""
    delete(journal)
    shutil.copy(journal.parents[2] / "other.sqlite", journal)


def cut(journal: Path) -> None:
    content = journal.read_bytes()
    delete(journal)
    journal.write_bytes(content[: len(content) // 2])


@pytest.fixture
def held(site: SiteWithDrills, tmp_path: Path) -> SiteWithDrills:
    journal = site.directory / "state" / "journal.sqlite"
    site.seal("ehr-0", sample.hash_failure_journal())
    site.wiring.journal().close()  # type: ignore[attr-defined]
    shutil.copy(journal, tmp_path / "other.sqlite")
    site.wiring._journal = None
    for part in (*journal.parent.glob("journal.sqlite*"), *(site.directory / "evidence").rglob("record.json")):
        part.unlink()
    site.seal("ehr-1", sample.passed_journal())
    site.seal("ehr-2", sample.hash_failure_journal())
    site.wiring.journal().close()  # type: ignore[attr-defined]
    return site


@pytest.mark.parametrize("harm", [delete, empty, another, cut])
def test_whatever_looks_at_it_says_that_it_was_tampered_with(
    held: SiteWithDrills, harm: Callable[[Path], None]
) -> None:
    assert held.drp("drill", "list").exit_code == 0
    journal = held.directory / "state" / "journal.sqlite"
    harm(journal)
    size = journal.stat().st_size if journal.exists() else -1
    for words in READING if harm is delete else (["status"],):
        done = held.drp(*words)
        said = done.stdout + "\n".join(done.tail)
        assert done.exit_code == {"status": 2, "doctor": 1}.get(words[0], 14), (words, said)
        if harm is not cut:
            assert "ehr-1" in said, words
    assert held.drp("drill", "run", "hospital").exit_code == 14
    assert (journal.stat().st_size if journal.exists() else -1) == size, "no new journal is begun in its place"


@pytest.mark.parametrize("harm", [delete, empty, another, cut])
def test_records_and_reports_are_read_without_it(held: SiteWithDrills, harm: Callable[[Path], None]) -> None:
    record = (held.directory / "evidence" / "ehr-1" / "record.json").read_bytes()
    harm(held.directory / "state" / "journal.sqlite")
    shown = held.drp("evidence", "show", "ehr-1")
    assert (shown.exit_code, json.loads(shown.stdout)) == (0, json.loads(record))
    page = held.drp("report", "ehr-1", "--format", "html", "-o", str(held.directory / "r.html"))
    assert page.exit_code == 0
    assert any("NOT CHECKED AGAINST THE JOURNAL" in line for line in page.tail)
    text = (held.directory / "r.html").read_text(encoding="utf-8")
    assert "nothing confirms that this record is the one that was sealed" in text
    listed = json.loads(held.drp("evidence", "list", "--json").stdout)
    rows = listed.get("evidence") or next(value for value in listed.values() if isinstance(value, list))
    assert {row["record"] for row in rows} == {"unconfirmed"}


def test_a_record_that_was_edited_is_not_read_without_it_either(held: SiteWithDrills) -> None:
    record = held.directory / "evidence" / "ehr-1" / "record.json"
    content = record.read_bytes()
    record.chmod(0o600)
    record.write_bytes(content.replace(b'"verdict":"passed"', b'"verdict": "passed"'))
    delete(held.directory / "state" / "journal.sqlite")
    assert held.drp("report", "ehr-1").exit_code == 14


def test_the_latest_record_is_the_one_declared_last(held: SiteWithDrills) -> None:
    delete(held.directory / "state" / "journal.sqlite")
    assert held.drp("evidence", "show", "latest").exit_code == 0
    assert held.drp("evidence", "show", "nobody").exit_code == 10


def test_what_a_crash_left_is_removed_whatever_became_of_it(held: SiteWithDrills) -> None:
    kept = held.directory / "state" / "kept"
    kept.mkdir()
    (kept / "ehr-1.json").write_text(json.dumps({"pid": 1, "started": "0", "boot_id": "another"}))
    delete(held.directory / "state" / "journal.sqlite")
    done = held.drp("drill", "clean")
    assert done.exit_code == 14
    assert not any("Traceback" in line for line in done.tail)


def test_a_site_without_evidence_has_no_drills_and_gets_no_journal_from_being_looked_at(site: SiteWithDrills) -> None:
    assert held_drills(site) == []
    assert not (site.directory / "state" / "journal.sqlite").exists()


def held_drills(site: SiteWithDrills) -> list[object]:
    listed = json.loads(site.drp("drill", "list", "--json").stdout)
    return list(listed.get("drills", next((value for value in listed.values() if isinstance(value, list)), [])))
