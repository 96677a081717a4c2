"""What needs verification: what a drill declared beside the site of today, on real files and programs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.codec import digest
from drp.config.site import load_site
from drp.domain.events import DrillDeclared
from drp.domain.schedule.proofs import Proof
from drp.service.changes import Changes, changes_since
from drp.service.wiring import Wiring
from tests.support.sites import DOCUMENTS, EHR, REPOSITORIES, SITE, write_site

NOW = datetime(2026, 11, 29, 22, 0, tzinfo=UTC)
STEPS = "- hosts: sandbox\n  tasks: []\n"
OWN = {f"runbooks/{kind}/{step}.yml": STEPS for kind in ("own", "other") for step in ("restore", "start", "stop")}
FILES = {
    "inventory/applications/ehr.yml": EHR.replace("kind: postgres", "kind: own") + "release: '5.0'\n",
    **OWN,
    "runbooks/roles/common/tasks/main.yml": "[]\n",
}
PROOF = Proof(level="full", drill="hospital-1", declared_at=NOW, host="here")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of which a drill of the plan `hospital` was declared."""
    write_site(tmp_path, FILES)
    declare(tmp_path, "hospital-1")
    return tmp_path


def declare(site: Path, drill: str, applications: tuple[str, ...] = (), **changes: object) -> None:
    """Journal the declaration of a drill, with what it would use now."""
    with opened(site) as wiring:
        plan = replace(wiring.declarable(wiring.site.plan("hospital", applications=applications)), **changes)  # type: ignore[arg-type]
        wiring.journal().append(
            drill,
            DrillDeclared(
                plan=plan,
                plan_digest=digest(plan),
                disaster_at=NOW,
                requested_by="test",
                drp_version="1",
                host="here",
            ),
        )


@contextmanager
def opened(site: Path) -> Iterator[Wiring]:
    wiring = Wiring(load_site(site))
    with closing(wiring.journal()):  # type: ignore[type-var]
        yield wiring


def changes(site: Path, application: str = "ehr", drill: str = "hospital-1") -> tuple[str, ...]:
    with opened(site) as wiring:
        return changes_since(wiring, application, replace(PROOF, drill=drill))


def test_nothing_changed_where_nothing_did(site: Path) -> None:
    assert changes(site) == ()
    assert changes(site, "documents") == ()


