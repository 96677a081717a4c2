"""The doctor finds what is missing by trying, and says how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.domain.phrase_form import read
from drp.errors import SandboxError
from drp.sandboxes import trial
from drp.sandboxes.bubblewrap import doctor

pytestmark = pytest.mark.real


def test_here_everything_is_met() -> None:
    found = {each.name: each for each in doctor.requirements()}
    assert all(each.met for each in found.values()), found
    assert "81 of 81" in found["sandbox isolation"].detail
    assert not any(each.mend for each in found.values())


def test_a_missing_tool_is_named_with_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor._TOOLS, "bubblewrap", (["no-such-bwrap"], "apt-get install bubblewrap"))
    found = {each.name: each for each in doctor.requirements()}
    assert not found["bubblewrap"].met
    assert found["bubblewrap"].mend == "apt-get install bubblewrap"
    assert "sandbox isolation" not in found


def test_a_worker_that_cannot_be_made_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = ["sh", "-c", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1"]
    monkeypatch.setattr(trial, "worker_command", lambda _argv: refusal)
    found = trial.isolation("bubblewrap", hints=doctor._HINTS)
    assert not found.met
    assert "apparmor" in found.mend


def test_a_sandbox_needs_no_higher_limits_than_drp_itself_has(monkeypatch: pytest.MonkeyPatch) -> None:
    made = trial.worker_command
    monkeypatch.setattr(trial, "worker_command", lambda argv: ["prlimit", "--nofile=256:256", "--", *made(argv)])
    found = trial.isolation("bubblewrap", hints=doctor._HINTS)
    assert found.met, found


def test_a_leak_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ["sh", "-c", """echo '{"met": false, "detail": "80 of 81 ways out denied; net.af_vsock: allowed"}'"""]
    monkeypatch.setattr(trial, "worker_command", lambda _argv: answer)
    found = trial.isolation("bubblewrap", hints=doctor._HINTS)
    assert not found.met
    assert "net.af_vsock" in found.detail


def test_a_plain_user_hears_what_is_lost_but_may_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (doctor, doctor.cgroups):
        monkeypatch.setattr(module, "standing", lambda: "user")
    monkeypatch.setattr(doctor, "has_sub_ids", lambda: False)
    monkeypatch.setattr(doctor.on_disk, "obstacle", lambda: ("no fuse2fs", "install it"))
    parts = (doctor._limits(), doctor._loop(), doctor._ranges())
    assert all(each.met for each in parts)
    assert "prlimit" in parts[0].detail
    assert "in memory" in parts[1].detail
    assert "no fuse2fs; to have them: install it" in parts[1].detail
    assert "owners are not judged" in parts[2].detail


def test_without_pods_one_may_drill_and_hears_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from drp.sandboxes.network.pods import Pod

    def refuse(*_: object) -> None:
        raise SandboxError("cannot set up the sandbox's network: [Errno 95] Operation not supported")

    monkeypatch.setattr(Pod, "make", refuse)
    monkeypatch.setattr(trial, "enter_worker", lambda *_: None)
    found = trial.trial("bubblewrap", tmp_path / "run")
    assert found["met"], found
    assert "no pods (`pod: true`) here: cannot set up the sandbox's network" in read(found["detail"])
