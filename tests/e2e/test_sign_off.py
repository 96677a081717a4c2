"""Sign-off of a real drill: the referent looks into the sandbox, answers with a real key, and stops the clock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drp.codec import canonical, from_data, to_data
from drp.domain.sign_off import SignOffAnswer, StepResult
from drp.sign_off import Refused, Visitor, sign
from tests.e2e.test_drill import record_of
from tests.support.processes import left, processes_left
from tests.support.rig import APPLICATION, DRILL, Rig, wait
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]
CHECKLIST = """sign_off:
  referent: head nurse on duty
  allowed_signers: keys/allowed_signers
  principals: {nurse@hospital: N. Durand}
  steps:
    - {id: record, do: open the newest record, expect: its last entry is of yesterday}
    - {id: label, do: print a label}
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A referent's key, and a thief's."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("nurse", "trainee", "thief"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True
        )
    return folder


@pytest.fixture
def hospital(stage: Rig, keys: Path) -> Iterator[Rig]:
    """The small hospital, whose EHR has a checklist, and drills that ask for it."""
    (stage.site / "keys").mkdir(exist_ok=True)
    (stage.site / "keys/allowed_signers").write_text(
        f"# who may sign\nnurse@hospital {(keys / 'nurse.pub').read_text()}trainee@hospital {(keys / 'trainee.pub').read_text()}"
    )
    application = APPLICATION.replace("rpo: 1d}", "rpo: 1d, wrt: 30m}") + CHECKLIST
    signed = DRILL.format(name="ehr-signed", repository="medium", policy="newest")
    drills = {"ehr-signed": "{deadline: 10m}", "ehr-hasty": "{deadline: 1s}"}
    files = {
        f"inventory/drills/{name}.yml": signed.replace("ehr-signed", name) + f"sign_off: {said}\n"
        for name, said in drills.items()
    }
    stage.write_site(**files, **{"inventory/applications/ehr.yml": application})
    yield stage
    for name in files:
        (stage.site / name).unlink()
    stage.write_site()


@contextmanager
def waiting(stage: Rig, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A drill that waits for its sign-off, and its id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "drp", "drill", *(arguments or ("run", "ehr-signed")), "--json"],
        env={**os.environ, "DRP_SITE": str(stage.site)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            entry = in_words(json.loads(line))
            if entry["event"]["type"] == "sign-off-asked":
                yield process, str(entry["drill"])
                return
        raise AssertionError(process.stderr.read() if process.stderr is not None else "")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def results(path: Path, **said: str) -> str:
    lines = [f"  {name}: {outcome}" for name, outcome in said.items()]
    path.write_text("results:\n" + "\n".join(lines) + "\ncomment: as on any morning\n")
    return str(path)


def answer_of(stage: Rig, drill: str, **changes: Any) -> SignOffAnswer:
    """What a referent's answer to the waiting drill would be, put together by hand."""
    from drp.cli.sign_off import question
    from drp.config.site import load_site
    from drp.service.wiring import Wiring

    wiring = Wiring(load_site(stage.site))
    asked, now = question(wiring, drill, None), wiring.clock.now().wall
    wiring.journal().close()  # type: ignore[attr-defined]
    assert asked.state.declared is not None
    made = SignOffAnswer(
        drill=drill, plan_digest=asked.state.declared.plan_digest, application="ehr", challenge=asked.asked.challenge, name="N. Durand",
        steps=asked.checklist.steps, results=tuple(StepResult(id=step.id, outcome="passed") for step in asked.checklist.steps),
        opened_at=now, answered_at=now,
    )  # fmt: skip
    return replace(made, **changes)


def refusal(stage: Rig, drill: str, answer: SignOffAnswer, signature: str) -> str:
    with pytest.raises(Refused) as refused:
        Visitor(stage.site / "state/sign-off", drill, "ehr").hand_in(answer, signature, patience_seconds=20)
    return refused.value.reason


def test_a_referent_looks_signs_and_is_in_the_record(hospital: Rig, keys: Path, tmp_path: Path) -> None:
    with waiting(hospital) as (process, drill):
        shown = hospital.drp("drill", "sign-off", drill)
        assert "head nurse on duty" in shown.stdout
        assert "expect: its last entry is of yesterday" in shown.stdout
        assert f"drp drill exec {drill} --app ehr" in shown.stderr
        inside = hospital.drp("drill", "exec", drill, "--", "/bin/ls", "/data/files")
        assert inside.stdout.split(), "the restored application can be looked at"
        question = in_words(json.loads(hospital.drp("drill", "sign-off", drill, "--json").stdout))
        assert question["signature_required"] is True

        file = results(tmp_path / "results.yml", record="passed", label="passed")
        words = ("drill", "sign-off", drill, "--name", "N. Durand", "--results", file)
        assert hospital.drp(*words, check=False).returncode == 2, "unsigned"
        trainee = hospital.drp(*words, "--key", str(keys / "trainee"), check=False)
        assert (trainee.returncode, "not among those who sign" in trainee.stderr) == (12, True)
        thief = hospital.drp(*words, "--key", str(keys / "thief"), check=False)
        assert (thief.returncode, "no allowed signer" in thief.stderr) == (12, True)
        short = results(tmp_path / "short.yml", record="passed", lable="passed")
        wrong = hospital.drp(
            "drill", "sign-off", drill, "--name", "N", "--results", short, "--key", str(keys / "nurse"), check=False
        )
        assert wrong.returncode == 2
        assert "did you mean `label`" in wrong.stderr
        assert "no result for `label`" in wrong.stderr

        mine = answer_of(hospital, drill)
        signature = sign(canonical(to_data(mine)), keys / "nurse")
        tampered = replace(mine, results=(replace(mine.results[0], comment="all well"), mine.results[1]))
        assert "no allowed signer" in refusal(hospital, drill, tampered, signature)
        assert "no SSH signature" in refusal(hospital, drill, mine, "")

        done = hospital.drp(*words, "--key", str(keys / "nurse"))
        assert f"ehr of {drill}: signed off, nurse@hospital, signed under the name N. Durand" in done.stdout
        process.communicate(timeout=60)
        assert process.returncode == 0
    (recovery,) = record_of(hospital)["recoveries"]
    signed = recovery["sign_off"]
    assert signed["signer"]["principal"] == "nurse@hospital"
    assert signed["answer"]["comment"] == "as on any morning"
    measurement = recovery["measurement"]
    assert measurement["rta_business_ms"] == measurement["clock"]["t11_signed_off"] > measurement["rta_ms"]
    apart = measurement["rta_business_ms"] - measurement["rta_ms"] - measurement["wrt_ms"]
    assert abs(apart) <= 1, "each is in whole milliseconds"
    assert measurement["wrt_attainment"] == "met"
    assert not left(hospital.site)
    assert not (hospital.site / "state/sign-off" / drill).exists()

    # an auditor needs ssh-keygen and nothing else
    (tmp_path / "answer").write_bytes(canonical(to_data(from_data(SignOffAnswer, signed["answer"]))))
    (tmp_path / "signature").write_text(signed["signature"])
    signers, proof = str(hospital.site / "keys/allowed_signers"), str(tmp_path / "signature")
    check = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "nurse@hospital", "-n", "drp-sign-off", "-s", proof]
    told = (tmp_path / "answer").read_bytes()
    assert subprocess.run(check, input=told, capture_output=True, check=False).returncode == 0
    assert subprocess.run(check, input=told + b" ", capture_output=True, check=False).returncode != 0


