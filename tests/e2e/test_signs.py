"""Restored software that looks for signs of a drill, while it is started, looked at and asked: it finds none and passes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.processes import left
from tests.support.scratch import scratch
from tests.support.signs import PROGRAM, nothing_else
from tests.support.small_site import SmallSite

pytestmark = [pytest.mark.real, pytest.mark.slow]

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
    command: [/usr/bin/python3, "{restored_root}/server.py", serve]
    ready: {http: {url: "http://127.0.0.1:8080/health"}}
checks:
  - {name: port, verifier: tcp, options: {port: 8080}}
  - {name: interface, verifier: hl7, options: {port: 8025}}
  - {name: files, verifier: files, options: {root: ".", files_at_least: 1, newest: true}}
  - name: signs
    verifier: http
    options: {url: "http://127.0.0.1:8080/signs", body_matches: PATTERN}
"""


@pytest.fixture(scope="module")
def site() -> Iterator[SmallSite]:
    with scratch("hospital") as folder:
        yield SmallSite(folder).make(
            application=APPLICATION.replace("PATTERN", json.dumps(nothing_else())),
            tree={"server.py": PROGRAM.read_text()},
        )


def test_restored_software_finds_no_sign_of_a_drill(site: SmallSite) -> None:
    status, recovery, errors = site.run()
    checks = {check["check"]: (check["outcome"], check["observed"]) for check in recovery["verify"]["checks"]}
    assert checks["signs/body"][0] == "passed", checks["signs/body"]
    assert status == 0, (errors, checks)
    assert not left(site.site)
