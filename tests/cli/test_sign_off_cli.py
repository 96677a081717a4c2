"""`drp drill sign-off` as a referent uses it, on a drill that waits in the journal: shown, asked, handed in, refused."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drp.clock import SystemClock
from drp.domain.events import DrillConcluded, EvidenceSealed, FindingRaised, SandboxDestroyed, SignedOff
from drp.domain.sign_off import SignOffAnswer
from drp.journal import SqlJournal
from drp.sign_off import DirectoryDesk
from tests.support import warm
from tests.support.sign_offs import run, world_with
from tests.support.sites import write_site

AFTER = DrillConcluded | EvidenceSealed | FindingRaised | SandboxDestroyed | SignedOff


def drp(site: Path, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    environment = {**warm.ENVIRONMENT, "DRP_SITE": str(site)}
    return warm.drp("drill", "sign-off", *arguments, environment=environment, stdin=stdin)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site whose journal holds a drill that waits for the referents of two applications."""
    made = write_site(tmp_path)
    world = world_with(names=("ehr", "lis"))
    run(world)
    (made / "state").mkdir()
    journal = SqlJournal(made / "state/journal.sqlite", SystemClock())
    desk = DirectoryDesk(made / "state/sign-off")
    for entry in world.journal.entries(world.journal.drills()[0]):
        if not isinstance(entry.event, AFTER):
            journal.append("weekly-1", entry.event)
    journal.close()
    for name in ("ehr", "lis"):
        desk.open("weekly-1", name)
    return made


@contextmanager
def drill(site: Path, refusal: str = "") -> Iterator[list[SignOffAnswer]]:
    """Somebody who takes, or refuses, what is handed in for the EHR."""
    desk, taken, over = DirectoryDesk(site / "state/sign-off"), [], threading.Event()

    def work() -> None:
        while not over.is_set():
            for deposit in desk.deposits("weekly-1", "ehr"):
                assert deposit.answer is not None
                taken.append(deposit.answer)
                desk.reply("weekly-1", "ehr", deposit, refusal=refusal)
            time.sleep(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()


def file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "results.yml"
    path.write_text(text)
    return str(path)


def test_without_a_name_the_checklist_is_shown_and_nobody_opened_it(site: Path) -> None:
    done = drp(site, "latest", "--app", "ehr")
    assert done.returncode == 0
    assert "sign-off of head nurse on duty" in done.stdout
    assert "1. open a record  [open]" in done.stdout
    assert "expect: the last entry of yesterday" in done.stdout
    assert "drp drill exec weekly-1 --app ehr" in done.stderr
    assert not (site / "state/sign-off/weekly-1/ehr/opened.json").exists()
    told = json.loads(drp(site, "latest", "--app", "ehr", "--json").stdout)
    assert (told["schema"], told["signature_required"]) == ("drp/sign-off/1", False)
    assert [step["id"] for step in told["steps"]] == ["open", "print"]


def test_results_of_a_file_are_handed_in_as_they_stand(site: Path, tmp_path: Path) -> None:
    said = file(
        tmp_path, "results:\n  print: {outcome: failed, comment: no paper}\n  open: passed\ncomment: at night\n"
    )
    with drill(site) as taken:
        done = drp(site, "weekly", "--app", "ehr", "--name", "N. Durand", "--results", said, "--json")
    assert done.returncode == 1, done.stderr
    (answer,) = taken
    assert [(result.id, result.outcome, result.comment) for result in answer.results] == [
        ("open", "passed", ""),
        ("print", "failed", "no paper"),
    ]
    assert (answer.name, answer.comment, answer.drill, answer.application) == (
        "N. Durand",
        "at night",
        "weekly-1",
        "ehr",
    )
    assert json.loads(done.stdout)["passed"] is False


def test_steps_are_asked_one_by_one_on_a_terminal(site: Path) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"maybe\np\nas ever\nfailed\nno paper\n")
    with drill(site) as taken:
        done = drp(site, "latest", "--app", "ehr", "--name", "N. Durand", stdin=theirs)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 1, done.stderr
    assert [(result.outcome, result.comment) for result in taken[0].results] == [
        ("passed", "as ever"),
        ("failed", "no paper"),
    ]
    assert done.stderr.count("passed or failed [p/f]?") == 3


def test_what_the_drill_refuses_is_said_with_its_reason(site: Path, tmp_path: Path) -> None:
    said = file(tmp_path, "results: {open: passed, print: passed}\n")
    with drill(site, refusal="it answers another plan"):
        done = drp(site, "latest", "--app", "ehr", "--name", "N. Durand", "--results", said)
    assert done.returncode == 12
    assert "it answers another plan" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text", "status", "words"),
    [
        ((), "", 2, "waits for ehr, lis"),
        (("--app", "pacs"), "", 10, "waits for no sign-off of pacs"),
        (("--app", "ehr", "--comment", "fine"), "", 2, "who signs?"),
        (("--app", "ehr", "--name", "N"), "", 2, "no terminal"),
        (("--app", "ehr", "--name", "N", "--results", "FILE"), "results: {open: passed}\n", 2, "no result for `print`"),
        (("--app", "ehr", "--name", "N", "--results", "FILE"), "results: {open: passed, prnit: passed}\n", 2, "did you mean `print`"),
        (("--app", "ehr", "--name", "N", "--results", "FILE"), "results: {open: yes, print: passed}\n", 2, "results.yml:1:"),
        (("--app", "ehr", "--name", "N", "--results", "FILE"), "result: {open: passed}\n", 2, "did you mean `results`"),
        (("--app", "ehr", "--name", "N", "--results", "FILE"), "", 2, "is empty"),
        (("--app", "ehr", "--name", "N", "--results", "/nonexistent.yml"), "", 2, "cannot be read"),
        (("--app", "ehr", "--name", "N", "--key", "/nowhere/key", "--results", "FILE"), "results: {open: passed, print: passed}\n", 10, "there is no key"),
    ],
)  # fmt: skip
def test_mistakes_hand_nothing_in(
    site: Path, tmp_path: Path, arguments: Any, text: str, status: int, words: str
) -> None:
    path = file(tmp_path, text)
    done = drp(site, "latest", *(path if word == "FILE" else word for word in arguments))
    assert (done.returncode, words in done.stderr) == (status, True), done.stderr
    assert not list((site / "state/sign-off").rglob("*.answer.json"))


def test_a_drill_that_has_ended_waits_for_nobody(site: Path) -> None:
    journal = SqlJournal(site / "state/journal.sqlite", SystemClock())
    journal.append("weekly-1", EvidenceSealed(record_digest="d", location="/sealed"))
    journal.close()
    assert drp(site, "latest", "--app", "ehr").returncode == 10
