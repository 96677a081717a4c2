"""Approval of a real drill: it waits before anything is touched, and goes on by an approver's signature alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drp.codec import canonical, from_data, to_data
from drp.config.site import load_site
from drp.domain.approval import ApprovalAnswer
from drp.service.wiring import Wiring
from drp.sign_off import HandedInApproval, Refused, hand_over
from tests.support.processes import left
from tests.support.small_site import ENGINE, SmallSite
from tests.support.waiting import eventually
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]
PLAN = "inventory/drills/quarterly-drill.yml"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("durand", "thief"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> SmallSite:
    """A site whose drill needs the word of N. Durand."""
    made = SmallSite(tmp_path_factory.mktemp("approval")).make(application=ENGINE, tree={"routes.json": "[]"})
    (made.site / "keys").mkdir()
    signers = "".join(f"{who}@chu {(keys / f'{who}.pub').read_text()}" for who in ("durand", "thief"))
    (made.site / "keys/approvers").write_text(signers)
    with (made.site / "drp.yml").open("a") as stream:
        stream.write("approvals: {allowed_signers: keys/approvers}\n")
    with (made.site / PLAN).open("a") as stream:
        stream.write("on_interrupt: resume\napproval: {approvers: [durand@chu], within: 10m}\n")
    return made


@contextmanager
def waiting(small: SmallSite, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A drill that waits to be approved, and its id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "drp", "drill", *(arguments or ("run", "quarterly-drill")), "--json"],
        env={**os.environ, "DRP_SITE": str(small.site)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            entry = in_words(json.loads(line))
            if entry["event"]["type"] == "approval-asked":
                yield process, str(entry["drill"])
                return
        raise AssertionError(process.stderr.read() if process.stderr is not None else "")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _first_line_of_watching(small: SmallSite, drill: str) -> str:
    """Return what who begins to follow a drill hears at once."""
    argv = [sys.executable, "-m", "drp", "drill", "watch", drill]
    environment = {**os.environ, "DRP_SITE": str(small.site)}
    watching = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert watching.stdout is not None
        return watching.stdout.readline()
    finally:
        watching.kill()
        watching.communicate()


def record_of(small: SmallSite) -> dict[str, object]:
    return dict(in_words(json.loads(small.drp("report", "latest", "--format", "json").stdout)))


def test_it_waits_untouched_for_the_right_signature_and_its_record_shows_it(
    small: SmallSite, keys: Path, tmp_path: Path
) -> None:
    with waiting(small) as (process, drill):
        words = ("drill", "approve", drill, "--reason", "the wards know")
        assert "waits for approval" in small.drp("drill", "list").stdout
        assert "waits for approval by durand@chu until" in small.drp("drill", "show", drill).stdout
        waits = "waits for approval by durand@chu until"
        assert f"{waits} " in small.drp("status", check=False).stdout
        told = in_words(json.loads(small.drp("status", "--json", check=False).stdout))["awaiting_approval"]
        assert told[drill]["approvers"] == ["durand@chu"]
        busy = small.drp("drill", "run", "quarterly-drill", check=False)
        assert (busy.returncode, waits in busy.stderr) == (11, True), busy.stderr
        assert waits in _first_line_of_watching(small, drill)
        assert small.drp(*words, check=False).returncode == 2, "unsigned"
        thief = small.drp(*words, "--key", str(keys / "thief"), check=False)
        assert (thief.returncode, "not among its approvers" in thief.stderr) == (12, True), thief.stderr
        assert not list((small.site / "state/run").glob("drp-*")), "there is no sandbox yet"
        done = small.drp(*words, "--key", str(keys / "durand"))
        assert f"{drill}: approved by durand@chu: the wards know" in done.stdout
        process.communicate(timeout=120)
    record = record_of(small)
    approval = record["approval"]
    assert isinstance(approval, dict)
    assert (approval["outcome"], approval["by"]["name"]) == ("approved", "durand@chu")
    assert record["recoveries"][0]["measurement"]["approval_wait_ms"] > 0  # type: ignore[index]
    assert record["verdict"] != "aborted"
    assert record["recoveries"][0]["restore"] is not None, record["recoveries"][0]["failure"]  # type: ignore[index]
    assert not left(small.site)
    assert not (small.site / "state/approvals" / drill).exists()
    assert "whose signature was verified" in small.drp("report", "latest", "--format", "md").stdout
    # an auditor needs ssh-keygen and nothing else
    told = canonical(to_data(from_data(ApprovalAnswer, approval["answer"])))
    (tmp_path / "signature").write_text(approval["signature"])
    signers = str(small.site / "keys/approvers")
    check = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "durand@chu", "-n", "drp-approval", "-s", str(tmp_path / "signature")]  # fmt: skip
    assert subprocess.run(check, input=told, capture_output=True, check=False).returncode == 0
    assert subprocess.run(check, input=told + b" ", capture_output=True, check=False).returncode != 0


def test_killed_it_leaves_nothing_asks_again_takes_no_old_answer_and_a_refusal_ends_it(
    small: SmallSite, keys: Path
) -> None:
    old = from_data(ApprovalAnswer, record_of(small)["approval"]["answer"])  # type: ignore[index]
    signature = str(record_of(small)["approval"]["signature"])  # type: ignore[index]
    with waiting(small) as (process, drill):
        desk = Wiring(load_site(small.site)).approval_directory / drill
        for answer in (old, replace(old, drill=drill)):
            with pytest.raises(Refused, match=r"answers drill|another plan|earlier question"):
                hand_over(desk, HandedInApproval(answer=answer, signature=signature), 30.0)
        process.kill()
        process.wait()
    assert eventually(lambda: not left(small.site))
    with waiting(small, "resume", drill) as (process, again):
        assert again == drill
        refused = small.drp("drill", "refuse", "latest", "--reason", "a flood", "--key", str(keys / "durand"))
        assert "refused by durand@chu" in refused.stdout
        process.communicate(timeout=120)
        assert process.returncode == 3
    record = record_of(small)
    assert record["verdict"] == "aborted"
    assert record["reasons"][0] == "an approver refused the drill"  # type: ignore[index]
    assert record["recoveries"][0]["select"] is None  # type: ignore[index]
    assert not left(small.site)
    late = small.drp("drill", "approve", drill, "--reason", "x", "--key", str(keys / "durand"), check=False)
    assert (late.returncode, "does not wait to be approved" in late.stderr) == (10, True)
