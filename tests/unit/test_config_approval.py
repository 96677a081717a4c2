"""Approval in the site's files and in policies: what it becomes, and which mistakes are told where."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.config.site import check_site, load_site
from drp.domain.approval import ApprovalPolicy
from drp.domain.schedule.policy import Policy
from drp.errors import ConfigError
from drp.schedule.approval import with_approval
from drp.schedule.orders import plan_of
from tests.simulators.world import plan
from tests.support.sites import DRILL, SITE, write_site

KEYS = "n.durand@chu ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBkZ\nb.martin@chu ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBkY\n"
SIGNED = SITE + "approvals: {allowed_signers: keys/approvers, four_eyes: true}\n"
ASKS = "approval: {approvers: [n.durand@chu, b.martin@chu], within: 90m}\n"
SCHEDULE = """version: 1
preset: none
policies:
  - {application: ehr, level: full, cron: '0 2 * * *', max_age: 30d, grace: 3d, approvers: [n.durand@chu], approval_within: 1h}
"""
WANTED = Policy(application="ehr", level="full", max_age=timedelta(days=30), grace=timedelta(days=3))
PROVING = ApprovalPolicy(approvers=(), allowed_signers=KEYS, four_eyes=True)


def site_with(tmp_path: Path, drill: str = ASKS, site: str = SIGNED, **files: str) -> Path:
    given = {"drp.yml": site, "inventory/drills/hospital.yml": DRILL + drill, "keys/approvers": KEYS, **files}
    return write_site(tmp_path, given)


def test_a_plan_says_who_may_approve_it_and_holds_their_keys(tmp_path: Path) -> None:
    site = load_site(site_with(tmp_path))
    expected = ApprovalPolicy(
        approvers=("n.durand@chu", "b.martin@chu"),
        within=timedelta(minutes=90),
        allowed_signers=KEYS,
        four_eyes=True,
    )
    assert site.plan("hospital").approval == expected
    assert site.plan("hospital", applications=("ehr",), level="hash").approval == expected
    assert site.ad_hoc_plan("ehr").approval is None
    assert site.approvals == PROVING


def test_without_keys_accounts_are_named(tmp_path: Path) -> None:
    site = load_site(site_with(tmp_path, drill="approval: {approvers: [anna]}\n", site=SITE))
    assert site.plan("hospital").approval == ApprovalPolicy(approvers=("anna",))
    assert check_site(site.directory) == ()


def test_a_file_of_keys_that_vanished_lets_nobody_approve(tmp_path: Path) -> None:
    directory = site_with(tmp_path)
    (directory / "keys/approvers").unlink()
    assert [problem.file for problem in check_site(directory)] == ["drp.yml"]
    with pytest.raises(ConfigError, match="cannot be read, or lists nobody"):
        load_site(directory)


@pytest.mark.parametrize(
    ("drill", "site", "file", "message"),
    [
        ("approval: {approvers: []}\n", SIGNED, "inventory/drills/hospital.yml", "has too few items"),
        ("approval: {}\n", SIGNED, "inventory/drills/hospital.yml", "is missing"),
        ("approval: {approvers: [b.martin@chu, b.martin@chu]}\n", SIGNED, "inventory/drills/hospital.yml", "twice"),
        ("approval: {approvers: [n.durant@chu]}\n", SIGNED, "inventory/drills/hospital.yml", "did you mean `n.durand@chu`"),
        ("approval: {approvers: [b.martin@chu], whithin: 1h}\n", SIGNED, "inventory/drills/hospital.yml", "did you mean `within`"),
        ("", SITE + "approvals: {four_eyes: true}\n", "drp.yml", "only keys tell"),
        ("", SITE + "approvals: {allowed_signers: drp.yml}\n", "drp.yml", "is no list of allowed signers"),
        ("", SITE + "approvals: {allowed_signers: keys/none}\n", "drp.yml", "cannot be read, or lists nobody"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_place(tmp_path: Path, drill: str, site: str, file: str, message: str) -> None:
    (problem,) = check_site(site_with(tmp_path, drill=drill, site=site))
    assert problem.file == file
    assert message in problem.message
    assert problem.position.line > 1 if drill else problem.position.line == 3


def test_policies_name_approvers_that_have_keys_too(tmp_path: Path) -> None:
    assert check_site(site_with(tmp_path, **{"inventory/schedule.yml": SCHEDULE})) == ()
    wrong = SCHEDULE.replace("[n.durand@chu]", "[n.dupont@chu]")
    (problem,) = check_site(site_with(tmp_path, **{"inventory/schedule.yml": wrong}))
    assert (problem.file, "no key of `n.dupont@chu`" in problem.message) == ("inventory/schedule.yml", True)


def test_patterns_and_authorities_may_stand_for_anybody(tmp_path: Path) -> None:
    assert (
        check_site(site_with(tmp_path, **{"keys/approvers": f"*@chu cert-authority {KEYS.split(maxsplit=1)[1]}"})) == ()
    )


def test_the_order_of_a_policy_has_its_plan_approved(tmp_path: Path) -> None:
    site = load_site(site_with(tmp_path, **{"inventory/schedule.yml": SCHEDULE}))
    values = {"plan": "", "application": "ehr", "level": "full", "without": [], "policies": {"ehr/full": "d"}}
    approval = plan_of(site, values).approval
    assert approval == replace(PROVING, approvers=("n.durand@chu",), within=timedelta(hours=1))
    assert plan_of(site, {**values, "plan": "hospital"}).approval == approval, "what both want, in the shorter time"
    assert plan_of(site, {**values, "policies": {}}).approval is None


def test_one_word_has_to_be_enough_for_all_who_ask() -> None:
    first = replace(WANTED, approvers=("a", "b", "c"), approval_within=timedelta(hours=3))
    second = replace(WANTED, level="hash", approvers=("c", "b"), approval_within=timedelta(hours=2))
    found = with_approval(plan(), (first, second, WANTED), PROVING).approval
    assert found == replace(PROVING, approvers=("b", "c"), within=timedelta(hours=2))
    assert with_approval(plan(), (WANTED,), PROVING).approval is None
    own = replace(plan(), approval=replace(PROVING, approvers=("c",), within=timedelta(minutes=5)))
    assert with_approval(own, (WANTED,), PROVING) == own
    assert with_approval(own, (first,), PROVING).approval == own.approval
    with pytest.raises(ConfigError, match="nobody may approve it for all"):
        with_approval(own, (replace(first, approvers=("a",)),), PROVING)
