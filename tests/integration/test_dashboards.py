"""Every query of the dashboards and every rule is answered by a real Prometheus, from a site with a drill of each verdict."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drp.domain.schedule.events import PolicySeen, SlotEnded, SlotExpected
from drp.domain.schedule.slot import Slot
from drp.monitoring.serving import serve_metrics
from tests.simulators.world import Script
from tests.support.dashboards import NAMES, RULES, files, queries
from tests.support.monitored import MonitoredSite, monitored
from tests.support.prometheus import Prometheus, program, prometheus
from tests.support.sites import DOCUMENTS, EHR

APPLICATIONS = ("ehr", "documents", "lis", "pacs")
SCHEDULE = """\
version: 1
defaults: {zone: Europe/Paris}
policies:
  - {application: ehr, level: full, cron: "0 2 1 * *", max_age: 40d, grace: 10d}
  - {application: documents, level: full, cron: "0 3 1 * *", max_age: 40d, grace: 10d}
"""
METRIC = re.compile(r"\bdrp_[a-z_]+\b")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def put_in_register(site: MonitoredSite) -> None:
    """Let the scheduler have seen the policies, and a slot of one have ended."""
    wiring = site.wiring()
    register, now = wiring.register(), wiring.clock.now().wall.replace(microsecond=0)
    slot = Slot(application="ehr", level="full", at=now)
    for policy in ("ehr/full", "documents/full"):
        register.append(PolicySeen(policy=policy, digest="0" * 64))
    register.append(SlotExpected(slot=slot))
    register.append(SlotEnded(slot=slot, ending="missed", reason="too-late", values={"within": "12h"}))
    register.beat("test", now)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    site = monitored(folder / "site", {"oncall": "json://127.0.0.1:1/x"})
    inventory = site.directory / "inventory"
    for name, source in (
        ("lis", DOCUMENTS.replace("name: documents", "name: lis")),
        ("pacs", EHR.replace("name: ehr", "name: pacs")),
    ):
        (inventory / "applications" / f"{name}.yml").write_text(source)
    (inventory / "schedule.yml").write_text(SCHEDULE)
    site.hold()
    site.hold(Script(checks=("failed",)), name="documents")
    site.hold(Script(manifest=False), name="lis")
    site.hold(signal=15, name="pacs")
    site.tell()
    put_in_register(site)
    site.wiring().journal().verify()
    with (
        serve_metrics("127.0.0.1:0", site.wiring()) as server,
        prometheus(folder, f"127.0.0.1:{server.address[1]}", RULES) as running,
    ):
        yield running


def test_dashboards_are_as_they_are_described() -> None:
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, "run `python -m tests.support.dashboards`"
    titles = [[panel["title"] for panel in json.loads(text)["panels"]] for text in files().values()]
    assert not set(titles[0]) & set(titles[1]), "every title is in its language"
    assert len(set(titles[0])) == len(titles[0])
    assert len(NAMES) == 2


def test_every_query_of_the_dashboards_has_an_answer(scraped: Prometheus) -> None:
    asked = {query for text in files().values() for query in queries(text)}
    assert len(asked) > 20
    assert [query for query in sorted(asked) if not scraped.query(query)] == []


def test_every_rule_is_loaded_and_asks_for_what_there_is(scraped: Prometheus) -> None:
    (group,) = scraped.asked("rules")["groups"]
    assert {rule["name"] for rule in group["rules"]} == {rule["alert"] for rule in rules()}
    for rule in rules():
        scraped.query(rule["expr"])
        for metric in METRIC.findall(rule["expr"]):
            assert scraped.query(metric), f"{rule['alert']}: {metric} has no value"


def test_verdicts_of_each_kind_are_seen(scraped: Prometheus) -> None:
    found = {
        (each["metric"]["application"], each["metric"]["verdict"])
        for each in scraped.query("drp_last_drill_verdict == 1")
    }
    assert found == {("ehr", "passed"), ("documents", "failed"), ("lis", "inconclusive")}
    (aborted,) = scraped.query('drp_alerts{kind="aborted"}')
    assert aborted["value"][1] == "1"


def series(**changed: str) -> list[dict[str, str]]:
    healthy = {
        "drp_up": "1x60",
        "drp_evidence_ok": "1x60",
        "drp_exposition_timestamp_seconds": "0+60x60",
        'drp_last_drill_verdict{application="ehr",level="full",verdict="failed"}': "0x60",
        'drp_proven_age_seconds{application="ehr",level="full"}': "100+60x60",
        'drp_proven_max_age_seconds{application="ehr",level="full"}': "86400x60",
        'drp_proven_grace_seconds{application="ehr",level="full"}': "3600x60",
        'drp_due_state{application="ehr",level="full",state="never"}': "0x60",
        'drp_slots_missed_in_a_row{application="ehr",level="full"}': "0x60",
        "drp_scheduler_silent_seconds": "0x60",
        "drp_schedule_unattended": "0x60",
        "drp_slots_late": "0x60",
        'drp_rta_seconds{application="ehr"}': "100x60",
        'drp_rto_seconds{application="ehr"}': "100x60",
        'drp_rpa_lower_seconds{application="ehr"}': "100x60",
        'drp_rpo_seconds{application="ehr"}': "100x60",
        'drp_alerts{kind="residue"}': "0x60",
        'drp_alerts{kind="points-lost"}': "0x60",
        'drp_alerts{kind="scrub-damaged"}': "0x60",
        'drp_alerts{kind="let-through"}': "0x60",
        "drp_sandboxes_kept_overdue": "0x60",
        "drp_drills_unfinished": "0x60",
        "drp_journal_verified_age_seconds": "100x60",
        'drp_alert_tries{target="oncall"}': "2x60",
    }
    names = {key.partition("{")[0]: key for key in healthy}
    said = healthy | {names.get(name, name): values for name, values in changed.items()}
    return [{"series": name, "values": values} for name, values in said.items() if values]


FIRES: dict[str, dict[str, str]] = {
    "DrpGone": {"drp_up": ""},
    "DrpUnreadable": {"drp_up": "0x60"},
    "DrpStale": {"drp_exposition_timestamp_seconds": "-7200x60"},
    "DrpEvidenceDoesNotVerify": {"drp_evidence_ok": "0x60"},
    "DrpDrillDidNotPass": {"drp_last_drill_verdict": "1x60"},
    "DrpOverdue": {"drp_proven_age_seconds": "89000+60x60"},
    "DrpNeverProven": {"drp_due_state": "1x60"},
    "DrpSlotsMissed": {"drp_slots_missed_in_a_row": "1x60"},
    "DrpSlotsLate": {"drp_slots_late": "1x60"},
    "DrpSchedulerSilent": {"drp_scheduler_silent_seconds": "60+60x60"},
    "DrpRtoMissed": {"drp_rta_seconds": "101x60"},
    "DrpRpoMissed": {"drp_rpa_lower_seconds": "101x60"},
    "DrpRestoredDataLeft": {"drp_sandboxes_kept_overdue": "1x60"},
    "DrpPointsLost": {'drp_alerts{kind="points-lost"}': "1x60"},
    "DrpObjectsDamaged": {'drp_alerts{kind="scrub-damaged"}': "1x60"},
    "DrpStoreLetsThrough": {'drp_alerts{kind="let-through"}': "1x60"},
    "DrpDrillCutOff": {"drp_drills_unfinished": "1x120"},
    "DrpJournalNotVerified": {"drp_journal_verified_age_seconds": "700000x60"},
    "DrpNotTold": {"drp_alert_tries": "3x60"},
}


def test_every_rule_fires_for_its_cause_and_none_for_a_healthy_site(tmp_path: Path) -> None:
    names = [rule["alert"] for rule in rules()]
    assert set(FIRES) == set(names)
    tests = []
    for title, changed in {"healthy": {}, **FIRES}.items():
        count = [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": "65m" if title == "DrpDrillCutOff" else "55m",
                "exp_samples": [{"labels": "{}", "value": 1}] if name == title else [],
            }
            for name in names
        ]
        values = series(**changed)
        if title == "DrpDrillCutOff":
            values = [{**each, "values": each["values"].replace("x60", "x120")} for each in values]
        tests.append({"name": title, "interval": "1m", "input_series": values, "promql_expr_test": count})
    path = tmp_path / "test.yml"
    path.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run(
        [program("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
