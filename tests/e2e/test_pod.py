"""A drill of two applications in a pod: one asks the other by its production name, and nobody else can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.findings import of_lines
from tests.support.pod_site import PodSite
from tests.support.processes import left
from tests.support.scratch import scratch

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def site() -> Iterator[PodSite]:
    with scratch("drp-pod") as folder:
        made = PodSite(folder)
        yield made.make()
        made.remove()


def findings(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(recovery, finding["code"], finding["subject"]) for recovery, finding in of_lines(events)]


def verdict(events: list[dict[str, Any]]) -> str:
    return str(next(event["verdict"] for event in events if event["type"] == "drill-concluded"))


def test_one_application_reaches_the_other_at_its_production_address_and_port(site: PodSite) -> None:
    status, events, errors = site.run()
    assert status == 0, (errors, findings(events))
    assert verdict(events) == "passed"
    found = findings(events)
    assert ("record", "DRP-I002", "look-up of billing.hospital.example") in found
    assert {code for _, code, _ in found} == {*("DRP-I002", "DRP-W001", "DRP-H009", "DRP-C010", "DRP-L064")}, (
        "no lock, no manifest, the first look"
    )
    assert not left(site.site)
    report = site.drp("report", "latest", "--format", "md").stdout
    assert "image `" in report
    assert "/opt/lis" in report
    assert "it reached `lis` at their production addresses, and nothing else" in report
    assert "`lis` was called by `record`: `tcp 10.20.0.12:80`" in report
    assert "lis was called by record: tcp 10.20.0.12:80" in site.drp("drill", "show", "latest").stdout


def test_without_the_pod_they_do_not_find_each_other(site: PodSite) -> None:
    drill = site.site / "inventory" / "drills" / "both.yml"
    said = drill.read_text()
    drill.write_text(said.replace("pod: true", "pod: false"))
    try:
        status, events, errors = site.run()
    finally:
        drill.write_text(said)
    assert status == 1, (errors, findings(events))
    assert ("record", "DRP-I002", "look-up of lis.hospital.example") in findings(events)
    assert verdict(events) == "failed"


def test_changed_software_is_found_before_anything_is_restored(site: PodSite) -> None:
    server = site.image / "server.py"
    said = server.read_text()
    server.write_text(said + "# patched in production\n")
    try:
        status, events, _ = site.run()
    finally:
        server.write_text(said)
    assert status == 1
    assert ("lis", "DRP-I003", str(site.image)) in findings(events)
    started = [(event["recovery"], event["phase"]) for event in events if event["type"] == "phase-started"]
    assert ("lis", "restore") not in started
    assert not left(site.site)
