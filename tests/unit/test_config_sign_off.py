"""Checklists and sign-offs in the site's files: what they become, and which mistakes are told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from drp.config.schema_sign_off import ChecklistFile, checklist
from drp.config.site import check_site, load_site
from drp.domain.sign_off import Principal, SignOffPolicy
from tests.support.sites import DRILL, EHR, write_site

KEY = "nurse@hospital ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBkZ\n"
CHECKLIST = """sign_off:
  referent: head nurse
  steps:
    - {id: record, do: open a record, expect: yesterday's entry}
    - {id: label, do: print a label}
"""
SIGNED = CHECKLIST + "  allowed_signers: keys/signers\n"
APPLICATION, PLAN = "inventory/applications/ehr.yml", "inventory/drills/hospital.yml"


def site_with(tmp_path: Path, application: str = CHECKLIST, drill: str = "sign_off: {deadline: 90m}\n") -> Path:
    return write_site(
        tmp_path, {APPLICATION: EHR.replace("rpo: 1h}", "rpo: 1h, wrt: 45m}") + application, PLAN: DRILL + drill}
    )


def test_a_plan_asks_for_the_checklists_of_its_applications(tmp_path: Path) -> None:
    site = load_site(site_with(tmp_path))
    plan = site.plan("hospital")
    assert plan.sign_off == SignOffPolicy(deadline=timedelta(minutes=90))
    asked = {recovery.name: recovery.asks(plan) for recovery in plan.recoveries}
    assert asked["documents"] is None
    assert asked["ehr"] is not None
    assert [step.id for step in asked["ehr"].steps] == ["record", "label"]
    assert plan.recoveries[0].application.objectives.wrt == timedelta(minutes=45)
    assert site.plan("hospital", applications=("documents",)).sign_off is None, "nobody is there to ask"
    assert site.ad_hoc_plan("ehr").sign_off is None


def test_a_drill_may_do_without(tmp_path: Path) -> None:
    for said in ("", "sign_off: {required: false}\n"):
        assert load_site(site_with(tmp_path, drill=said)).plan("hospital").sign_off is None


def test_the_plan_holds_the_keys_so_that_nobody_exchanges_them_later(tmp_path: Path) -> None:
    site = site_with(tmp_path, CHECKLIST + "  allowed_signers: keys/signers\n")
    (site / "keys").mkdir()
    (site / "keys/signers").write_text(f"# referents\n\n{KEY}")
    plan = load_site(site).plan("hospital")
    assert plan.recoveries[0].application.sign_off is not None
    assert plan.recoveries[0].application.sign_off.allowed_signers == KEY


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("{n.durand@chu.example: N. Durand}", Principal(principal="n.durand@chu.example", name="N. Durand")),
        ("[n.durand@chu.example]", Principal(principal="n.durand@chu.example")),
    ],
)
def test_who_signs_is_declared_for_each_application_or_advised(tmp_path: Path, said: str, meant: Principal) -> None:
    for principals, advised in ((f"  principals: {said}\n", False), ("", True)):
        folder = tmp_path / str(advised)
        site = site_with(folder, SIGNED + principals)
        (site / "keys").mkdir()
        (site / "keys/signers").write_text(KEY.replace(KEY.split(maxsplit=1)[0], "n.durand@chu.example"))
        loaded = load_site(site)
        declared = loaded.plan("hospital").recoveries[0].application.sign_off
        assert declared is not None
        assert declared.principals == (() if advised else (meant,))
        assert any("`principals` says who does" in line for line in loaded.advice()) is advised


def test_patterns_and_authorities_may_stand_for_anybody(tmp_path: Path) -> None:
    for field in ("*@chu.example", "*@chu.example cert-authority"):
        site = site_with(tmp_path / str(len(field)), SIGNED + "  principals: [n.durand@chu.example]\n")
        (site / "keys").mkdir()
        (site / "keys/signers").write_text(KEY.replace(KEY.split(maxsplit=1)[0], field))
        assert check_site(site) == ()


def test_keys_that_vanished_let_nobody_sign(tmp_path: Path) -> None:
    said = ChecklistFile.model_validate(
        {"referent": "a", "steps": [{"id": "a", "do": "b"}], "allowed_signers": "keys/gone"}
    )
    assert checklist(said, tmp_path).allowed_signers == "# nobody\n"


@pytest.mark.parametrize(
    ("application", "drill", "problem"),
    [
        (CHECKLIST + "  allowed_signers: keys/absent\n", "", "keys/absent cannot be read, or lists nobody"),
        (CHECKLIST + "  allowed_signers: keys/empty\n", "", "cannot be read, or lists nobody"),
        (CHECKLIST + "  allowed_signers: keys/private\n", "", "no list of allowed signers"),
        (SIGNED + "  principals: {n.durant@chu.example: N. Durand}\n", "", "did you mean `n.durand@chu.example`"),
        (SIGNED + "  principals: [zz]\n", "", "known here: n.durand@chu.example"),
        (SIGNED + "  principals: []\n", "", "has too few items"),
        (CHECKLIST + "  principals: [a]\n", "", "add `allowed_signers`"),
        (CHECKLIST.replace("id: label", "id: record"), "", "steps share an id: record"),
        (CHECKLIST.replace("do: print a label", "to: print"), "", "unknown key; known here: do, expect, id"),
        ("sign_off: {referent: nobody, steps: []}\n", "", "has too few items"),
        ("", "sign_off: {required: true}\n", "none of ehr, documents has a `sign_off` checklist"),
        (CHECKLIST, "sign_off: {deadline: 90}\n", "has no unit"),
        (CHECKLIST, "sign_off: yes\n", "must be a mapping"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, application: str, drill: str, problem: str) -> None:
    site = site_with(tmp_path, application, drill)
    (site / "keys").mkdir()
    (site / "keys/signers").write_text(KEY.replace(KEY.split(maxsplit=1)[0], '"n.durand@chu.example"'))
    (site / "keys/empty").write_text("# nobody yet\n")
    (site / "keys/private").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    problems = [str(found) for found in check_site(site)]
    assert any(problem in found for found in problems), problems
