"""Each recipe of ARCHITECTURE.md is carried out in a copy of the product: it works, and touches what it says and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from drp.domain.phrase_form import read
from tests.support.fixtures_sandboxes import DRIVERS
from tests.support.workshop import ROOT, Workshop

LINE = re.compile(r"^\| (?P<what>an? [a-z ]+) \| (?P<own>[^|]+) \| (?P<beside>[^|]+) \|", re.MULTILINE)
PATH = re.compile(r"`([^`]+)`")


def recipes() -> dict[str, tuple[list[str], list[str]]]:
    """Return for everything that can be added: patterns of its own files, and the files touched beside them."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    return {
        found["what"]: (PATH.findall(found["own"]), PATH.findall(found["beside"])) for found in LINE.finditer(section)
    }


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    return Workshop(tmp_path)


def assert_recipe(what: str, touched: set[str]) -> None:
    own, beside = recipes()[what]
    left = {path for path in touched if not any(fnmatch(path, pattern.replace("NAME", "[a-z]*")) for pattern in own)}
    assert left < touched or not own, "something of its own was made"
    assert left == set(beside), f"ARCHITECTURE.md says otherwise of {what}"


def test_every_recipe_is_tried() -> None:
    tried = re.findall(r'^    assert_recipe\("([^"]+)"', Path(__file__).read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(tried) == sorted(recipes())


def test_a_language_is_a_catalogue(workshop: Workshop) -> None:
    french = (ROOT / "reports/locales/fr/LC_MESSAGES/drp.po").read_text(encoding="utf-8")
    workshop.write("reports/locales/de/LC_MESSAGES/drp.po", french.replace("Language: fr_FR", "Language: de_AT"))
    program = (
        "from drp.reporting.i18n import language\n"
        "from drp.config.schema import SiteFile\n"
        "spoken = language('de')\n"
        "print(spoken.locale, spoken.number(1234.5), SiteFile(version=1, name='h', locale='de').locale)"
    )
    assert workshop.run("-c", program) == "de_AT 1.234,5 de\n"
    assert "[de|en|fr]" in workshop.drp("report", "--help")
    assert_recipe("a language", workshop.touched)


DRILL = """
from drp.domain.events import PhaseCompleted
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.evidence.record import make_record
from drp.reporting.i18n import language
from drp.reporting.words import PHASE_NAMES
from drp.domain.findings.catalogue import CATALOGUE
from tests.simulators.world import World, events_of
world = World()
conduct(declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False), world.ports())
(drill,) = world.journal.drills()
record = make_record(world.journal.entries(drill), {})
french = language("fr")
print(record.verdict)
print([french.gettext(CATALOGUE[found.code].title) for recovery in record.recoveries for found in recovery.findings])
print([french.plain(PHASE_NAMES[event.output.phase]) for event in events_of(world) if isinstance(event, PhaseCompleted)])
"""


def translate(workshop: Workshop, english: str, french: str) -> None:
    """Bring the catalogues up to date, as ``python -m tests.support.messages`` does, and translate a new message."""
    workshop.run("-m", "tests.support.messages")
    for language, words in (("en", english), ("fr", french)):
        path = f"reports/locales/{language}/LC_MESSAGES/drp.po"
        workshop.edit(path, (f'msgid "{english}"\nmsgstr ""', f'msgid "{english}"\nmsgstr "{words}"'))


def test_a_finding_is_a_code_and_its_words(workshop: Workshop) -> None:
    workshop.edit(
        "drp/domain/findings/points.py",
        ("POINTS = (", 'WEEKEND = FindingCode("DRP-S099", "note", "made at a weekend", "Nobody was there.", "wait")\nPOINTS = (WEEKEND, '),
    )  # fmt: skip
    workshop.edit(
        "drp/drill/phases/select.py",
        ("points import SUB_PATH_LACKING", "points import SUB_PATH_LACKING, WEEKEND"),
        ("        findings=(\n", "        findings=(\n            WEEKEND.finding(subject='ehr', observed='Sunday', expected='Monday'),\n"),
    )  # fmt: skip
    translate(workshop, "made at a weekend", "faite le week-end")
    translate(workshop, "wait", "attendre")
    assert "made at a weekend" in workshop.drp("explain", "DRP-S099")
    verdict, findings, _ = workshop.run("-c", DRILL).splitlines()
    assert (verdict, findings) == ("passed", "['faite le week-end']")
    assert_recipe("a finding", workshop.touched)


def test_a_phase_is_an_output_and_a_function(workshop: Workshop) -> None:
    workshop.edit(
        "drp/domain/phase.py",
        ('"hash", "start", "verify", "reconcile"', '"hash", "scan", "start", "verify", "reconcile"'),
        ('"hash", "start", "verify")\n', '"hash", "scan", "start", "verify")\n'),
        ("class Started:", ("class Scanned:\n    phase: Literal['scan'] = 'scan'\n    findings: tuple[Finding, ...] = ()\n\n\n"
         "@dataclass(frozen=True, slots=True, kw_only=True)\nclass Started:")),
        ("Hashed | Started | Verified\n", "Hashed | Scanned | Started | Verified\n"),
        ("    start: Started | None = None\n", "    scan: Scanned | None = None\n    start: Started | None = None\n"),
        ("self.hash, self.start,", "self.hash, self.scan, self.start,"),
    )  # fmt: skip
    workshop.write(
        "drp/drill/phases/scan.py",
        "from drp.domain.phase import Scanned\n\n\ndef scan_phase(context: object) -> Scanned:\n    return Scanned()\n",
    )
    workshop.edit(
        "drp/drill/phases/__init__.py",
        ("from drp.drill.phases.start import", "from drp.drill.phases.scan import scan_phase\nfrom drp.drill.phases.start import"),
        ('    "start": start_phase,\n', '    "scan": scan_phase,\n    "start": start_phase,\n'),
    )  # fmt: skip
    workshop.edit(
        "drp/domain/evidence.py",
        ("Hashed, Prepared, Restored, Selected,", "Hashed, Prepared, Restored, Scanned, Selected,"),
        ("    start: Started | None\n", "    scan: Scanned | None\n    start: Started | None\n"),
    )
    workshop.edit("drp/evidence/record.py", ("        start=outputs.start,\n", "        scan=outputs.scan,\n        start=outputs.start,\n"))  # fmt: skip
    schema = workshop.run("-c", "from drp.evidence.schema import schema_text; print(schema_text(), end='')")
    workshop.write("reports/schemas/evidence-record-1.json", schema)
    workshop.edit(
        "drp/reporting/words.py",
        ('    "start": say("Start"),\n', '    "scan": say("Scan"),\n    "start": say("Start"),\n'),
    )
    translate(workshop, "Scan", "Analyse")
    verdict, _, phases = workshop.run("-c", DRILL).splitlines()
    assert verdict == "passed"
    assert "'Comparaison des fichiers', 'Analyse', 'Démarrage'" in phases
    assert_recipe("a phase", workshop.touched)


def test_a_verifier_is_a_module_and_an_entry_point(workshop: Workshop) -> None:
    source = (ROOT / "verifiers/drp_verifiers/tcp.py").read_text(encoding="utf-8")
    workshop.write(
        "verifiers/drp_verifiers/gopher.py",
        source.replace("TcpVerifier", "GopherVerifier").replace('"tcp"', '"gopher"'),
    )
    workshop.edit("pyproject.toml", ("tcp = ", 'gopher = "drp_verifiers.gopher:GopherVerifier"\ntcp = '))
    workshop.edit("verifiers/README.md", ("\n## tcp\n", "\n## gopher\n\nAsks a gopher.\n\n## tcp\n"))
    shown = json.loads(workshop.drp("verifier", "list", "--json"))
    assert "gopher" in json.dumps(shown)
    assert "port" in workshop.drp("verifier", "list", "gopher")
    assert_recipe("a verifier", workshop.touched)


NIGHTLY = """version: 1
repositories:
  nightly: {kind: tapes, location: {directory: kept}, folders: ["%Y-%m-%dT%H%M%SZ"]}
"""


def test_a_kind_of_repository_is_a_folder_and_its_entry_points(workshop: Workshop) -> None:
    folder = ROOT / "drp/repositories/copies"
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8").replace("repositories.copies", "repositories.tapes")
        workshop.write(f"drp/repositories/tapes/{path.relative_to(folder)}", text.replace('"copies"', '"tapes"'))
    workshop.edit(
        "pyproject.toml",
        ('copies = "drp.repositories.copies.dialect', 'tapes = "drp.repositories.tapes.dialect:DIALECT"\ncopies = "drp.repositories.copies.dialect'),
        ('copies = "drp.repositories.copies.kind', 'tapes = "drp.repositories.tapes.kind:KIND"\ncopies = "drp.repositories.copies.kind'),
    )  # fmt: skip
    site = workshop.root / "site"
    for name, content in {
        "drp.yml": "version: 1\nname: s\n",
        "inventory/repositories.yml": NIGHTLY,
        "kept/2026-11-28T020000Z/a": "x",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(content)
    assert json.loads(workshop.drp("--site", str(site), "repo", "list", "--json"))["items"][0]["state"] == "ready"
    assert_recipe("a kind of repository", workshop.touched)


VAULTED = '''"""A directory below /srv."""

from drp.config.schema import Strict
from drp.config.values import Text
from drp.domain.repository import DirectoryLocation
from drp.repositories.restic.directory import DirectoryBackend


class ShelvedFile(Strict):
    """A directory on a shelf."""

    shelf: Text
    """Name of the shelf."""


class ShelvedLocation(DirectoryLocation):
    kind = "shelved"


class Shelved:
    name = "shelved"
    file = ShelvedFile
    meaning = "A directory on a shelf."
    is_folder = True
    worm_keys = frozenset({"mode"})
    address = "SHELF"

    def location(self, said, site):
        return ShelvedLocation(path=site / "shelves" / said.shelf)

    def from_address(self, address, given):
        return {"shelf": address}

    def restic(self, settings, resolve):
        return DirectoryBackend(settings.name, settings.location.path)


SHELVED = Shelved()
'''
SHELF = """version: 1
repositories:
  nightly: {kind: copies, location: {shelved: {shelf: a}}, folders: ["%Y-%m-%dT%H%M%SZ"]}
  weekly: {kind: restic, location: {shelved: {shelf: b}}, password: {file: password}}
"""


def test_a_location_is_a_folder_and_an_entry_point(workshop: Workshop) -> None:
    workshop.write("drp/repositories/locations/shelved/entry.py", VAULTED)
    workshop.edit(
        "pyproject.toml", ("directory = ", 'shelved = "drp.repositories.locations.shelved.entry:SHELVED"\ndirectory = ')
    )
    site = workshop.root / "site"
    for name, content in {
        "drp.yml": "version: 1\nname: s\n",
        "inventory/repositories.yml": SHELF,
        "shelves/a/2026-11-28T020000Z/a": "x",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(content)
    found = json.loads(workshop.drp("--site", str(site), "config", "show", "--json"))
    assert str(site / "shelves" / "b") in json.dumps(found)
    assert '"shelf"' in workshop.drp("config", "schema", "repositories")
    program = "from drp.config.whereabouts import Given, place_of; print(place_of('shelved:a', Given()))"
    assert workshop.run("-c", program) == "{'shelved': {'shelf': 'a'}}\n"
    (site / "inventory/repositories.yml").write_text(SHELF.partition("  weekly")[0])
    assert json.loads(workshop.drp("--site", str(site), "repo", "list", "--json"))["items"][0]["state"] == "ready"
    assert_recipe("a location", workshop.touched)


TRIAL = """
import os, sys
from drp.sandboxes.host.worker import worker_command
argv = worker_command([sys.executable, "-m", "drp.sandboxes.trial", "bare-namespaces", sys.argv[1]])
os.execvp(argv[0], argv)
"""


def test_a_driver_of_sandboxes_is_a_folder_and_an_entry_point(workshop: Workshop, tmp_path: Path) -> None:
    for path in (DRIVERS / "bare_namespaces").glob("*.py"):
        text = path.read_text(encoding="utf-8").replace("from bare_namespaces.", "from drp.sandboxes.bare.")
        workshop.write(f"drp/sandboxes/bare/{path.name}", text)
    entry = 'bare-namespaces = "drp.sandboxes.bare.entry:DRIVER"'
    workshop.edit("pyproject.toml", ("bubblewrap = ", f"{entry}\nbubblewrap = "))
    workshop.edit("inventory/README.md", ("(`bubblewrap`, or", "(`bubblewrap`, `bare-namespaces`, or"))
    (tmp_path / "run").mkdir()
    found = json.loads(workshop.run("-c", TRIAL, str(tmp_path / "run")).splitlines()[-1])
    assert found["met"], found
    assert "81 of 81" in str(read(found["detail"]))
    assert '"bare-namespaces"' in workshop.drp("config", "schema", "sandboxes")
    assert_recipe("a driver of sandboxes", workshop.touched)


def test_a_runbook_is_a_folder(workshop: Workshop) -> None:
    for path in (ROOT / "runbooks/files").iterdir():
        workshop.write(f"runbooks/pharmacy/{path.name}", path.read_text(encoding="utf-8"))
    site = workshop.root / "site"
    workshop.drp("init", str(site))
    assert "pharmacy" in workshop.drp("--site", str(site), "runbook", "list")
    assert "pharmacy" in workshop.drp("--site", str(site), "runbook", "show", "pharmacy")
    assert_recipe("a runbook", workshop.touched)
