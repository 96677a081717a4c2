"""`drp notify` as people use it: who is told, whether a message gets there, and telling now."""

from __future__ import annotations

import json
from pathlib import Path

from drp.domain.telling import Listener
from drp.service.told import Memory, remember_told
from tests.simulators.world import Script
from tests.support import warm
from tests.support.monitored import MonitoredSite, monitored
from tests.support.receivers import receiver

FAILED = Script(checks=("failed",))


def notify(site: MonitoredSite, *words: str) -> tuple[int, str, str]:
    done = warm.drp("--site", site.directory, "notify", *words)
    return done.returncode, done.stdout, done.stderr


def test_a_site_that_tells_nobody_says_so(tmp_path: Path) -> None:
    site = monitored(tmp_path, {})
    status, out, said = notify(site, "list")
    assert status == 0
    assert "nobody is told" in said
    assert json.loads(notify(site, "list", "--json")[1]) == {"schema": "drp/notify-targets/1", "items": []}
    status, out, said = notify(site, "test")
    assert (status, out) == (10, "")
    assert "inventory/monitoring.yml" in said


def test_targets_are_listed_without_their_secrets(tmp_path: Path) -> None:
    site = monitored(
        tmp_path, {"oncall": "json://user:hunter22@127.0.0.1:1/tokentoken"}, options={"oncall": ", applications: [ehr]"}
    )
    status, out, _ = notify(site, "list")
    assert status == 0
    assert "oncall" in out
    assert "secrets/oncall" in out
    (row,) = json.loads(notify(site, "list", "--json")[1])["items"]
    assert (row["name"], row["applications"], row["tries"]) == ("oncall", ["ehr"], 0)
    assert "hunter22" not in out + json.dumps(row)
    assert not (tmp_path / "state").exists(), "who looks leaves nothing"


def test_a_test_says_what_each_answered(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(
            tmp_path,
            {"fine": f"json://{web.address}/hook", "bad": f"json://user:hunter22@{web.address}/bad/tokentoken"},
        )
        status, out, said = notify(site, "test")
        assert status == 13
        assert "fine: taken" in out.splitlines()
        assert any(line.startswith("bad: not taken: ") and "500" in line for line in out.splitlines())
        assert "hunter22" not in out + said
        assert "tokentoken" not in out + said
        hook = next(each.json for each in web.taken if each.path == "/hook")
        assert "TEST" in hook["title"]
        assert notify(site, "test", "fine")[0] == 0
        answers = json.loads(notify(site, "test", "bad", "--json")[1])["items"]
        assert [(each["name"], each["taken"]) for each in answers] == [("bad", False)]
    status, _, said = notify(site, "test", "fin")
    assert status == 10
    assert "did you mean `fine`?" in said


def test_it_tells_now_what_there_is_to_tell(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {"oncall": f"json://{web.address}/hook"})
        site.hold(FAILED)
        assert notify(site, "run")[:2] == (0, "oncall: told\n")
        assert notify(site, "run")[:2] == (0, "")
        assert json.loads(notify(site, "run", "--json")[1])["told"] == []
        (site.directory / "state" / "journal.sqlite").write_bytes(b"no database" * 100)
        assert notify(site, "run")[:2] == (0, "oncall: told\n")
        assert len(web.taken) == 2


def test_a_target_that_takes_nothing_is_told_of(tmp_path: Path) -> None:
    site = monitored(tmp_path, {"oncall": "json://127.0.0.1:1/x"})
    site.hold(FAILED)
    status, out, said = notify(site, "run")
    assert (status, out) == (13, "")
    assert "oncall could not be told" in said
    assert "1 (1 tries: " in notify(site, "list")[1]


def test_status_warns_of_a_target_that_has_taken_nothing_for_long(tmp_path: Path) -> None:
    site = monitored(tmp_path, {"oncall": "json://127.0.0.1:1/x"})
    site.hold()
    site.hold(name="documents")
    for tries, status in ((2, 0), (3, 1)):
        remember_told(tmp_path / "state", Memory(listeners={"oncall": Listener(tries=tries, refused="HTTP 500")}))
        done = warm.drp("--site", site.directory, "status")
        assert done.returncode == status, done.stdout
        assert ("oncall cannot be told" in done.stdout.splitlines()[0]) is (tries == 3)
    assert "drp notify test oncall" in done.stdout
    assert json.loads(warm.drp("--site", site.directory, "status", "--json").stdout)["deaf_targets"] == ["oncall"]
