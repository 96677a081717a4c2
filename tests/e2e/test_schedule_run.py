"""`drp schedule run`, as cron and timers call it: what is due is held once, and what is cut off afterwards is seen."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.ordered import Ordered, conclusions
from tests.support.processes import left
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_what_is_due_is_held_once_by_whoever_looks(tmp_path: Path) -> None:
    site = Ordered(tmp_path).prepare()
    planned = in_words(json.loads(site.drp("schedule", "run", "--only-plan", "--json").stdout))
    assert [(order["order"], order["held"]) for order in planned["orders"]] == [(site.order, False)]
    assert "starts now" in site.drp("schedule", "why", "engine").stdout
    done = site.drp("schedule", "run")
    assert done.stdout == f"{site.order} passed in {site.drill}\n"
    assert conclusions(site.entries(site.drill)) == ["DrillDeclared", "DrillConcluded", "EvidenceSealed"]
    (end,) = site.ends()
    assert (end.ending, end.verdict, end.drill) == ("held", "passed", site.drill)
    assert site.drp("schedule", "run").stdout == "nothing is due\n"
    assert len(site.ends()) == 1
    status = in_words(json.loads(site.drp("status", "engine", "--json", check=False).stdout))
    (due,) = status["dues"]
    assert (due["state"], due["proven_by"]) == ("proven", site.drill)
    verified = in_words(json.loads(site.drp("journal", "verify", "--json").stdout))
    assert verified["register"] == 4, "two of the slot, one of the policy, and which points were there"
    assert not left(site.site)
    _without_a_register(site)


def _without_a_register(site: Ordered) -> None:
    """A drill names the register's head: that it is gone altogether is tampering, not a schedule that is new."""
    with closing(sqlite3.connect(site.site / "state/journal.sqlite")) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'drp_register%'")
        for (name,) in tables.fetchall():
            connection.execute(f"DROP TABLE {name}")
        connection.commit()
    status = site.drp("status", check=False)
    assert (status.returncode, site.drill in status.stdout) == (2, True)
    for words in (["schedule", "list"], ["schedule", "run"], ["journal", "verify"]):
        assert site.drp(*words, check=False).returncode == 14, words
