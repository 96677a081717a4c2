"""Pings at each tick and for each drill, spans after a seal: what gets lost is sent again, or said once."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.config.site import check_and_advise
from drp.monitoring.outbox import Parcel
from drp.monitoring.tell import started
from drp.verifiers.judge import InstalledOptions
from tests.simulators.world import Script
from tests.support.monitored import MonitoredSite, monitored, put_secret
from tests.support.receivers import Receiver, receiver

FAILED = Script(checks=("failed",))
PINGS = """\
pings:
  site: {file: secrets/beat}
  policies:
    ehr/full: {file: secrets/full}
    ehr/hash: {file: secrets/hash}
    documents/full: {file: secrets/other}
"""


def pinging(tmp_path: Path, web: Receiver) -> MonitoredSite:
    site = monitored(tmp_path, {}, more=PINGS)
    for name in ("beat", "full", "hash", "other"):
        put_secret(tmp_path, name, f"http://{web.address}/{name}")
    return site


def test_each_tick_pings_and_each_drill_its_policies(tmp_path: Path) -> None:
    with receiver() as web:
        site = pinging(tmp_path, web)
        started(site.wiring())
        site.tell()
        assert web.paths() == ["/beat/start", "/beat"]
        web.taken.clear()
        started(site.wiring(), ("ehr/full", "documents/hash"))
        assert web.paths() == ["/full/start"]
        web.taken.clear()
        site.tell(site.hold())
        assert sorted(web.paths()) == ["/beat", "/full", "/hash"], "a deeper drill stands for a shallower one"
        web.taken.clear()
        site.tell(site.hold(FAILED))
        assert sorted(web.paths()) == ["/beat", "/full/1"]
        web.taken.clear()
        site.tell(site.hold(Script(manifest=False)))
        assert sorted(web.paths()) == ["/beat", "/full/3"]
        web.taken.clear()
        site.tell(site.hold(signal=15))
        assert sorted(web.paths()) == ["/beat", "/full/130"]
        assert all(b"ehr" not in each.body for each in web.taken)


def test_a_ping_of_a_drill_that_got_lost_is_sent_again(tmp_path: Path) -> None:
    with receiver() as web:
        site = pinging(tmp_path, web)
        drill = site.hold()
        web.refuses = True
        assert site.tell(drill).notices
        web.refuses = False
        web.taken.clear()
        site.tell()
        assert sorted(web.paths()) == ["/beat", "/full", "/hash"]
        web.taken.clear()
        site.tell()
        assert web.paths() == ["/beat"]


def test_a_site_that_cannot_be_read_pings_that_it_fails(tmp_path: Path) -> None:
    with receiver() as web:
        site = pinging(tmp_path, web)
        site.hold()
        (tmp_path / "state" / "journal.sqlite").write_bytes(b"no database" * 100)
        site.tell()
        assert web.paths() == ["/beat/fail"]


def test_a_drill_that_is_not_sealed_pings_nothing(tmp_path: Path) -> None:
    with receiver() as web:
        site = pinging(tmp_path, web)
        site.tell("ehr-nobody-knows")
        assert web.paths() == ["/beat"]


def test_spans_follow_a_seal_and_a_receiver_that_is_down_is_said_once(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {}, more="traces: {endpoint: {file: secrets/traces}}\n")
        put_secret(tmp_path, "traces", f"http://{web.address}/v1/traces")
        site.tell(site.hold(FAILED))
        assert web.paths() == ["/v1/traces"]
        web.refuses = True
        put_secret(tmp_path, "traces", "http://127.0.0.1:1/v1/traces")
        first, second = site.tell(site.hold()), site.tell(site.hold())
        assert len(first.notices) == 1
        assert second.notices == ()


def test_what_is_not_installed_is_said_when_files_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = monitored(tmp_path, {"oncall": "json://127.0.0.1:1/x"}, more="traces: {endpoint: {file: secrets/oncall}}\n")
    assert check_and_advise(site.directory, InstalledOptions())[1] == ()
    monkeypatch.setattr("drp.config.build_monitoring.find_spec", lambda _name: None)
    problems, advice = check_and_advise(site.directory, InstalledOptions())
    assert problems == ()
    assert [line.rpartition(" ")[2] for line in advice] == ["drproof[notify]", "drproof[traces]"]


def test_a_url_never_stands_in_what_is_shown_of_a_parcel_of_the_site(tmp_path: Path) -> None:
    site = monitored(tmp_path, {"oncall": "json://127.0.0.1:1/tokentoken"})
    assert "tokentoken" not in repr(site.wiring().site)
    assert "tokentoken" not in repr(Parcel(name="x", kind="ping", url="json://tokentoken"))
