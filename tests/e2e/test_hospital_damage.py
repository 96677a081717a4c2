"""Backups of the hospital that are damaged in ways that hashes do not see: each drill fails, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.hospital import damages
from tests.hospital.rig import HospitalRig
from tests.support.drilled import Drilled, drill
from tests.support.fixtures_hospital import DAMAGES

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Case:
    """A damage, what must catch it, and words that the findings must say."""

    application: str
    damage: Callable[[Path], object]
    checks: frozenset[str] = frozenset()
    """Checks that must fail; empty: the application does not start."""
    says: tuple[str, ...] = ()
    healthy: frozenset[str] = field(default_factory=frozenset)
    """Checks that pass all the same, so that nobody relies on them."""


ANSWERS = frozenset({"archive/answers"})
CASES = {
    "PACS: every image gone, Orthanc answers 200": Case(
        "pacs", damages.all_images_gone, frozenset({"archive/stored-images", "archive/stored-files"}), healthy=ANSWERS
    ),
    "PACS: index without its write-ahead log": Case(
        "pacs", damages.index_without_its_log, says=("without index-wal",)
    ),
    "PACS: one bit of one pixel": Case(
        "pacs", damages.one_bit_of_one_pixel, frozenset({"archive/stored-images", "archive/stored-files"}), healthy=ANSWERS
    ),
    "PACS: an image cut short": Case(
        "pacs", damages.one_image_cut_short, frozenset({"archive/stored-images", "archive/stored-files", "images/files"}),
        healthy=ANSWERS,
    ),
    "LIS: signed value altered by SQL": Case(
        "lis-logical", damages.a_value_altered_by_sql, frozenset({"application/signed-reports"}), says=("altered",),
        healthy=frozenset({"application/login", "application/counts"}),
    ),
    "EHR: dump with flipped bytes": Case("ehr", damages.flipped_bytes_in_the_dump, says=("signal",)),
    "EHR: wrong password in the restored configuration": Case(
        "ehr", damages.wrong_password, says=("password",)
    ),
    "EHR: starts and answers with an empty database": Case(
        "ehr", damages.empty_database, frozenset({"application/counts", "losses/before-recovery-point"}),
        healthy=frozenset({"application/login"}),
    ),
    "EHR: newest segment of the WAL archive missing": Case(
        "ehr-archive", damages.a_segment_missing_from_the_archive, frozenset({"losses/before-recovery-point"}),
        healthy=frozenset({"application/login"}),
    ),
}  # fmt: skip


def named(ended: Drilled, damage: str) -> str:
    """Enter in the table that ends the run what caught the damage; return all that the findings say."""
    codes = sorted(set(ended.findings()) & {"DRP-N001", "DRP-N002", "DRP-B001", "DRP-R001"})
    start = ended.recovery()["start"]
    failed = next((task for task in start["runbook"]["tasks"] if task["outcome"] == "failed"), None) if start else None
    caught = [
        *sorted({check.split(" ")[0] for check in ended.failed()}),
        *([f"start: {failed['name']}"] if failed else codes),
    ]
    DAMAGES.append((damage, ", ".join(caught)))
    return " ".join(
        f"{finding['subject']} {finding['observed']}" for found in ended.findings().values() for finding in found
    )


@pytest.mark.parametrize("damage", list(CASES))
def test_damage_to_a_backup_of_the_hospital_fails_the_drill_and_is_named(
    lost_hospital: HospitalRig, damage: str
) -> None:
    case = CASES[damage]
    point = lost_hospital.damaged(case.damage.__name__, case.application, case.damage)
    ended = drill(lost_hospital, f"{case.application}-alone", "--repo", "damaged", "--point", point)
    said = named(ended, damage)
    assert (ended.status, ended.verdict) == (1, "failed"), ended.said
    assert case.checks <= ended.failed(), ended.said
    passed = {name for name, check in ended.checks().items() if check["outcome"] == "passed"}
    assert case.healthy <= passed, ended.said
    assert all(word in said for word in case.says), said
    if not case.checks:
        assert ended.recovery()["verify"] is None
    assert ended.recovery()["hash"]["difference"]["counts"].get("changed", 0) == 0, "no hash can see it"


def test_an_instant_beyond_a_gap_in_the_log_cannot_be_reached(lost_hospital: HospitalRig) -> None:
    point = lost_hospital.damaged("gap", "lis", damages.a_gap_in_the_log)
    instant = lost_hospital.kept["lis"].consistent_at.isoformat().replace("+00:00", "Z")
    words = ("--repo", "damaged", "--point", point, "--recover-to", instant)
    ended = drill(lost_hospital, "lis-alone", *words)
    said = named(ended, "LIS: gap in the streamed log, instant beyond it")
    assert (ended.status, ended.verdict) == (1, "failed"), ended.said
    assert "recovery target" in said


def test_a_gap_in_the_log_is_named_without_an_instant_too(lost_hospital: HospitalRig) -> None:
    """PostgreSQL alone would stop recovering at the gap, and open as if nothing were missing."""
    point = lost_hospital.damaged("gap", "lis", damages.a_gap_in_the_log)
    ended = drill(lost_hospital, "lis-alone", "--repo", "damaged", "--point", point)
    said = named(ended, "LIS: gap in the streamed log")
    assert (ended.status, ended.verdict) == (1, "failed"), ended.said
    assert "has a gap" in said


def test_an_undamaged_copy_passes(lost_hospital: HospitalRig) -> None:
    """It is the damage, and not the way it is done, that fails the others."""
    point = lost_hospital.damaged("healthy", "pacs", lambda _: None)
    ended = drill(lost_hospital, "pacs-alone", "--repo", "damaged", "--point", point)
    assert (ended.status, ended.verdict) == (0, "passed"), ended.said
