"""The ports that an application's file names are its own: no sink of drp answers there."""

from __future__ import annotations

from dataclasses import replace

from drp.domain.application import CheckSpec, Runbook
from drp.domain.served_ports import served_ports
from tests.simulators.world import World


def test_ports_are_found_in_checks_and_in_what_the_runbook_waits_for() -> None:
    application = World().plan.recoveries[0].application
    checks = (
        CheckSpec(name="mllp", verifier="hl7", options={"port": 2575, "segments": ["MSH|2576"]}),
        CheckSpec(name="page", verifier="http", options={"url": "https://10.20.0.11:8443/x", "json": [{"equals": 3}]}),
        CheckSpec(name="other", verifier="site", options={"listen": [{"http_port": 80}], "ports": [81, True], "at": "http://[x"}),
    )  # fmt: skip
    runbook = Runbook(kind="service", inputs={"ready": {"port": 25}, "seconds": 60})
    assert served_ports(replace(application, checks=checks, runbook=runbook)) == (25, 80, 81, 2575, 8443)
    assert served_ports(replace(application, checks=(), runbook=None)) == ()
