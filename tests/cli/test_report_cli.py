"""`drp report` and `drp evidence` as a user runs them: a real site, a real journal, sealed sample drills in it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from drp.command import Output, run
from drp.config.site import load_site
from drp.config.template import lay_site
from drp.domain.events import Entry, EvidenceSealed
from drp.evidence.record import RECORD_NAME, make_record, record_bytes
from drp.service.wiring import Wiring
from tests.support import fixtures_records as sample
from tests.support import warm


@dataclass
class SiteWithDrills:
    """A site whose journal holds sealed drills."""

    directory: Path
    wiring: Wiring

    def drp(self, *arguments: str, directory: Path | None = None) -> Output:
        done = warm.drp("--site", self.directory, *arguments, cwd=directory or self.directory)
        tail = tuple((done.stdout + done.stderr).splitlines())
        return Output(exit_code=done.returncode, stdout=done.stdout, tail=tail)

    def journal(self, drill: str, entries: list[Entry]) -> None:
        for entry in entries:
            self.wiring.journal().append(drill, entry.event)

    def seal(self, drill: str, entries: list[Entry]) -> Path:
        self.journal(drill, entries)
        record = make_record(self.wiring.journal().entries(drill), sample.TOOLS)
        receipt = self.wiring.sink().put(drill, RECORD_NAME, record_bytes(record))
        sealed = EvidenceSealed(record_digest=receipt.digest, location=receipt.location)
        self.wiring.journal().append(drill, sealed)
        return Path(receipt.location)


@pytest.fixture
def site(tmp_path: Path) -> SiteWithDrills:
    directory = tmp_path / "site"
    directory.mkdir()
    lay_site(directory)
    return SiteWithDrills(directory, Wiring(load_site(directory)))


def test_the_record_comes_out_as_it_was_sealed(site: SiteWithDrills) -> None:
    path = site.seal("ehr-1", sample.passed_journal())
    output = site.drp("report", "latest", "--format", "json")
    assert (output.exit_code, output.stdout.encode()) == (0, path.read_bytes())
    shown = site.drp("evidence", "show", "ehr")
    assert json.loads(shown.stdout) == json.loads(path.read_bytes())
    assert shown.stdout.count("\n") > 100


def test_a_page_in_a_file_in_either_language(site: SiteWithDrills, tmp_path: Path) -> None:
    site.seal("ehr-1", sample.hash_failure_journal())
    for tag, word in (("en", "Failed"), ("fr", "Échec")):
        target = tmp_path / f"report-{tag}.html"
        output = site.drp("report", "ehr-1", "--format", "html", "--lang", tag, "-o", str(target))
        assert (output.exit_code, output.stdout) == (0, f"{target}\n")
        text = target.read_text()
        assert f"<strong>{word}</strong>" in text
        assert hashlib.sha256((site.directory / "evidence/ehr-1/record.json").read_bytes()).hexdigest() in text


def test_the_summary_is_what_a_terminal_gets(site: SiteWithDrills) -> None:
    site.seal("ehr-1", sample.passed_journal())
    output = site.drp("report", "latest", "--lang", "fr")
    assert output.stdout.startswith("# ✔ Réussi")


def test_the_list_tells_which_records_are_intact(site: SiteWithDrills) -> None:
    site.seal("ehr-1", sample.passed_journal())
    site.seal("ehr-2", sample.inconclusive_journal())
    output = site.drp("evidence", "list", "--json")
    document = json.loads(output.stdout)
    assert (output.exit_code, document["schema"]) == (0, "drp/evidence/1")
    assert [(row["drill"], row["verdict"], row["record"]) for row in document["items"]] == [
        ("ehr-1", "passed", "intact"),
        ("ehr-2", "inconclusive", "intact"),
    ]
    assert "ehr-2" in site.drp("evidence", "list").stdout


Damage = Callable[[Path], object]


def _rewrite(path: Path) -> None:
    path.chmod(0o640)
    path.write_bytes(path.read_bytes().replace(b'"verdict":"failed"', b'"verdict":"passed"'))


@pytest.mark.parametrize(
    ("damage", "condition", "status"),
    [(_rewrite, "changed", 14), (Path.unlink, "missing", 10), (lambda path: os.truncate(path, 100), "changed", 14)],
    ids=["edited", "deleted", "cut"],
)
def test_a_record_that_is_not_the_sealed_one_is_never_reported(
    site: SiteWithDrills, damage: Damage, condition: str, status: int
) -> None:
    damage(site.seal("ehr-1", sample.hash_failure_journal()))
    for format_ in ("html", "md", "json"):
        output = site.drp("report", "ehr-1", "--format", format_)
        assert (output.exit_code, output.stdout) == (status, "")
    listed = site.drp("evidence", "list", "--json")
    assert listed.exit_code == 14
    assert json.loads(listed.stdout)["items"][0]["record"] == condition


def test_a_drill_that_is_not_sealed_has_no_report(site: SiteWithDrills) -> None:
    site.journal("ehr-1", sample.passed_journal()[:5])
    output = site.drp("report", "ehr-1")
    assert output.exit_code == 10
    assert any("no sealed record yet" in line for line in output.tail)
    assert json.loads(site.drp("evidence", "list", "--json").stdout)["items"] == []


def test_an_unknown_drill_language_or_format(site: SiteWithDrills) -> None:
    site.seal("ehr-1", sample.passed_journal())
    assert site.drp("report", "nothing").exit_code == 10
    assert site.drp("report", "ehr-1", "--lang", "de").exit_code == 2
    assert site.drp("report", "ehr-1", "--format", "pdf").exit_code == 2


def test_a_report_that_cannot_be_written_says_so(site: SiteWithDrills, tmp_path: Path) -> None:
    site.seal("ehr-1", sample.passed_journal())
    output = site.drp("report", "ehr-1", "-o", str(tmp_path / "nowhere" / "report.md"))
    assert output.exit_code == 10
    assert any("nowhere" in line for line in output.tail)


def test_the_schema_needs_no_site(tmp_path: Path) -> None:
    output = run([sys.executable, "-m", "drp", "evidence", "schema"], timeout_seconds=60, directory=tmp_path)
    assert json.loads(output.stdout)["$id"] == "urn:drp:evidence-record:1"


def test_a_page_shows_the_drills_before_its_own_and_none_after(site: SiteWithDrills) -> None:
    def page(drill: str) -> str:
        return site.drp("report", drill, "--format", "html").stdout

    site.seal("ehr-1", sample.passed_journal())
    site.seal("ehr-2", sample.aborted_journal())
    assert "drill after drill" not in page("ehr-1")
    assert "(Not measured)" in page("ehr-2")
    site.seal("ehr-3", sample.passed_journal())
    before = page("ehr-3")
    assert "RTA against RTO" in before
    assert "(Not measured)" not in before, "what was aborted is in nobody's trend but its own"
    assert "20.1\u00a0s (Met); " in before
    site.seal("ehr-4", sample.passed_journal())
    assert page("ehr-3") == before
    assert "drill after drill" not in site.drp("report", "ehr-4").stdout
