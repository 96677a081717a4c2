"""Drills that happen by themselves: a worker finds what is due, holds it, settles it; killed, stopped, aborted, watched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drp.domain.events import DrillConcluded, DrillDeclared, Interrupted, Resumed
from tests.support import warm
from tests.support.ordered import Ordered, conclusions
from tests.support.processes import left
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]
ONE_END = ["DrillDeclared", "DrillConcluded", "EvidenceSealed"]
SLOW = "time.sleep(3600);"
"""An application that never comes up: its drill stays in `start` until somebody stops it."""


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


def sound(site: Ordered) -> None:
    """Require that the drill has exactly one end, that journal and records verify, and that nothing is left."""
    assert conclusions(site.entries(site.drill)) == ONE_END
    site.drp("journal", "verify")
    assert not left(site.site)


def test_a_drill_that_is_due_is_held_and_its_slot_ends_by_it(tmp_path: Path) -> None:
    site = Ordered(tmp_path).prepare()
    with ended(site.worker("--once", "--json")) as worker:
        out, err = worker.communicate(timeout=300)
    assert worker.returncode == 0, err
    said = [in_words(json.loads(line)) for line in out.splitlines()]
    assert {line["schema"] for line in said} == {"drp/worker-event/1", "drp/event/1"}
    assert [line["event"] for line in said if line["schema"] == "drp/worker-event/1"] == [
        "ready",
        "ticked",
        "taken",
        "ended",
    ]
    sound(site)
    (end,) = site.ends()
    declared = site.entries(site.drill)[0].event
    assert isinstance(declared, DrillDeclared)
    assert declared.requested_by == "the schedule"
    assert declared.occasion is not None
    assert (declared.occasion.order, declared.occasion.slots) == (site.order, (site.slot.id,))
    assert (end.ending, end.drill, end.verdict) == ("held", site.drill, "passed")
    seen = site.seen()
    assert (seen["state"], seen["result"]["drill"], seen["result"]["record_digest"]) == (
        "done",
        site.drill,
        end.record_digest,
    )
    with ended(site.worker("--once")) as again:
        again.communicate(timeout=300)
    assert again.returncode == 0
    assert len(site.ends()) == 1, "nothing is held twice"
    watched = site.drp("drill", "watch", site.drill, "--json", check=False)
    assert watched.returncode == 0
    assert len(watched.stdout.splitlines()) >= len(site.entries(site.drill))
    refused = site.drp("drill", "abort", site.drill, "--reason", "late", check=False)
    assert (refused.returncode, "has ended: passed" in refused.stderr) == (2, True)


@pytest.mark.parametrize(("phase", "policy"), [("restore", "resume"), ("verify", "conclude")])
def test_a_worker_that_is_killed_goes_on_when_it_is_started_again(tmp_path: Path, phase: str, policy: str) -> None:
    site = Ordered(tmp_path).prepare(slow=5 if phase == "verify" else 0)
    with (site.site / "inventory/drills/quarterly-drill.yml").open("a") as plan:
        plan.write(f"on_interrupt: {policy}\n")
    with ended(site.worker()) as worker:
        site.in_phase(phase)
        worker.kill()
    with ended(site.worker("--once")) as again:
        _, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    sound(site)
    (end,) = site.ends()
    events = [entry.event for entry in site.entries(site.drill)]
    (concluded,) = [event for event in events if isinstance(event, DrillConcluded)]
    assert (end.ending, end.verdict, end.drill) == ("held", concluded.verdict, site.drill)
    assert any(isinstance(event, Resumed) for event in events) == (policy == "resume")
    assert (concluded.verdict == "inconclusive") == (policy == "conclude")
    assert site.seen()["state"] == "done"


def test_a_drill_at_work_is_watched_and_aborted_from_elsewhere_and_evidence_says_by_whom(tmp_path: Path) -> None:
    site = Ordered(tmp_path).prepare(pause=SLOW)
    with ended(site.worker()) as worker:
        site.in_phase("start")
        argv = [sys.executable, "-m", "drp", "--site", str(site.site), "drill", "watch", site.drill, "--json"]
        watching = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(warm.ENVIRONMENT), cwd=warm.ROOT)
        with ended(watching):
            assert watching.stdout is not None
            assert in_words(json.loads(watching.stdout.readline()))["event"]["type"] == "drill-declared"
            site.drp("drill", "abort", site.drill, "--reason", "the ward needs the machine")
            rest = watching.stdout.read()
            assert watching.wait(300) == 130
        assert in_words(json.loads(rest.splitlines()[-1]))["event"]["type"] == "evidence-sealed"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(300) == 0
    sound(site)
    (interrupted,) = [entry.event for entry in site.entries(site.drill) if isinstance(entry.event, Interrupted)]
    assert interrupted.by.endswith(": the ward needs the machine")
    assert "the ward" not in interrupted.reason
    seen = site.seen()
    assert seen["state"] == "aborted"
    assert seen["abort_asked_by"].endswith(": the ward needs the machine")
    (end,) = site.ends()
    assert (end.ending, end.reason, end.verdict) == ("blocked", "aborted", "aborted")


def test_a_drill_that_somebody_typed_is_aborted_by_the_process_that_holds_it(tmp_path: Path) -> None:
    site = Ordered(tmp_path).prepare(pause=SLOW)
    argv = [sys.executable, "-m", "drp", "--site", str(site.site), "drill", "run", "quarterly-drill", "--json"]
    typed = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(warm.ENVIRONMENT), cwd=warm.ROOT)
    with ended(typed):
        assert typed.stdout is not None
        events = map(json.loads, typed.stdout)
        drill = next(event for event in events if event.get("event", {}).get("phase") == "start")["drill"]
        site.drp("drill", "abort", drill, "--reason", "wrong plan")
        asked = [event["event"]["by"] for event in events if event.get("event", {}).get("type") == "interrupted"]
        assert typed.wait(300) == 128 + signal.SIGTERM
    assert len(asked) == 1
    assert asked[0].endswith(": wrong plan")
    assert conclusions(site.entries(drill)) == ONE_END
    assert not left(site.site)
    assert not list((site.site / "state/stop").iterdir()), "the paper is taken away"


def test_a_worker_that_is_told_to_stop_lets_its_drill_end_safely(tmp_path: Path) -> None:
    site = Ordered(tmp_path).prepare(pause=SLOW)
    with ended(site.worker()) as worker:
        site.in_phase("start")
        busy = subprocess.run(
            [sys.executable, "-m", "drp", "--site", str(site.site), "worker", "run", "--once"],
            capture_output=True, text=True, timeout=300, env=dict(warm.ENVIRONMENT), cwd=warm.ROOT, check=False,
        )  # fmt: skip
        assert (busy.returncode, "a worker is at work already" in busy.stderr) == (11, True)
        os.kill(worker.pid, signal.SIGTERM)
        _, err = worker.communicate(timeout=300)
    assert worker.returncode == 0, err
    sound(site)
    assert site.seen()["state"] == "aborted"


def test_an_unknown_place_is_refused_and_a_drill_that_nobody_holds_is_told(tmp_path: Path) -> None:
    site = Ordered(tmp_path).prepare(pause=SLOW)
    refused = site.drp("worker", "run", "--place", "north", check=False)
    assert (refused.returncode, "there is no place `north`" in refused.stderr) == (2, True)
    with ended(site.worker()) as worker:
        site.in_phase("start")
        worker.kill()
    watched = site.drp("drill", "watch", site.drill, check=False)
    assert (watched.returncode, "nobody holds drill" in watched.stderr) == (3, True)
    asked = site.drp("drill", "abort", site.order, "--reason", "no more", check=False)
    assert asked.returncode == 0, "its order is still open, and stops before it goes on"
    with ended(site.worker("--once")) as again:
        again.communicate(timeout=300)
    sound(site)
    assert site.seen()["state"] == "aborted"
