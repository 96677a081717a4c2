"""`drp drill approve` and `refuse` as an approver uses them, on a drill that waits in the journal."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.approval import ApprovalAnswer, ApprovalPolicy, Approver
from drp.domain.events import ApprovalEnded, DrillConcluded, EvidenceSealed, FindingRaised
from drp.journal import SqlJournal
from drp.sign_off import ApprovalDirectory
from tests.support import warm
from tests.support.approvals import POLICY, SIGNED, run, world_with
from tests.support.sites import write_site

DRILL = "weekly-1"
BY = Approver(name="anna", proven_by="account", uid=1000)
AFTER = ApprovalEnded | DrillConcluded | EvidenceSealed | FindingRaised


def drp(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return warm.drp("drill", *arguments, environment={**warm.ENVIRONMENT, "DRP_SITE": str(site)})


def waiting(tmp_path: Path, policy: ApprovalPolicy, *, over: bool = False) -> Path:
    """Return a site whose journal holds a drill that waits to be approved, or did."""
    made = write_site(tmp_path)
    world = world_with(policy)
    run(world)
    (made / "state").mkdir()
    journal = SqlJournal(made / "state/journal.sqlite", SystemClock())
    for entry in world.journal.entries(world.journal.drills()[0]):
        if over or not isinstance(entry.event, AFTER):
            journal.append(DRILL, entry.event)
    journal.close()
    ApprovalDirectory(made / "state/approvals").open(DRILL)
    return made


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return waiting(tmp_path, POLICY)


@contextmanager
def drill(site: Path, refusal: str = "") -> Iterator[list[ApprovalAnswer]]:
    """Somebody who takes, or refuses, what is handed in."""
    desk, taken, over = ApprovalDirectory(site / "state/approvals"), [], threading.Event()

    def work() -> None:
        while not over.is_set():
            for deposit in desk.deposits(DRILL):
                assert deposit.answer is not None
                taken.append(deposit.answer)
                desk.reply(DRILL, deposit, refusal=refusal, by=BY)
            time.sleep(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(("verb", "word"), [("approve", "approved"), ("refuse", "refused")])
def test_an_answer_is_handed_in_and_told_as_whose_it_was_taken(site: Path, verb: str, word: str) -> None:
    with drill(site) as taken:
        done = drp(site, verb, "latest", "--reason", "the wards know", "--name", "N. Durand")
        ApprovalDirectory(site / "state/approvals").open(DRILL)
        told = drp(site, verb, "weekly", "--reason", "again", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{DRILL}: {word} by anna: the wards know\n"
    document = json.loads(told.stdout)
    assert (document["schema"], document["by"], document["decision"]) == ("drp/approval/1", "anna", verb)
    first, second = taken
    assert (first.decision, first.name, first.reason, first.drill) == (verb, "N. Durand", "the wards know", DRILL)
    assert second.name, "whoever does not say a name has his account's"


def test_what_the_drill_refuses_is_said_with_its_reason(site: Path) -> None:
    with drill(site, refusal="it answers an earlier question: answer again"):
        done = drp(site, "approve", "latest", "--reason", "x")
    assert (done.returncode, "an earlier question" in done.stderr) == (12, True)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("latest",), 2, "--reason"),
        (("latest", "--reason", " "), 2, "for what reason?"),
        (("nothing", "--reason", "x"), 10, "there is no drill nothing"),
        (("latest", "--reason", "x", "--key", "/nowhere/key"), 10, "there is no key"),
    ],
)
def test_mistakes_hand_nothing_in(site: Path, words: tuple[str, ...], status: int, said: str) -> None:
    done = drp(site, "approve", *words)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert not list((site / "state/approvals" / DRILL).iterdir())


def test_where_keys_are_asked_for_an_answer_without_one_is_not_handed_in(tmp_path: Path) -> None:
    done = drp(waiting(tmp_path, SIGNED), "approve", "latest", "--reason", "x")
    assert (done.returncode, "must be signed" in done.stderr) == (2, True)


def test_a_drill_that_has_ended_waits_for_nobody(tmp_path: Path) -> None:
    done = drp(waiting(tmp_path, POLICY, over=True), "approve", "latest", "--reason", "x")
    assert (done.returncode, "does not wait to be approved" in done.stderr) == (10, True)


def test_lists_and_views_say_whom_it_waits_for(site: Path, tmp_path: Path) -> None:
    assert "waits for approval" in drp(site, "list").stdout
    assert json.loads(drp(site, "list", "--json").stdout)
    assert "waits for approval by anna or bert until" in drp(site, "show", "latest").stdout
    told = json.loads(drp(site, "show", "latest", "--json").stdout)["approval"]
    assert (told["approvers"], told["outcome"], bool(told["waits_until"])) == (["anna", "bert"], None, True)
    over = waiting(tmp_path / "over", POLICY, over=True)
    assert "not approved: nobody answered in time" in drp(over, "show", "latest").stdout
    told = json.loads(drp(over, "show", "latest", "--json").stdout)["approval"]
    assert (told["outcome"], told["waits_until"]) == ("missing", None)
