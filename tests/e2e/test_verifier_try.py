"""A kept sandbox is looked at again with a single verifier, as when a check of a plan is being written."""

from __future__ import annotations

import json

import pytest

from tests.support.rig import Rig
from tests.support.words import in_words

pytestmark = pytest.mark.real


def test_a_verifier_is_tried_on_a_kept_sandbox(stage: Rig):
    stage.drp("drill", "run", "ehr-airgap", "--keep-sandbox", "--keep-for", "2m", check=False)
    drill = in_words(json.loads(stage.drp("drill", "show", "latest", "--json").stdout))["drill"]
    try:
        look = ("verifier", "try", "postgres", "--option", "database=ehr", "--option", "row_counts=false")
        found = in_words(json.loads(stage.drp(*look, "--target", f"{drill}/ehr", "--json").stdout))["results"]
        outcomes = {result["check"].removeprefix("postgres/"): result["outcome"] for result in found}
        assert outcomes["server"] == "passed"
        assert outcomes["amcheck"] == "passed", "a sandbox may be looked at without mercy"
        wrong = ("--option", "assertions=[{name: none, sql: SELECT count(*) FROM patient, equals: -1}]")
        assert stage.drp(*look, *wrong, "--target", drill, check=False).returncode == 1
        assert stage.drp(*look, "--target", f"{drill}/pacs", check=False).returncode == 10
    finally:
        stage.drp("drill", "clean", check=False)
    gone = stage.drp(*look, "--target", drill, check=False)
    assert gone.returncode == 10, gone.stderr
