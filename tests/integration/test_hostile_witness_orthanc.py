"""A restored Orthanc whose own code answers for it: behaviour by behaviour, what it got. The plugin is real and lies."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp.domain.restored_code import RestoredCode
from drp_verifiers.orthanc import OrthancOptions, OrthancVerifier
from tests.hospital import dicom
from tests.hospital.orthanc import Orthanc
from tests.hospital.processes import Namespace, hand_over
from tests.hospital.target import NamespaceTarget
from tests.simulators.target import LocalTarget
from tests.support.role_programs import prepare
from tests.support.scratch import roomy, scratch

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LIE = """
#include <stdint.h>
#include <string.h>
typedef struct { void *manager; const char *version; void (*release)(void *);
                 int32_t (*invoke)(void *, int32_t, const void *); } Context;
typedef struct { const char *path; int32_t (*callback)(void *, const char *, const void *); } Route;
typedef struct { void *output; const char *answer; uint32_t size; const char *kind; } Answer;
static Context *context;
static const char *lie = "{\\"CountPatients\\":400,\\"CountStudies\\":400,\\"CountSeries\\":400,"
                         "\\"CountInstances\\":400,\\"TotalDiskSize\\":\\"4000000\\"}";
static int32_t answer(void *output, const char *url, const void *request) {
  Answer said = {output, lie, (uint32_t) strlen(lie), "application/json"};
  return context->invoke(context, 2000, &said);
}
int32_t OrthancPluginInitialize(void *given) {
  Route route = {"/statistics", answer};
  context = given;
  return context->invoke(context, 1000, &route);
}
void OrthancPluginFinalize(void) {}
const char *OrthancPluginGetName(void) { return "ward"; }
const char *OrthancPluginGetVersion(void) { return "1.0"; }
"""
"""A plugin for Orthanc's own interface (its SDK's services 1000 and 2000): all that it does is to answer a count."""


class Lab:
    """Three patients with two images each, as Orthanc keeps them, and a plugin that says they are 400."""

    def __init__(self, folder: Path, namespace: Namespace) -> None:
        self.folder, self.namespace = folder, namespace
        self.made = Orthanc(folder / "made", "127.0.0.1", namespace)
        self.running: list[Orthanc] = [self.made]
        self.plugin = folder / "libWard.so"
        (folder / "lie.c").write_text(LIE)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.plugin, folder / "lie.c"], check=True)

    def fill(self) -> None:
        self.made.create()
        self.made.start()
        for number in range(3):
            study, series = dicom.new_uid(), dicom.new_uid()
            for one in (1, 2):
                image = dicom.Image(f"P{number}", f"DOE{number}^J", f"A{number}", study, series, one, NOW, 16)
                self.made.client().upload(dicom.instance(image))
        self.made.stop()

    def restored(self, **settings: object) -> Orthanc:
        """Return a copy of the backup, with hostile settings and the hostile plugin among its files."""
        pacs = Orthanc(self.folder / f"restored-{len(self.running)}", "127.0.0.1", self.namespace)
        self.running.append(pacs)
        shutil.copytree(self.made.root, pacs.root)
        shutil.copy(self.plugin, pacs.root / "libWard.so")
        said = json.loads(self.made.configuration.read_text())
        plugins = [*said["Plugins"], str(pacs.root / "libWard.so")]
        pacs.configuration.write_text(json.dumps({**said, "Plugins": plugins, **settings}))
        return pacs

    def start(self, pacs: Orthanc, *trusted: str) -> dict[str, list[str]]:
        """Start it as the runbook does; returns what it was told of by kind."""
        program = prepare("orthanc")
        program.RUN = pacs.root / "run"
        plan = program.plan({
            "restored_root": str(pacs.root), "configuration": str(pacs.configuration), "storage": str(pacs.storage),
            "index": "sqlite", "index_directory": str(pacs.storage), "software": "/usr", "plugins": list(trusted),
            "copied_while_running": False, "port": 0, "dicom_port": 0,
        })  # fmt: skip
        shutil.copy(program.RUN / "orthanc.json", pacs.configuration)
        hand_over(pacs.root, pacs.user)
        subprocess.run(["chown", "-R", "orthanc", pacs.root], check=True)
        pacs.start()
        return {each["subject"]: each["observed"] for each in plan["notices"]}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    namespace = Namespace()
    namespace.create()
    with scratch("drp-hostile", roomy(1 << 28)) as folder:
        made = Lab(folder, namespace)
        try:
            made.fill()
            yield made
        finally:
            for each in made.running:
                each.kill()
            namespace.destroy()


COUNTS = {"patients": 3, "studies": 3, "series": 3, "instances": 6}


def expecting(pacs: Orthanc, *, facts: bool) -> Expectation:
    known: dict[str, object] = {"orthanc": {"counts": COUNTS, "rule": "exact"}} if facts else {}
    root = str(pacs.root)
    return Expectation(facts=known, disaster_at=NOW, consistent_at=NOW, timeout_seconds=60, restored_root=root)


def asked(pacs: Orthanc, *, facts: bool) -> dict[str, CheckResult]:
    options = OrthancOptions(configuration="etc/orthanc.json", storage="storage", samples=1)
    answers = OrthancVerifier().verify(NamespaceTarget(pacs.namespace), options, expecting(pacs, facts=facts))
    return {answer.check: answer for answer in answers if isinstance(answer, CheckResult)}


def read(pacs: Orthanc, *, facts: bool = True) -> tuple[dict[str, CheckResult], dict[str, str]]:
    options = OrthancOptions(configuration="etc/orthanc.json", storage="storage")
    answers = list(OrthancVerifier().read(LocalTarget(user="root"), options, expecting(pacs, facts=facts)))
    results = {answer.check: answer for answer in answers if isinstance(answer, CheckResult)}
    return results, {answer.name: answer.digest for answer in answers if isinstance(answer, RestoredCode)}


def digest_of(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_a_plugin_of_the_backup_is_not_loaded_and_its_lie_not_told(lab: Lab) -> None:
    pacs = lab.restored()
    results, code = read(pacs)
    assert {result.outcome for result in results.values()} == {"passed"}, results
    assert {"libWard.so", "etc/orthanc.json: Plugins", "index: trigger AttachedFileDeleted"} <= set(code)
    told = lab.start(pacs)
    assert f"libWard.so@{digest_of(lab.plugin)}" in told["plugin libWard.so"]
    found = asked(pacs, facts=False)
    assert found["counts-of-files"].outcome == "passed", found["counts-of-files"]
    assert "instances 6" in found["counts"].observed
    pacs.kill()


def test_a_plugin_that_is_trusted_by_its_digest_may_lie_and_is_caught(lab: Lab) -> None:
    pacs = lab.restored()
    results, _ = read(pacs)
    assert results["index-counts"].outcome == "passed", "what drp reads is not what it says"
    lab.start(pacs, f"libWard.so@{digest_of(lab.plugin)}")
    for facts, failing in ((True, {"counts", "counts-of-files"}), (False, {"counts-of-files"})):
        found = asked(pacs, facts=facts)
        assert failing <= {check for check, result in found.items() if result.outcome == "failed"}, found
        assert "instances 400" in found["counts-of-files"].observed
    pacs.kill()


def a_view_for_images(index: Path) -> None:
    with closing(sqlite3.connect(index, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE Resources RENAME TO Held")
        connection.execute("CREATE VIEW Resources AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                           " WHERE i < 400) SELECT i AS internalId, 4 AS resourceType, 'x' AS publicId, 0 AS parentId FROM n")  # fmt: skip


def an_index_that_is_no_database(index: Path) -> None:
    index.write_bytes(b"SQLite format 3\0" + b"\xff" * 8176)


def an_index_that_leads_elsewhere(index: Path) -> None:
    index.unlink()
    index.symlink_to("/etc/passwd")


@pytest.mark.parametrize("behaviour", [a_view_for_images, an_index_that_is_no_database, an_index_that_leads_elsewhere])
def test_an_index_that_lies_is_caught_before_anything_runs(lab: Lab, behaviour: object) -> None:
    pacs = lab.restored()
    assert callable(behaviour)
    behaviour(pacs.storage / "index")
    results, _ = read(pacs)
    assert "failed" in {result.outcome for result in results.values()}, results
    assert results["stored-files"].outcome != "passed"


def test_a_changed_plugin_script_and_configuration_have_other_digests(lab: Lab) -> None:
    pacs = lab.restored()
    (pacs.root / "etc/route.lua").write_text("function OnStoredInstance() end\n")
    _, before = read(pacs)
    (pacs.root / "etc/route.lua").write_text("function OnStoredInstance() Delete() end\n")
    with (pacs.root / "libWard.so").open("ab") as file:
        file.write(b"\0")
    said = json.loads(pacs.configuration.read_text())
    pacs.configuration.write_text(json.dumps({**said, "LuaScripts": ["route.lua"], "Python": {"Path": "x.py"}}))
    _, after = read(pacs)
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {"etc/route.lua", "libWard.so", "etc/orthanc.json: LuaScripts", "etc/orthanc.json: Python"}