def test_an_old_answer_is_refused_and_ctrl_c_ends_the_waiting(hospital: Rig, keys: Path) -> None:
    kept = in_words(json.loads(hospital.drp("report", "latest", "--format", "json").stdout))["recoveries"][0][
        "sign_off"
    ]
    old = from_data(SignOffAnswer, kept["answer"])
    with waiting(hospital) as (process, drill):
        assert "it answers drill" in refusal(hospital, drill, old, kept["signature"])
        fresh = answer_of(hospital, drill, challenge=old.challenge)
        reason = refusal(hospital, drill, fresh, sign(canonical(to_data(fresh)), keys / "nurse"))
        assert "earlier question" in reason
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
    assert record_of(hospital)["verdict"] == "aborted"
    assert not left(hospital.site)
    late = hospital.drp("drill", "sign-off", drill, check=False)
    assert (late.returncode, "waits for no sign-off" in late.stderr) == (10, True)


def test_killed_while_it_waits_it_asks_again_and_a_failed_step_fails_it(
    hospital: Rig, keys: Path, tmp_path: Path
) -> None:
    with waiting(hospital) as (process, drill):
        process.kill()
        process.wait()
    assert wait(lambda: not processes_left(hospital.site)), processes_left(hospital.site)
    file = results(tmp_path / "results.yml", record="passed", label="{outcome: failed, comment: no printer}")
    words = ("drill", "sign-off", "latest", "--name", "N. Durand", "--results", file, "--key", str(keys / "nurse"))
    with waiting(hospital, "resume", drill) as (process, again):
        assert again == drill
        done = hospital.drp(*words, check=False)
        assert (done.returncode, "REFUSED: label" in done.stdout) == (1, True), done.stderr
        process.communicate(timeout=60)
        assert process.returncode == 1
    record = record_of(hospital)
    assert record["verdict"] == "failed"
    assert any(
        finding["code"] == "DRP-B001" and finding["observed"] == "no printer"
        for finding in record["recoveries"][0]["findings"]
    )
    assert not left(hospital.site)


def test_nobody_comes_before_the_deadline(hospital: Rig) -> None:
    done = hospital.drp("drill", "run", "ehr-hasty", check=False)
    assert done.returncode == 3, done.stderr
    assert "DRP-B002" in done.stderr
    assert "waiting for head nurse on duty until" in done.stderr
    assert not left(hospital.site)
