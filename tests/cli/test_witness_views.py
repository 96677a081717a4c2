"""What the command line says of who says so: on what a pass rests, who found what, and which code came out of a backup."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

from drp.cli.progress import TextReporter
from drp.clock import SystemClock
from drp.domain.restored_code import RestoredCode
from drp.journal import SqlJournal
from tests.cli.test_status import drp, hold
from tests.simulators.world import Script, World
from tests.support.sites import write_site
from tests.unit.test_drill_control_flow import run

CODE = tuple(
    RestoredCode(name=f"function tidy{number}\x1b[31m", digest=f"sha256:{number}", check="db") for number in range(7)
)


def shown(site: Path, *options: str) -> str:
    done = drp(site, "drill", "show", "latest", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_drill_says_on_whose_word_it_rests_and_which_code_answered(tmp_path: Path) -> None:
    site = write_site(tmp_path / "site")
    hold(site, Script(places=("reader", "caller"), code=CODE))
    text = shown(site)
    assert "of 2 statements that passed: 1 read by drp, 1 said by the restored system, 0 seen from outside" in text
    assert "newest datum read by drp" in text
    assert "DRP-C010 restored code: 14: function tidy0" in text
    assert "(said by the restored system)" in text
    assert "code         14 pieces: `drp drill show" in text
    assert "\x1b" not in text
    table = shown(site, "--code")
    assert table.count("seen for the first time") == 14
    assert "RESTORED CODE" in table
    told = json.loads(shown(site, "--json"))
    assert told["passed_statements"] == {"ehr": {"read": 1, "said": 1, "seen": 0}}
    assert [check["witness"] for check in told["checks"]["ehr"]] == ["drp", "restored"]
    assert {finding["witness"] for finding in told["findings"]["ehr"]} <= {"drp", "restored", "outside"}
    assert (told["trust"], told["newest_datum_by"]) == ({"ehr": "restored"}, {"ehr": "drp"})
    assert len(told["restored_code"]["ehr"]) == 14
    assert "of 2 statements 1 read by drp, 1 said by the restored system" in drp(site, "status").stdout


def test_without_trust_what_was_missing_is_said(tmp_path: Path) -> None:
    site, world = write_site(tmp_path / "site"), World(Script())
    world.plan = replace(world.plan, recoveries=tuple(replace(one, trust="none") for one in world.plan.recoveries))
    run(world)
    (site / "state").mkdir(exist_ok=True)
    journal = SqlJournal(site / "state" / "journal.sqlite", SystemClock())
    for entry in world.journal.entries(world.journal.drills()[0]):
        journal.append("ehr-1", entry.event)
    journal.close()
    assert "only what drp itself has read lets it pass; MISSING: statement, newest datum" in shown(site)


def live(script: Script) -> str:
    world, stream = World(script), io.StringIO()
    run(world)
    reporter = TextReporter(stream)
    for entry in world.journal.entries(world.journal.drills()[0]):
        reporter.emit(entry)
    return stream.getvalue()


def test_a_running_drill_says_who_says_so() -> None:
    text = live(Script(places=("reader", "caller"), checks=("passed", "failed")))
    for line in (
        "match the manifest (read by drp)",
        "task (said by the restored system)",
        "(seen from outside)",
        "2 of 4 checks passed: 1 read by drp, 1 said by the restored system, newest datum",
        "because ehr: check failed (DRP-C001): answers",
    ):
        assert line in text, line
    reasons = [line for line in text.splitlines() if "because ehr: check failed (DRP-C001)" in line]
    assert [reason.rpartition("(")[2] for reason in reasons] == ["read by drp)", "said by the restored system)"]