CHANGES = {
    "a step of its runbook": ("runbooks/own/restore.yml", STEPS + "# x\n", ("runbooks/own/restore.yml",)),
    "a new file of its runbook": ("runbooks/own/files/x.sh", "true\n", ("runbooks/own/files/x.sh",)),
    "a role that all share": ("runbooks/roles/common/tasks/main.yml", "[ ]\n", ("runbooks/roles/common/tasks/main.yml",)),
    "a check": ("inventory/applications/ehr.yml", FILES["inventory/applications/ehr.yml"].replace("verifier: postgres}", "verifier: postgres, timeout: 9m}"), ("ehr: checks",)),
    "its release": ("inventory/applications/ehr.yml", FILES["inventory/applications/ehr.yml"].replace("5.0", "5.2"), ("ehr: release",)),
    "its objective": ("inventory/applications/ehr.yml", FILES["inventory/applications/ehr.yml"].replace("rto: 4h", "rto: 2h"), ("ehr: objectives",)),
    "its runbook": ("inventory/applications/ehr.yml", EHR + "release: '5.0'\n", ("ehr: runbook", "runbooks/own/restore.yml", "runbooks/own/start.yml", "runbooks/own/stop.yml")),
    "its repository moved": ("inventory/repositories.yml", REPOSITORIES.replace("/srv/backup", "/srv/elsewhere"), ("repository vault",)),
    "what the plan trusts": ("inventory/drills/hospital.yml", "name: hospital\nscenario: {title: Ransomware}\nrecoveries: [ehr, documents]\ntrust: none\n", ("ehr: trust",)),
    "a pod": ("inventory/drills/hospital.yml", "name: hospital\nscenario: {title: Ransomware}\nrecoveries: [ehr, documents]\npod: true\n", ("hospital: pod", "hospital: reconciliation")),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_what_a_recovery_rests_on_counts(site: Path, case: str) -> None:
    file, content, told = CHANGES[case]
    (site / file).parent.mkdir(parents=True, exist_ok=True)
    (site / file).write_text(content)
    found = changes(site)
    if case == "its runbook":
        assert "ehr: runbook" in found
    elif case == "a pod":
        assert "hospital: pod" in found
    else:
        assert found == told


COSMETIC = {
    "a title": ("inventory/applications/ehr.yml", FILES["inventory/applications/ehr.yml"].replace("Electronic health", "Electronic patient")),
    "an owner, a tier and a comment": ("inventory/applications/ehr.yml", "# of 2026\n" + FILES["inventory/applications/ehr.yml"].replace("tier: 0", "tier: 1\nowner: head of IT")),
    "how often it is drilled": ("inventory/applications/ehr.yml", FILES["inventory/applications/ehr.yml"] + "drill_every: 30d\n"),
    "the scenario's words": ("inventory/drills/hospital.yml", "name: hospital\nscenario: {title: A flood}\nrecoveries: [ehr, documents]\n"),
    "another runbook": ("runbooks/other/restore.yml", STEPS + "# x\n"),
    "another application": ("inventory/applications/documents.yml", DOCUMENTS.replace("rpo: 1d", "rpo: 2d")),
    "another repository": ("inventory/repositories.yml", REPOSITORIES.replace("SHELF-A", "SHELF-B")),
    "how long a repository is waited for": ("inventory/repositories.yml", REPOSITORIES.replace("password: {file: secrets/vault}", "password: {file: secrets/vault}\n    limits: {connect: 9s}")),
    "the site's language": ("drp.yml", SITE + "locale: fr\n"),
    "an application that left the plan": ("inventory/drills/hospital.yml", "name: hospital\nscenario: {title: Ransomware}\nrecoveries: [ehr]\n"),
    "a plan that is gone": ("inventory/drills/hospital.yml", "name: another\nscenario: {title: Ransomware}\nrecoveries: [ehr, documents]\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", COSMETIC)
def test_words_and_what_others_use_do_not(site: Path, case: str) -> None:
    file, content = COSMETIC[case]
    assert (site / file).read_text() != content, "the case changes something"
    (site / file).write_text(content)
    assert changes(site) == ()


def test_what_was_deleted_counts_and_what_is_put_back_does_not(site: Path) -> None:
    step = site / "runbooks/own/start.yml"
    with opened(site) as wiring:
        asked = Changes(wiring.site, wiring.journal_to_read())
        assert asked.since("ehr", "hospital-1") == ()
    extra = site / "runbooks/own/files/x.sh"
    extra.parent.mkdir()
    extra.write_text("true\n")
    declare(site, "hospital-2")
    extra.unlink()
    assert changes(site, drill="hospital-2") == ("runbooks/own/files/x.sh",)
    assert changes(site) == ()
    step.write_text(STEPS + "# x\n")
    assert changes(site) == ("runbooks/own/start.yml",)
    step.write_text(STEPS)
    assert changes(site) == ()


def test_a_drill_of_one_application_or_from_another_of_its_repositories_is_compared_as_it_was(site: Path) -> None:
    declare(site, "hospital-3", applications=("ehr",))
    assert changes(site, drill="hospital-3") == ()
    with opened(site) as wiring:
        plan = wiring.site.plan("hospital", applications=("ehr",), repository="shelf")
        declare(site, "hospital-4", applications=("ehr",), recoveries=plan.recoveries, materials=wiring.materials(plan))
    assert changes(site, drill="hospital-4") == ()
    (site / "inventory/repositories.yml").write_text(REPOSITORIES.replace("SHELF-A", "SHELF-B"))
    assert changes(site, drill="hospital-4") == ("repository shelf",)
    assert changes(site, drill="hospital-3") == ()


def test_another_backup_tool_counts_and_the_same_at_another_place_too(site: Path, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("tools")
    tool = folder / "restic"
    shutil.copy2(shutil.which("restic") or "", tool)
    named = REPOSITORIES.replace("password: {file: secrets/vault}", f"password: {{file: secrets/vault}}\n    executable: {tool}")  # fmt: skip
    (site / "inventory/repositories.yml").write_text(named)
    found = changes(site)
    assert str(tool.resolve()) in found
    assert "repository vault" in found
    declare(site, "hospital-5")
    assert changes(site, drill="hospital-5") == ()
    with tool.open("ab") as stream:
        stream.write(b"x")
    assert changes(site, drill="hospital-5") == (str(tool.resolve()),)


def test_an_older_drp_declared_less_and_that_changed_nothing(site: Path) -> None:
    with opened(site) as wiring:
        materials = dict(wiring.materials(wiring.site.plan("hospital")))
    old = {name: found for name, found in materials.items() if not name.startswith(("repository ", "runbooks of drp"))}
    declare(site, "hospital-6", materials=old)
    assert changes(site, drill="hospital-6") == ()


def test_an_application_that_can_be_planned_no_more_is_told_as_a_whole(site: Path) -> None:
    broken = site / "inventory/applications/ehr.yml"
    broken.write_text(EHR + "unknown: key\n")
    assert changes(site) == ("ehr",)
    broken.unlink()
    (site / "inventory/drills/hospital.yml").write_text(
        "name: hospital\nscenario: {title: X}\nrecoveries: [documents]\n"
    )
    (site / "inventory/applications/documents.yml").write_text(DOCUMENTS.replace("depends_on: [ehr]\n", ""))
    assert changes(site) == ("ehr",)


def test_drp_itself_and_what_only_drills_use_do_not_count(site: Path) -> None:
    with opened(site) as wiring:
        materials = {
            name: "0" * 64 if name in {"drp", "ansible-core"} or name.startswith("verifier ") else found
            for name, found in wiring.materials(wiring.site.plan("hospital")).items()
        }
    declare(site, "hospital-7", materials=materials)
    assert changes(site, drill="hospital-7") == ()
    declare(site, "hospital-8", materials={**materials, "runbooks of drp": "0" * 64})
    assert changes(site, drill="hospital-8") == ("runbooks of drp",)
