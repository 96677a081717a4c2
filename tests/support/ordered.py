"""A small site whose schedule has ordered a drill: a slot that has come, and its order."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from drp.clock import SystemClock
from drp.config.site import load_site
from drp.domain.events import DrillConcluded, DrillDeclared, Entry, EvidenceSealed
from drp.domain.schedule.events import PolicySeen, SlotEnded
from drp.domain.schedule.slot import Slot
from drp.schedule.orders import drill_id, order_id, policy_digest
from drp.service.wiring import Wiring
from tests.support import warm
from tests.support.small_site import SmallSite
from tests.support.waiting import eventually
from tests.support.words import in_words

APPLICATION = """version: 1
name: engine
title: Interface engine
tier: 1
objectives: {rto: 10m, rpo: 1d}
backup: {repositories: [vault], points: {tags: [app=engine]}}
runbook:
  kind: service
  inputs:
    name: engine
    command: [/usr/bin/python3, "-c", "PROGRAM"]
    ready: {http: {url: "http://127.0.0.1:8080/"}}
checks:
  - {name: files, verifier: files, options: {root: ".", files_at_least: 1, newest: true}}
  - {name: slow, verifier: http, options: {url: "http://127.0.0.1:8080/?slow"}}
"""
PROGRAM = (
    "import http.server as h, time; PAUSE B = h.SimpleHTTPRequestHandler; "
    "get = lambda s: (time.sleep(SLOW * ('slow' in s.path)), B.do_GET(s)); "
    "h.HTTPServer(('', 8080), type('H', (B,), {'do_GET': get})).serve_forever()"
)
SCHEDULE = """version: 1
preset: none
policies:
  - {application: engine, cron: 'MINUTE HOUR * * *', max_age: 3d, start_within: 20h, plan: quarterly-drillPLACE}
"""


@dataclass
class Ordered(SmallSite):
    """A small site with a schedule, and workers on it."""

    def prepare(self, *, pause: str = "", slow: int = 0, place: str = "", settings: str = "") -> Ordered:
        """Make the site; ``pause``: what its application does before it is up; ``slow``: seconds for a check's answer.

        ``place``: where its drill is held; ``settings``: more of its drp.yml.
        """
        program = PROGRAM.replace("PAUSE", pause).replace("SLOW", str(slow))
        self.make(application=APPLICATION.replace("PROGRAM", program), tree={"file": "content"})
        self.at = (SystemClock().now().wall - timedelta(minutes=5)).replace(second=0, microsecond=0)
        said = SCHEDULE.replace("MINUTE", str(self.at.minute)).replace("HOUR", str(self.at.hour))
        said = said.replace("PLACE", f", place: {place}" if place else "")
        (self.site / "inventory/schedule.yml").write_text(said)
        with (self.site / "drp.yml").open("a") as file:
            file.write(settings)
        policy = load_site(self.site).schedule.policies["engine/full"]
        with closing(Wiring(load_site(self.site))) as wiring:
            since = self.at - timedelta(hours=1)
            seen = PolicySeen(policy=policy.key, digest=policy_digest(policy), since=since)
            wiring.register().append(seen)
        return self

    @property
    def slot(self) -> Slot:
        """Return the slot that has come, five minutes ago."""
        return Slot(application="engine", level="full", at=self.at)

    @property
    def order(self) -> str:
        """Return the id of its order, once somebody has looked at the schedule."""
        return order_id(load_site(self.site).schedule.policies["engine/full"], self.slot)

    @property
    def drill(self) -> str:
        return drill_id(load_site(self.site).schedule.policies["engine/full"], self.slot)

    def worker(self, *words: str) -> subprocess.Popen[str]:
        """Start a worker as users do."""
        argv = [sys.executable, "-m", "drp", "--site", str(self.site), "worker", "run", *words]
        return subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(warm.ENVIRONMENT), cwd=warm.ROOT
        )

    def entries(self, drill: str) -> tuple[Entry, ...]:
        with closing(Wiring(load_site(self.site))) as wiring:
            return tuple(wiring.journal_to_read().entries(drill))

    def ends(self) -> list[SlotEnded]:
        """Return how slots ended."""
        with closing(Wiring(load_site(self.site))) as wiring:
            return [one.event for one in wiring.register_to_read().entries() if isinstance(one.event, SlotEnded)]

    def in_phase(self, phase: str) -> None:
        """Wait until the drill has begun a phase."""
        begun = lambda: any(getattr(entry.event, "phase", "") == phase for entry in self.entries(self.drill))  # noqa: E731 - asked twice
        assert eventually(begun), [type(entry.event).__name__ for entry in self.entries(self.drill)]

    def seen(self) -> dict[str, Any]:
        """Return the order as `drp worker list` tells it."""
        shown = in_words(json.loads(self.drp("worker", "list", "--all", "--json").stdout))
        return next(each for each in shown["orders"] if each["order"]["id"] == self.order)


def conclusions(entries: tuple[Entry, ...]) -> list[str]:
    """Return the kinds of entries of which a drill has exactly one each."""
    once = (DrillDeclared, DrillConcluded, EvidenceSealed)
    return [type(entry.event).__name__ for entry in entries if isinstance(entry.event, once)]
