"""Whoever wants a drill asks the service: from a thread that ends, an event loop, a forked process; nothing is printed."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from drp.config.site import load_site
from drp.domain.events import DrillConcluded, DrillDeclared, Entry, PhaseStarted, SandboxDestroyed
from drp.drill.declare import find_unfinished
from drp.errors import Busy
from drp.hashing.reading.core import core_name
from drp.service.kept import clean_up
from drp.service.overview import overview
from drp.service.requests import Begin, Request, Resume
from drp.service.sealed import listed, sealed_record
from drp.service.supervisor import Outcome, RunningDrill, start
from drp.service.wiring import Wiring
from tests.support.processes import left
from tests.support.rig import Rig
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]


def request_of(site_directory: Path, **flags: object) -> Begin:
    wiring = Wiring(load_site(site_directory))
    return Begin(plan=wiring.declarable(wiring.site.plan("ehr-airgap", **flags)), requested_by="the schedule")


def kinds(entries: list[Entry]) -> list[type]:
    return [type(entry.event) for entry in entries]


def test_a_thread_that_ends_may_start_what_an_event_loop_follows(stage: Rig, capfd: pytest.CaptureFixture[str]):
    started: list[RunningDrill] = []
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    thread = threading.Thread(target=lambda: started.append(start(load_site(stage.site), request_of(stage.site))))
    thread.start()
    thread.join()
    (running,) = started
    with pytest.raises(Busy, match="already runs a drill"):
        start(load_site(stage.site), request_of(stage.site))

    async def followed() -> list[Entry]:
        happenings = iter(running)
        found: list[Entry] = []
        while (happening := await asyncio.to_thread(next, happenings, None)) is not None:
            found += [happening] if isinstance(happening, Entry) else []
        return found

    entries = asyncio.run(followed())
    assert (kinds(entries)[0], running.outcome.verdict) == (DrillDeclared, "passed")
    assert isinstance(entries[0].event, DrillDeclared)
    assert entries[0].event.requested_by == "the schedule"
    wiring = Wiring(load_site(stage.site))
    assert listed(wiring).records[-1].drill == running.outcome.drill
    record = in_words(json.loads(sealed_record(wiring, "latest").content))
    assert record["verdict"] == "passed"
    assert record["tools"]["hashing core"] == core_name("auto"), "which core hashed"
    assert next(one.level for one in overview(wiring).standings if one.application == "ehr") == "ok"
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert capfd.readouterr() == ("", "")


def _follow(site_directory: Path, request: Request, told: Connection) -> None:
    with start(load_site(site_directory), request) as running:
        for happening in running:
            if isinstance(happening, Entry) and isinstance(happening.event, PhaseStarted):
                threading.Thread(target=running.stop).start()
                break
        for _ in running:
            pass
    told.send(running.outcome)


def test_a_forked_process_holds_one_and_another_thread_stops_it(stage: Rig):
    start(load_site(stage.site), None).__exit__(None, None, None)  # this process has started something already
    ours, theirs = multiprocessing.Pipe()
    held = multiprocessing.get_context("fork").Process(
        target=_follow, args=(stage.site, request_of(stage.site), theirs)
    )
    held.start()
    outcome = ours.recv()
    held.join()
    assert isinstance(outcome, Outcome)
    assert (outcome.verdict, outcome.stops) == ("aborted", [signal.SIGTERM])


def test_left_before_its_end_a_drill_is_killed_whole_and_can_be_resumed(stage: Rig):
    def until_it_works(running: RunningDrill) -> Iterator[Entry]:
        for happening in running:
            if isinstance(happening, Entry):
                yield happening
                if isinstance(happening.event, PhaseStarted) and happening.event.phase == "restore":
                    return

    with start(load_site(stage.site), request_of(stage.site)) as running:
        seen = list(until_it_works(running))
    assert left(stage.folder) == []
    site = load_site(stage.site)
    drill = find_unfinished("latest", Wiring(site).journal_to_read())
    assert drill == running.outcome.drill
    with start(site, Resume(drill=drill, policy="resume"), before=seen) as resumed:
        entries = [happening for happening in resumed if isinstance(happening, Entry)]
    assert DrillConcluded in kinds(entries)
    assert resumed.outcome.verdict in {"passed", "inconclusive"}


def test_whoever_cleans_up_journals_what_is_left_and_says_so(stage: Rig):
    with start(load_site(stage.site), request_of(stage.site, keep_sandbox=True)) as running:
        for _ in running:
            pass
    assert running.outcome.kept
    wiring = Wiring(load_site(stage.site))
    (cleaned,) = [one for one in clean_up(wiring) if one.drill]
    assert (cleaned.drill, cleaned.clean) == (running.outcome.drill, True)
    last = list(wiring.journal().entries(cleaned.drill))[-1]
    assert isinstance(last.event, SandboxDestroyed)
    assert left(stage.folder) == []
