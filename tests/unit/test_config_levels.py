"""The keys `level` and `sample` of a drill file, and the flags above them: what they become, and every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.config.site import check_site, load_site
from drp.errors import UsageError
from drp.repositories.restic.kind import ResticKind
from tests.support.sites import DRILL, write_site


def site(folder: Path, text: str = "") -> Path:
    return write_site(folder, {"inventory/drills/hospital.yml": DRILL + text})


def test_what_a_file_says_becomes_part_of_the_plan(tmp_path: Path) -> None:
    plan = load_site(site(tmp_path, "level: sample\nsample: 7\nrequire_manifest: false\n")).plan("hospital")
    assert (plan.level, plan.sample_files, plan.starts) == ("sample", 7, False)
    assert all(recovery.require_manifest for recovery in plan.recoveries)
    assert len(plan.waves()) == 1


def test_what_it_leaves_out_is_a_full_drill(tmp_path: Path) -> None:
    plan = load_site(site(tmp_path)).plan("hospital")
    assert (plan.level, plan.sample_files) == ("full", 3000)


def test_flags_stand_above_the_file(tmp_path: Path) -> None:
    loaded = load_site(site(tmp_path, "sample: 7\npod: true\n"))
    plan = loaded.plan("hospital", level="sample")
    assert (plan.level, plan.sample_files) == ("sample", 7)
    assert (plan.pod, plan.sign_off, plan.reconciliation) == (False, None, None)
    assert loaded.plan("hospital", level="sample", sample_files=300).sample_files == 300
    assert loaded.plan("hospital").pod
    assert loaded.ad_hoc_plan("ehr", level="hash").level == "hash"
    deeper = load_site(site(tmp_path / "deeper", "level: hash\n")).plan("hospital", level="full")
    assert deeper.starts


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"level": "deep"}, "no level `deep`"),
        ({"level": "sampel"}, "did you mean `sample`"),
        ({"sample_files": 3}, "--sample is about drills of level sample"),
        ({"level": "hash", "sample_files": 3}, "--sample is about drills of level sample"),
        ({"level": "sample", "sample_files": 0}, "a sample of 0 files"),
        ({"level": "sample", "sample_files": -1}, "a sample of -1 files"),
        ({"level": "sample", "sample_files": 10_001}, "a sample of 10001 files"),
        ({"level": "hash", "keep_sandbox": True}, "--keep-sandbox is about what is started"),
        ({"level": "hash", "recover_to": "2026-11-21T02:00:00Z"}, "--recover-to is about what is started"),
    ],
)
def test_flags_that_fit_no_drill_are_refused(tmp_path: Path, flags: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_site(site(tmp_path)).plan("hospital", **flags)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("level: deep\n", "level: "),
        ("level: sample\nsample: 0\n", "sample: "),
        ("level: sample\nsample: 10001\n", "sample: "),
        ("level: hash\npod: true\n", "pod: a drill of level hash starts nothing"),
        ("level: hash\nsign_off: {deadline: 1h, required: false}\n", "sign_off: a drill of level hash starts nothing"),
        ("level: sample\nselect: {recover_to: 2026-11-21T02:00:00Z}\n", "select.recover_to: a drill of level sample"),
    ],
)
def test_a_file_that_asks_for_what_its_level_does_not_do_has_a_problem_in_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    (problem,) = check_site(site(tmp_path, text))
    assert said in str(problem)
    assert f"hospital.yml:{len((DRILL + text).splitlines())}:" in str(problem)


def test_a_kind_that_restores_no_parts_is_refused_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = site(tmp_path / "sound")
    monkeypatch.delattr(ResticKind, "restores_parts")  # as a kind of another package that never heard of parts
    problems = check_site(site(tmp_path / "other", "level: sample\n"))
    assert problems
    assert all("restores whole recovery points, and no sample of one" in str(problem) for problem in problems)
    assert all("hospital.yml:" in str(problem) for problem in problems)
    assert check_site(site(tmp_path / "hash", "level: hash\n")) == ()
    with pytest.raises(UsageError, match="restores whole recovery points"):
        load_site(sound).plan("hospital", level="sample")
    assert load_site(sound).plan("hospital", level="hash").level == "hash"
