"""What a hospital's own runbooks can do to a drill: alter what was restored, fail, hang. Each is caught and named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from drp.share import shared
from tests.support.findings import of_lines
from tests.support.processes import left
from tests.support.rig import APPLICATION, Rig
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]

SHIPPED = shared("runbooks") / "postgres"
ALTERING = """
    - name: Alter one file and hide it
      drp_exec:
        argv: [/usr/bin/python3, -c, "{script}"]
"""
ALTER = (
    "import os; p='/data/files{root}/documents/00/letter-00000.pdf'; s=os.stat(p); f=open(p,'r+b'); f.seek(77); b=f.read(1); "
    "f.seek(77); f.write(bytes([b[0]^1])); f.close(); os.utime(p, ns=(s.st_atime_ns, s.st_mtime_ns))"
)
PLAY = """- name: {name}
  hosts: sandbox
  gather_facts: false
  tasks:
    - name: {task}
      drp_exec:
        argv: {argv}
"""


@contextmanager
def site_runbook(stage: Rig, **steps: str) -> Iterator[None]:
    """Give the site a runbook of its own; steps that are not given are those of the postgres runbook."""
    folder = stage.site / "runbooks" / "ward"
    folder.mkdir(parents=True, exist_ok=True)
    for step in ("restore", "start", "stop"):
        (folder / f"{step}.yml").write_text(steps.get(step) or (SHIPPED / f"{step}.yml").read_text())
    changed = APPLICATION.replace("kind: postgres", "kind: ward\n  timeout: 12s", 1)
    stage.write_site(**{"inventory/applications/ehr.yml": changed})
    try:
        yield
    finally:
        stage.write_site()


def run(stage: Rig) -> tuple[int, dict[str, dict[str, Any]], str]:
    done = stage.drp("drill", "run", "ehr-airgap", "--json", check=False)
    events = [in_words(json.loads(line))["event"] for line in done.stdout.splitlines()]
    found = {finding["code"]: finding for _, finding in of_lines(events)}
    return done.returncode, found, done.stderr


def test_a_file_altered_after_the_restore_with_the_same_size_and_time_is_named(stage: Rig):
    root = stage.ehr.staging / "ehr"
    altering = ALTERING.format(script=ALTER.format(root=root))
    with site_runbook(stage, restore=(SHIPPED / "restore.yml").read_text().rstrip() + altering):
        status, found, errors = run(stage)
    assert status == 1, errors
    assert found["DRP-H001"]["subject"].endswith("documents/00/letter-00000.pdf")
    assert set(found) <= {"DRP-H001", "DRP-H007"}


def test_a_task_that_fails_fails_the_drill_and_is_named(stage: Rig):
    play = PLAY.format(
        name="Start", task="Start the unstartable", argv="[/bin/sh, -c, 'echo no such engine >&2; exit 4']"
    )
    with site_runbook(stage, start=play):
        status, found, errors = run(stage)
    assert status == 1, errors
    assert found["DRP-U001"]["subject"] == "Start the unstartable"
    assert not left(stage.site)


def test_a_task_that_hangs_is_inconclusive_and_nothing_of_it_stays(stage: Rig):
    play = PLAY.format(name="Start", task="Wait for ever", argv="[/bin/sleep, '600']")
    with site_runbook(stage, start=play):
        status, found, errors = run(stage)
    assert status == 3, errors
    assert "Wait for ever" in found["DRP-U002"]["observed"]
    assert not left(stage.site)


def test_a_playbook_that_does_nothing_never_passes(stage: Rig):
    nothing = "- name: Nothing\n  hosts: nobody\n  gather_facts: false\n  tasks: []\n"
    with site_runbook(stage, restore=nothing):
        status, found, _ = run(stage)
    assert status in {1, 3}
    assert found
